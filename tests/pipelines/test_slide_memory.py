"""Memory is bounded by blocks and batches, not by the slide: ``benchmarks/memory.py`` in small."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import memory


@pytest.mark.slow
def test_peak_memory_does_not_grow_with_the_slide() -> None:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("peak memory can be set back only where there is /proc/self/clear_refs (Linux)")
    small = memory.measure((24_000, 20_000), "stain-texture", 2)
    large = memory.measure((48_000, 40_000), "stain-texture", 2)
    for stage in ("tile", "extract"):
        assert large[stage]["tiles"] > 3 * small[stage]["tiles"] > 1000
        print(f"{stage}: {small[stage]['above_mb']:.0f} MB, four times the slide {large[stage]['above_mb']:.0f} MB")
    # Four times the overview (0.5 to 1.9 Mpx) and of the list of tiles; the slide itself would be 1.4 and 5.8 GB.
    assert large["tile"]["above_mb"] < small["tile"]["above_mb"] + 250
    assert large["extract"]["above_mb"] < small["extract"]["above_mb"] + 250
    assert max(large["tile"]["above_mb"], large["extract"]["above_mb"]) < memory.BAR_MB
