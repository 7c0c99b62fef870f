"""``study compare`` and ``demo``: one recipe, trained alone, merged and in a swarm."""
