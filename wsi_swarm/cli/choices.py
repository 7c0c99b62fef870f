"""Words that several commands let a person choose from."""

from __future__ import annotations

from typing import Literal

MethodName = Literal["contribution", "attention", "single", "ig", "occlusion"]
"""The methods of ``heatmaps.methods``; named here, so that ``--help`` need not import them."""
LanguageName = Literal["en", "de"]
TemplateName = Literal["tile-plausibility", "heatmap-preference", "ai-assistance"]
