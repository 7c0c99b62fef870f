"""Figures as SVG text: what each shows, and how it is drawn in a language."""
