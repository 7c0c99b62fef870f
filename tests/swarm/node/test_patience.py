"""A chain that is away or unwell ends nobody's node."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.swarm.ledger.conftest import ModelWorld
from wsi_swarm.swarm.ledger.errors import LedgerError, NotAllowedError, UnreachableError, refusal
from wsi_swarm.swarm.node.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def asked(answers: Sequence[Callable[[], object]]) -> tuple[list[object], list[str]]:
    said: list[str] = []

    async def ask_all() -> list[object]:
        chain = Patience(said.append)
        return [await chain.ask(answer) for answer in answers]

    return asyncio.run(ask_all()), said


def fail(error: LedgerError) -> Callable[[], object]:
    def work() -> object:
        raise error

    return work


def test_it_says_once_that_the_chain_is_away_and_once_that_it_is_back() -> None:
    reader = ModelWorld().ledgers[0]
    away = UnreachableError("it does not answer")
    told, said = asked([fail(away), fail(LedgerError("it talks nonsense")), reader.run_count, reader.run_count])
    assert told == [None, None, 0, 0]
    assert said == ["waiting for the chain: it does not answer", "the chain answers again"]


def test_what_the_chain_forgot_for_a_moment_is_waited_for() -> None:
    reader = ModelWorld().ledgers[0]
    told, said = asked([lambda: reader.run(7), reader.run_count])
    assert told == [None, 0]
    assert "there is no such run" in said[0]


def test_others_being_faster_is_no_trouble_and_being_no_member_is_final() -> None:
    told, said = asked([fail(refusal("ProposalClosed")), fail(refusal("AlreadyVoted"))])
    assert told == [None, None]
    assert said == []
    with pytest.raises(NotAllowedError, match="no active member"):
        asked([fail(refusal("NotMember"))])
