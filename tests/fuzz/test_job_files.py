"""A job folder whose states, locks and summary hold anything at all: what is not whole counts as not done."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.job import Claim, Job, Outcome, Summary
from pipelines.slides import SlideEntry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STAGE, PARAMETERS = "tile", {"mpp": 0.5, "slide": {"bytes": 1}}
SETTINGS = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
numbers = st.integers() | st.floats() | st.sampled_from([0, -1, 1, 2**31, 2**63, 2**64, 1e308])
anything = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
bytes_of_any_kind = st.binary(max_size=60) | anything.map(lambda value: json.dumps(value).encode())


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value inside a JSON document, its own first."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, part in inside for place in places(part, (*at, key)))]


def replaced(document: Any, at: tuple[Any, ...], value: Any) -> Any:
    if not at:
        return value
    copy = json.loads(json.dumps(document))
    target = copy
    for key in at[:-1]:
        target = target[key]
    target[at[-1]] = value
    return copy


@pytest.fixture
def done_job(tmp_path: Path) -> tuple[Path, SlideEntry, Path]:
    """A job with one finished slide."""
    entry = SlideEntry(tmp_path / "a.tiff")
    output = tmp_path / "job/tiles/a.h5"
    with Job(tmp_path / "job") as job:
        claim = job.claim(entry, STAGE, PARAMETERS, [output])
        assert isinstance(claim, Claim)
        output.parent.mkdir()
        output.write_bytes(b"tiles")
        outcome = claim.done({"tiles": 3, "dropped": {"background": 2}})
        Summary(STAGE, tmp_path / "job", 0.0, 1.0, (outcome,)).write()
    return tmp_path / "job", entry, output


def work(folder: Path, entry: SlideEntry, output: Path) -> Outcome:
    """Claim, work, finish, sum up, as ``tile`` does."""
    with Job(folder) as job:
        plan = job.plan(entry, STAGE, PARAMETERS, [output])
        assert plan.why.isprintable()
        claim = job.claim(entry, STAGE, PARAMETERS, [output])
        outcome = claim.done({"tiles": 3, "dropped": {}}) if isinstance(claim, Claim) else claim
    summary = Summary(STAGE, folder, 0.0, 1.0, (outcome,))
    summary.write()
    assert summary.markdown()
    return outcome


@pytest.mark.parametrize("name", ["state/a.json", "summary.json"])
@SETTINGS
@given(data=st.data())
def test_a_file_that_holds_anything(done_job: tuple[Path, SlideEntry, Path], name: str, data: st.DataObject) -> None:
    folder, entry, output = done_job
    file = folder / name
    sound = file.read_bytes()
    document = json.loads(sound)
    place = data.draw(st.sampled_from(places(document)))
    file.write_text(json.dumps(replaced(document, place, data.draw(anything))), encoding="utf-8")
    try:
        assert work(folder, entry, output).status in {"done", "done before"}
        assert work(folder, entry, output).status == "done before"
        slides = json.loads((folder / "summary.json").read_text())["runs"][STAGE]["slides"]
        assert "a" in [slide["slide_id"] for slide in slides]
    finally:
        file.write_bytes(sound)


@SETTINGS
@given(content=bytes_of_any_kind)
def test_a_state_that_is_no_state(done_job: tuple[Path, SlideEntry, Path], content: bytes) -> None:
    folder, entry, output = done_job
    (folder / "state/a.json").write_bytes(content)
    assert work(folder, entry, output).status == "done"


@SETTINGS
@given(data=st.data())
def test_a_lock_that_holds_anything(done_job: tuple[Path, SlideEntry, Path], data: st.DataObject) -> None:
    folder, entry, output = done_job
    (folder / "state/a.json").unlink(missing_ok=True)
    lock = folder / "state/a.lock"
    sound = {"host": "another", "pid": 1, "pids": "", "token": "t", "heartbeat": 0.0}
    with_something = st.builds(
        lambda key, value: json.dumps({**sound, key: value}).encode(), st.sampled_from(sorted(sound)), anything
    )
    lock.write_bytes(data.draw(with_something | bytes_of_any_kind))
    outcome = work(folder, entry, output)
    # An unreadable lock may be one that is being written: it is respected until it is old.
    assert outcome.status in {"done", "busy"}
    lock.unlink(missing_ok=True)


@pytest.mark.parametrize("pid", [2**31, 2**63, 2**70, -1, 0, True, 1.5, "1", None, [1]])
def test_a_lock_of_an_impossible_process_does_not_hold_for_ever(
    done_job: tuple[Path, SlideEntry, Path], pid: object
) -> None:
    folder, entry, output = done_job
    (folder / "state/a.json").unlink()
    content = {"host": socket.gethostname(), "pid": pid, "token": "t", "heartbeat": 0.0}
    (folder / "state/a.lock").write_text(json.dumps(content))
    assert work(folder, entry, output).status == "done"


def test_a_whole_run_over_a_job_of_nonsense(tmp_path: Path, make_small_slide: Callable[[], Path]) -> None:
    from pipelines.tile import tile_slides

    slide = make_small_slide()
    assert not tile_slides(slide, tmp_path / "job").failed
    for index, nonsense in enumerate(
        ([], 3, "x", {"tile": []}, {"tile": {"status": "done"}}, {"tile": {"status": []}})
    ):
        state = {"format": "wsi-swarm state 1", "slide": slide.stem, "stages": nonsense}
        (tmp_path / f"job/state/{slide.stem}.json").write_text(json.dumps(state))
        outcome = tile_slides(slide, tmp_path / "job").outcomes[0]
        assert outcome.status == "done", (index, nonsense, outcome)


@pytest.fixture
def make_small_slide(tmp_path: Path) -> Callable[[], Path]:
    import numpy as np
    import tifffile

    def make() -> Path:
        y, x = np.mgrid[:900, :900]
        picture = np.full((900, 900, 3), 243, np.uint8)
        picture[(x - 450) ** 2 + (y - 450) ** 2 < 350**2] = (200, 120, 170)
        noise = np.random.default_rng(0).integers(-12, 12, picture.shape)
        path = tmp_path / "slide.tiff"
        tifffile.imwrite(
            path,
            np.clip(picture + noise, 0, 255).astype(np.uint8),
            tile=(256, 256),
            photometric="rgb",
            compression="adobe_deflate",
            resolution=(20000, 20000),
            resolutionunit="CENTIMETER",
            metadata=None,
        )
        return path

    return make
