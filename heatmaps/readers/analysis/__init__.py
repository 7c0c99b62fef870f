"""From the table of `reader import` to tables, figures and a report."""
