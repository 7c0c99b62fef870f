"""Answers of readers, checked and joined with the key."""
