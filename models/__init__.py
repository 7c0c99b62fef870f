"""Feature files to predictions: encoders, cohorts, bags, aggregators, learners, evaluation. Knows nothing of swarms."""
