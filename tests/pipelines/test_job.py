"""What a job decides for a slide, and why; what its summary keeps."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from pipelines.errors import ConfigError, SetupError
from pipelines.job import Claim, Control, Job, Outcome, Shard, Summary, parse_shard, plan_table
from pipelines.job.locks import STALE_AFTER_S
from pipelines.slides import SlideEntry

if TYPE_CHECKING:
    from pathlib import Path

ASKED = {"slide": {"bytes": 3}, "mpp": 0.5, "sizes": (1, 2), "look": {"seed": 0, "name": "x"}}


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def entry(tmp_path: Path) -> SlideEntry:
    return SlideEntry(tmp_path / "a.svs")


@pytest.fixture
def output(tmp_path: Path) -> Path:
    path = tmp_path / "job/out/a.h5"
    path.parent.mkdir(parents=True)
    path.touch()
    return path


def claim(job: Job, entry: SlideEntry, output: Path, asked: dict[str, object] = ASKED) -> Claim:
    claimed = job.claim(entry, "s", asked, [output])
    assert isinstance(claimed, Claim), claimed
    return claimed


def why(job: Job, entry: SlideEntry, output: Path, asked: dict[str, object] = ASKED) -> tuple[bool, str, str]:
    plan = job.plan(entry, "s", asked, [output])
    return plan.does, plan.why, plan.detail


def test_a_plan_says_what_and_why_and_touches_nothing(tmp_path: Path, clock: Clock, entry, output) -> None:
    folder = tmp_path / "job"
    look = Job(folder, clock)
    assert why(look, entry, output) == (True, "new", "")
    assert not (folder / "state").exists()
    with Job(folder, clock) as job:
        claimed = claim(job, entry, output)
        assert why(look, entry, output)[:2] == (False, "busy")
        clock.now += STALE_AFTER_S + 1
        assert why(look, entry, output)[:2] == (True, "interrupted")
        claimed.failed("it is torn")
        assert why(look, entry, output) == (True, "failed before", "it is torn")
        claim(Job(folder, clock).__enter__(), entry, output).done({"tiles": 3, "dropped": {}})
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert why(look, entry, output) == (False, "done", "")
    assert why(look, entry, output, {**ASKED, "mpp": 0.4, "look": {"seed": 1, "name": "x"}}) == (
        True,
        "parameters changed",
        "look.seed, mpp",
    )
    assert why(look, entry, output, {**ASKED, "more": 1})[1:] == ("parameters changed", "more")
    assert why(look, entry, output, {**ASKED, "mpp": 0.4, "slide": {"bytes": 4}})[1] == "slide changed"
    assert why(Job(folder, clock, Control(force=True)), entry, output)[:2] == (True, "forced")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    output.unlink()
    assert why(look, entry, output) == (True, "output missing", str(output))


def test_force_does_the_done_again_but_not_what_this_run_has_done(tmp_path: Path, clock: Clock, entry, output) -> None:
    with Job(tmp_path / "job", clock) as job:
        clock.now += 1
        claim(job, entry, output).done({})
        again = Job(tmp_path / "job", clock, Control(force=True))
        partner = Job(tmp_path / "job", clock, Control(force=True), started=again.started)
        with again, partner:
            clock.now += 1
            claim(again, entry, output).done({})
            settled = partner.claim(entry, "s", ASKED, [output])
    assert isinstance(settled, Outcome)
    assert settled.status == "done before"
    assert job.stage(entry.id, "s")["attempts"] == 2


def test_what_failed_in_this_run_is_not_tried_again_by_its_partners(
    tmp_path: Path, clock: Clock, entry, output
) -> None:
    with Job(tmp_path / "job", clock) as one, Job(tmp_path / "job", clock) as partner:
        clock.now += 1
        claim(one, entry, output).failed("it is torn")
        settled = partner.claim(entry, "s", ASKED, [output])
        assert settled == Outcome(entry.id, "failed", "it is torn")
        assert isinstance(partner.claim(entry, "s", {**ASKED, "mpp": 1.0}, [output]), Claim)
    clock.now += 1
    with Job(tmp_path / "job", clock) as later:
        claim(later, entry, output)


def test_only_failed_takes_the_failed_and_the_cut_short(tmp_path: Path, clock: Clock, output) -> None:
    names = ("good", "bad", "cut", "new")
    entries = {name: SlideEntry(tmp_path / f"{name}.svs") for name in names}
    with Job(tmp_path / "job", clock) as job:
        claim(job, entries["good"], output).done({})
        claim(job, entries["bad"], output).failed("it is torn")
        claim(job, entries["cut"], output)
    with Job(tmp_path / "job", clock, Control(only_failed=True)) as job:
        results = {name: job.claim(entry, "s", ASKED, [output]) for name, entry in entries.items()}
    assert isinstance(results["bad"], Claim)
    assert isinstance(results["cut"], Claim)
    assert [results[name].status for name in ("good", "new")] == ["done before", "not asked for"]
    with pytest.raises(ConfigError, match="contradict"):
        Control(only_failed=True, force=True)


def test_a_lock_of_a_dead_host_expires(tmp_path: Path, clock: Clock, entry, output) -> None:
    with Job(tmp_path / "job", clock) as job:
        lock = job.lock_file(entry.id)
        lock.write_text(json.dumps({"host": "elsewhere", "pid": 1, "heartbeat": clock.now, "token": "theirs"}))
        busy = job.claim(entry, "s", ASKED, [output])
        assert busy == Outcome(entry.id, "busy", "process 1 on elsewhere is working on it")
        clock.now += STALE_AFTER_S + 1
        claim(job, entry, output).done({})
    assert not lock.exists()


def test_the_lock_of_who_died_after_the_work_is_put_away(tmp_path: Path, clock: Clock, entry, output) -> None:
    with Job(tmp_path / "job", clock) as job:
        claim(job, entry, output).done({"tiles": 1, "dropped": {}})
        job.lock_file(entry.id).write_text(json.dumps({"host": "elsewhere", "pid": 1, "heartbeat": 0, "token": "t"}))
        assert job.claim(entry, "s", ASKED, [output]).status == "done before"
        assert not job.lock_file(entry.id).exists()


@pytest.mark.parametrize("count", [1, 2, 3, 7, 20])
def test_shards_are_disjoint_and_together_all(count: int, tmp_path: Path) -> None:
    entries = [SlideEntry(tmp_path / f"{number}.svs") for number in range(11)]
    shards = [Shard(index, count).of(entries) for index in range(1, count + 1)]
    assert sorted(e.path.name for shard in shards for e in shard) == sorted(e.path.name for e in entries)
    assert max(map(len, shards)) - min(map(len, shards)) <= 1
    assert parse_shard(f"{count}/{count}") == Shard(count, count)


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0", "-1/3", "1/2/3"])
def test_a_shard_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--shard"):
        parse_shard(text)


def test_a_summary_keeps_what_other_processes_told(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    start = threading.Barrier(6)

    def tell(number: int) -> None:
        start.wait()
        done = Outcome(f"s{number}", "done", "", {"tiles": number, "dropped": {}})
        Summary("s", tmp_path, 0.0, 1.0, (done, Outcome("all", "busy", "another"))).write()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(tell, range(6)))
    told = json.loads((tmp_path / "summary.json").read_text())["runs"]["s"]
    assert {slide["slide_id"]: slide["status"] for slide in told["slides"]} == {
        "all": "busy",
        **{f"s{number}": "done" for number in range(6)},
    }
    assert told["counts"] == {"busy": 1, "done": 6}


def test_a_weak_word_does_not_replace_a_strong_one(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    for first, second, kept in (
        ("done", "busy", "done"),
        ("done", "done before", "done"),
        ("failed", "busy", "failed"),
        ("failed", "done before", "done before"),
        ("busy", "done", "done"),
        ("done", "failed", "failed"),
    ):
        for status in (first, second):
            Summary(f"{first} {second}", tmp_path, 0.0, 1.0, (Outcome("a", status),)).write()
        slides = json.loads((tmp_path / "summary.json").read_text())["runs"][f"{first} {second}"]["slides"]
        assert [slide["status"] for slide in slides] == [kept]


def test_a_summary_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"summary\.json cannot be written"):
        Summary("s", tmp_path / "gone", 0.0, 1.0, ()).write()


def test_the_table_counts_and_names(tmp_path: Path, clock: Clock, entry, output) -> None:
    table = plan_table([Job(tmp_path / "job", clock).plan(entry, "s", ASKED, [output])])
    assert table.startswith("1 of 1 slides would be done (1 new)")
    assert "| a | yes | new |" in table
