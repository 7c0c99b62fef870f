"""How good a model is: numbers with intervals, plots and a report for a reviewer and a statistician."""
