"""Statistics of reader studies: agreement, arms, preferences, MRMC and AI assistance, on arrays and data frames."""
