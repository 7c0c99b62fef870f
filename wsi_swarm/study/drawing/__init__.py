"""Drawn H&E-like slides for the demo: seeded, with planted truth; no patient ever had them."""
