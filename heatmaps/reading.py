"""How a picture of one method is to be read, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heatmaps.absent_slide import ORIGINS
from heatmaps.methods.attribution import Scores
from heatmaps.wording import LIMITS, METHOD_NOTE, SHARES_LIMIT, odds_factor, signed, signed_significant

if TYPE_CHECKING:
    from heatmaps.absent_slide import AnySlide
    from heatmaps.drawing.colours import Scale
    from heatmaps.methods import Method
    from heatmaps.methods.relevance import Relevance
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


def note(method: Method) -> str:
    """Return the paragraph below the report's table of the method."""
    if method.exact:
        return METHOD_NOTE
    return (
        f"It shows {method.shows}. Where it misleads: {method.misleads}. "
        "Nothing is smoothed or interpolated; overlapping tiles are averaged."
    )


def limits(method: Method) -> tuple[str, ...]:
    """Return the report's limits; those of exact shares stand for exact methods only."""
    if method.exact:
        return LIMITS
    own = f"This is {method.title}: it shows {method.shows}, and is no exact share of the result."
    return tuple(own if one == SHARES_LIMIT else one.replace("Shares of", "Numbers of") for one in LIMITS)


def report_words(method: Method) -> dict[str, Any]:
    """Return what the report says wherever it speaks of the method."""
    letters = "F: strongest for, A: strongest against" if method.signed else f"T: highest {method.title}"
    return {
        "exact": method.exact,
        "signed": method.signed,
        "title": method.title,
        "unit": method.unit,
        "shows": method.shows,
        "misleads": method.misleads,
        "letters": letters,
    }


def target_words(method: Method, one: Relevance, scale: Scale) -> dict[str, str]:
    """Return heading, words of the colour layer and words of the colour scale for one target."""
    label = one.label
    words = "; ".join(detail_words(one.details))
    found = f"{words[0].upper()}{words[1:]}." if words else ""
    if not method.signed:
        return {
            "found": found,
            "heading": f"Where the {method.title} for {label} is high",
            "alt_layer": f"{method.title} for {label}, from white to purple.",
            "scale_words": f"Colour scale from 0 (white) to {scale.clip:.3g} (purple), {method.unit}.",
        }
    speak_for, against = int((one.values > 0).sum()), int((one.values < 0).sum())
    low, high = signed_significant(-scale.clip), signed_significant(scale.clip)
    return {
        "found": found,
        "heading": f"Where the evidence for {label} lies",
        "alt_layer": f"{speak_for:,} tiles speak for {label}, {against:,} against.",
        "scale_words": f"Colour scale from {low} (blue, against {label}) over 0 (white, neutral) to {high} (red, for "
        f"{label}), in log-odds per tile.",
    }


def tiles_heading(method: Method, side: str, label: str) -> str:
    """Return what stands above a row of tiles."""
    return f"Strongest tiles {side} {label}" if method.signed else f"Tiles of highest {method.title}, {label}"


def tile_numbers(method: Method) -> str:
    """Return what the number below a tile's picture is."""
    if method.exact:
        return (
            "The number is the tile's share of the log-odds; attention is how many times more than an average tile "
            "the model looked there."
        )
    return f"The number is the {method.title} of the tile ({method.unit})."


def tile_number(method: Method, value: float) -> str:
    """Return a tile's number."""
    return signed_significant(value) if method.signed else f"{value:.3g}"


def tile_alt(method: Method, number: str, side: str, label: str) -> str:
    """Return a tile's number in words."""
    if method.signed:
        return f"{number} log-odds, evidence {side} {label}"
    return f"{method.title} {number} ({method.unit}), {label}"


def scale_row(method: Method, scale: Scale) -> str:
    """Return a colour scale for the report's table."""
    ends = f"±{scale.clip:.6g}" if method.signed else f"0 to {scale.clip:.6g}"
    return f"{ends} {method.unit} ({scale.rule})"
