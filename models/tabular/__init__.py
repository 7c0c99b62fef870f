"""Learners on tables of measurements, for instance gene expression: one row of numbers per patient."""
