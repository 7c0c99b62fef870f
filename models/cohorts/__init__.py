"""What is wrong with a cohort's tables and features, and what could betray the label: findings, one family per file."""
