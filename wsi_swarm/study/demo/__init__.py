"""The demo: the whole way on a drawn cohort."""
