"""The analysis of readings with and without AI: areas, decisions, automation bias, confidence and time."""
