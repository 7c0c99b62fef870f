"""Local, merged and swarm training side by side, and the drawn demo cohort."""
