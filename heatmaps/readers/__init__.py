"""Reader studies: kits, answers, statistics."""
