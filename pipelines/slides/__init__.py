"""Whole-slide images: which ones are meant, opening them, reading pixels at exact micrometres."""

from pipelines.slides.opening import READERS, Reader, open_handle, open_slide
from pipelines.slides.overview import Overview
from pipelines.slides.resolution import MPP_TOLERANCE, PLAUSIBLE_MPP, resolution_of
from pipelines.slides.slide import Slide, UnreadableRegion
from pipelines.slides.slide_list import SlideEntry, list_slides, slide_id_of

__all__ = [
    "MPP_TOLERANCE",
    "PLAUSIBLE_MPP",
    "READERS",
    "Overview",
    "Reader",
    "Slide",
    "SlideEntry",
    "UnreadableRegion",
    "list_slides",
    "open_handle",
    "open_slide",
    "resolution_of",
    "slide_id_of",
]
