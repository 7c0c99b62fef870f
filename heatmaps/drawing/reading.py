"""How a figure of one method is to be read, in words; pages have theirs in ``heatmaps.report``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heatmaps.drawing.wording import odds_factor, signed, signed_significant
from heatmaps.methods.attribution import Scores
from heatmaps.slide.absent_slide import ORIGINS

if TYPE_CHECKING:
    from heatmaps.drawing.colours import Scale
    from heatmaps.methods import Method
    from heatmaps.methods.relevance import Relevance
    from heatmaps.slide.absent_slide import AnySlide
    from pipelines.features import Features


def caption(method: Method, label: str) -> str:
    """Return what stands above a picture."""
    if method.signed:
        return f"Evidence for (red) and against (blue) {label}; outline = tissue analysed"
    return f"{method.title.capitalize()}, {label}: white = 0, dark = high; outline = tissue analysed"


def subtitle(one: Relevance) -> str:
    """Return the slide's result in numbers."""
    result = f"log-odds {signed(one.logit)}"
    if isinstance(one, Scores):
        result += f" = start {signed(one.bias)} and tiles {signed(float(one.contribution.sum()))}"
    return f"{result}      Research use only, not a diagnosis"


def method_lines(method: Method, one: Relevance, tiles: str) -> tuple[str, ...]:
    """Return method, unit and exactness for the foot of a figure, with a sentence about the tiles."""
    if method.exact:
        return (f"Method: {method.title}, exact (tiles and start sum to the log-odds). {tiles}",)
    found = "".join(f"; {words}" for words in detail_words(one.details))
    return f"Method: {method.title}; unit: {method.unit}; no exact share of the result{found}.", tiles


def tiles_line(slide: AnySlide, features: Features) -> str:
    """Return a figure's sentence about tiles and resolution, and where both are known from."""
    dropped = sum(features.attrs["dropped"].values())
    ends = "; the slide's size is not known, the picture ends with the tiles" if "size_origin" in features.attrs else ""
    return (
        f"{len(features.coords):,} tiles of {features.tile_um:g} µm, {dropped:,} dropped; "
        f"{slide.mpp:.4g} µm per pixel ({ORIGINS[slide.mpp_origin]}){ends}."
    )


def detail_words(details: dict[str, Any]) -> list[str]:
    """Return what a method recorded of one target, in words."""
    words = []
    if "completeness_error" in details:
        words.append(f"completeness error {details['completeness_error']:+.1e} log-odds".replace("-", "−", 1))
    if "occluded_side_tiles" in details:
        side = details["occluded_side_tiles"]
        words.append(f"squares of {side} × {side} tiles taken away")
    return words


def bar_numbers(method: Method, scale: Scale) -> str:
    """Return the words below a figure's colour bar."""
    beyond = f"{100 * scale.clipped_share:.1f} % of tiles lie beyond."
    if method.exact:
        return (
            f"Numbers: log-odds that one\ntile adds to the result.\nColours end at ±{scale.clip:.3g}\n"
            f"({odds_factor(scale.clip)} per tile);\n{beyond}"
        )
    end = f"±{scale.clip:.3g}" if method.signed else f"{scale.clip:.3g}"
    unit = "" if method.unit in method.title else f",\n{method.unit}"
    return f"Numbers: {method.title}{unit}.\nColours end at {end};\n{beyond}"


def bar_ends(method: Method, label: str) -> tuple[str, str]:
    """Return the words at the upper and the lower end of a figure's colour bar."""
    if method.signed:
        return f"▲ evidence FOR\n    {label}", f"▼ evidence AGAINST\n    {label}"
    return f"▲ high\n    {label}", "▼ 0"


def tile_number(method: Method, value: float) -> str:
    """Return a tile's number."""
    return signed_significant(value) if method.signed else f"{value:.3g}"
