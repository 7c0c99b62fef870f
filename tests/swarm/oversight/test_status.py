"""Status and votes, over the pure model of the contract."""

from __future__ import annotations

import io
import json
import threading

import pytest
from rich.console import Console

from wsi_swarm.swarm.ledger.base import Candidate, Phase, RunTerms
from wsi_swarm.swarm.ledger.errors import UnreachableError
from wsi_swarm.swarm.ledger.model import ContractModel, ModelLedger
from wsi_swarm.swarm.ledger.typed_data import account_of
from wsi_swarm.swarm.node.runs import find_run, open_votes, vote_for_wanted
from wsi_swarm.swarm.oversight.page import as_text
from wsi_swarm.swarm.oversight.status import StatusReader, as_json
from wsi_swarm.swarm.oversight.watch import watch_status
from wsi_swarm.swarm.oversight.wording import bytes_text, span_text

KEYS = [bytes(31) + bytes([i + 1]) for i in range(3)]
ACCOUNTS = [account_of(key) for key in KEYS]
TERMS = RunTerms(b"c" * 32, b"b" * 32, 2, 2, enrol_seconds=60, commit_seconds=60, attest_seconds=60, max_weight=9)


@pytest.fixture
def ledgers() -> list[ModelLedger]:
    founders = [Candidate(account, account.encode()[:32], bytes(32)) for account in ACCOUNTS]
    contract = ContractModel(founders, 3600, lambda: 1000)
    return [ModelLedger(contract, account) for account in ACCOUNTS]


def told(played, now=None) -> tuple[dict, str]:
    """Return the status as JSON and as a page."""
    reader = StatusReader(played.ledgers[0], played.federation, lambda run: played.checkpoint.folder)
    values = json.loads(json.dumps(as_json(reader.read())))
    return values, as_text(values, now)


def rows(text: str) -> dict[str, str]:
    """Return the lines of the page by their first word, the last one of each."""
    return {line.split()[0]: line for line in text.splitlines() if line.split()}


def test_a_run_that_is_what_this_centre_wants_gets_its_vote_and_no_other(ledgers):
    other_model = RunTerms(**{name: getattr(TERMS, name) for name in TERMS.__slots__} | {"base_root": b"x" * 32})
    wanted = ledgers[0].propose_run(TERMS)
    ledgers[0].propose_run(other_model)
    ledgers[0].propose_removal(2)
    assert find_run(ledgers[1], TERMS.config_hash) is None
    assert [(v.proposal.id, v.acceptable) for v in open_votes(ledgers[1], ACCOUNTS[1], TERMS)] == [
        (2, False),
        (1, True),
    ]
    assert len(vote_for_wanted(ledgers[1], TERMS)) == 2
    assert ledgers[0].proposal(2).yes == {0}
    assert ledgers[0].proposal(wanted).outcome == 1
    found = find_run(ledgers[2], TERMS.config_hash)
    assert found is not None
    assert (found.run, found.phase) == (1, Phase.ENROL)
    assert find_run(ledgers[2], b"?" * 32) is None
    assert [v.proposal.id for v in vote_for_wanted(ledgers[1], TERMS)] == [2]


def test_who_has_voted_is_not_asked_again_and_strangers_never(ledgers):
    ledgers[0].propose_run(TERMS)
    assert open_votes(ledgers[0], ACCOUNTS[0], TERMS) == []
    assert open_votes(ledgers[0], "0x" + "99" * 20, TERMS) == []


def test_a_run_that_goes_on_comes_before_a_finished_one(played):
    for _ in range(played.rounds):
        played.final()
    ledger = played.ledgers[0]
    assert find_run(ledger, b"h" * 32).phase is Phase.FINISHED
    number = ledger.propose_run(played.state.terms)
    played.ledgers[1].vote(number, yes=True)
    assert find_run(ledger, b"h" * 32).run == 2


def test_what_a_person_sees_while_members_train(played):
    played.ledgers[0].propose_removal(2)
    played.commit([1])
    values, text = told(played)
    assert "run 1 (msi-2026): training and commitment, 59 s left" in text
    assert "remove centre-c" in text
    assert "2 of 3" in text
    found = rows(text)
    assert "101" in found["centre-b"]
    assert "committed" in found["centre-b"]
    assert "expected" in found["centre-a"]
    run = values["runs"][0]
    assert run["committed"] == ["centre-b"]
    assert run["enrolled"] == {"centre-a": 100, "centre-b": 101, "centre-c": 102}
    assert run["seconds_left"] == 59
    assert [p["status"] for p in values["proposals"]] == ["EXECUTED", "OPEN"]
    assert played.federation.fingerprint in text


def test_rounds_final_and_void_and_why(played):
    played.final()
    played.final(leave_out=[2])
    played.rejected()
    played.void([0, 1])
    played.void()
    values, text = told(played)
    history = values["runs"][0]["history"]
    assert [one["result"] for one in history] == ["final", "final", "void", "void", "void"]
    assert [one["why"][:3] for one in history] == ["", "", "so ", "no ", "too"]
    assert history[1]["contributors"] == ["centre-a", "centre-b"]
    assert history[2]["rejected"] == ["centre-a"]
    assert history[1]["root"] == played.base.root.hex() == values["runs"][0]["base_root"]
    assert history[2]["root"] == ""
    assert "(without centre-c)" in text
    assert "3 void" in text
    assert "██" in text
    assert "2 of 9 rounds final" in text


def test_strikes_rejections_and_who_left_are_shown(played):
    played.commit(range(3))
    played.ledgers[1].reject(1, 1)
    played.strike(2)
    values, text = told(played)
    assert values["runs"][0]["struck"] == ["centre-c"]
    assert "centre-c is struck: it signed two roots in round 1" in text
    assert "will not attest" in rows(text)["centre-b"]
    played.ledgers[0].poke(1)
    played.ledgers[1].leave(1)
    values, text = told(played)
    assert list(values["runs"][0]["enrolled"]) == ["centre-a"]
    assert list(rows(text))[-1] != "centre-b"


def test_what_the_own_node_tells_of_losses_bytes_and_peers(played):
    accounts = [ledger.account for ledger in played.ledgers]
    node = {
        "round": 1,
        "phase": "COMMIT",
        "bytes_in": 3_456_789,
        "bytes_out": 987,
        "losses": {accounts[1]: 0.52125},
        "peers": {accounts[1]: {"heard_s": 3.2, "reachable": True}, accounts[2]: {"heard_s": None, "reachable": False}},
        "updated": 1_000_000,
    }
    played.checkpoint.folder.mkdir(parents=True, exist_ok=True)
    (played.checkpoint.folder / "node.json").write_text(json.dumps(node))
    values, text = told(played, now=1_000_090)
    assert values["runs"][0]["node"]["losses"] == {"centre-b": 0.52125}
    assert "0.5212" in rows(text)["centre-b"]
    assert "3 s ago" in rows(text)["centre-b"]
    assert "never, not reachable" in rows(text)["centre-c"]
    assert "987 B sent, 3.46 MB received" in text
    assert "silent for 1 min 30 s" in text
    (played.checkpoint.folder / "node.json").write_text("{")
    assert told(played)[0]["runs"][0]["node"] is None


def test_a_finished_run_takes_two_lines_once_there_is_a_newer_one(played):
    for _ in range(played.rounds):
        played.final()
    number = played.ledgers[0].propose_run(played.state.terms)
    played.ledgers[1].vote(number, yes=True)
    _, text = told(played)
    assert "run 1 (msi-2026): finished" in text
    assert "run 2 (msi-2026): enrolment" in text
    assert text.index("run 2") < text.index("run 1 ")
    assert "rounds, " not in text[text.index("run 1 ") :]


def test_the_live_view_counts_down_and_outlives_a_chain_that_is_away(played):
    played.commit([1])
    reader = StatusReader(played.ledgers[0], played.federation)
    console = Console(file=io.StringIO(), width=130, force_terminal=False)
    stop = threading.Event()
    stop.set()
    watch_status(reader, console, stop)
    assert "training and commitment" in console.file.getvalue()

    class Away:
        """A reader whose node went away after the first look, and a person who stops at the second drawing."""

        looks = 0

        def read(self):
            self.looks += 1
            if self.looks > 1:
                stop.set()
                msg = "The chain node does not answer"
                raise UnreachableError(msg)
            return reader.read()

    stop.clear()
    console = Console(file=io.StringIO(), width=130, force_terminal=False)
    watch_status(Away(), console, stop)
    assert "does not answer" in console.file.getvalue()


def test_events_are_asked_for_once(played):
    asked = []

    class Counting:
        def __getattr__(self, name):
            return getattr(played.ledgers[0], name)

        def events(self, since=0):
            asked.append(since)
            return played.ledgers[0].events(since)

    reader = StatusReader(Counting(), played.federation)
    played.final()
    first = reader.read()
    played.final()
    second = reader.read()
    assert asked[0] == 0
    assert asked[1] > 0
    assert second.events[: len(first.events)] == first.events
    assert second.events == played.ledgers[0].events()[0]


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1972, "1.97 kB"), (999_600, "1000 kB"), (86e6, "86 MB"), (2e9, "2 GB")],
)
def test_bytes_in_words(count, text):
    assert bytes_text(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59, "59 s"), (60, "1 min"), (185, "3 min 5 s"), (7260, "2 h 1 min"), (90000, "1 d 1 h")],
)
def test_spans_in_words(seconds, text):
    assert span_text(seconds) == text
