"""Predictions to what people look at: attribution, rendering, exports, reports."""
