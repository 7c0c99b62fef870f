"""What each reader is shown, in which order and on which side, by template. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heatmaps.readers.kit.balance import halves_for_reader, halves_of_items, halves_of_readers
from heatmaps.readers.kit.deal import Turn, deal
from heatmaps.readers.kit.key import Showing, opaque_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heatmaps.readers.kit.balance import Half
    from heatmaps.readers.kit.item import Item
    from heatmaps.readers.kit.study_file import ReaderStudy


def make_showings(study: ReaderStudy, items: Sequence[Item], secret: bytes) -> dict[str, list[Showing]]:
    """Deal items to readers: training cases first, in the table's order."""
    of_template = {"tile-plausibility": _tiles, "heatmap-preference": _pairs, "ai-assistance": _cases}
    return of_template[study.template](study, items, secret)


def _tiles(study: ReaderStudy, items: Sequence[Item], secret: bytes) -> dict[str, list[Showing]]:
    groups = {item.item: item.group for item in items if item.kind != "training"}
    dealt = deal(groups, [reader.code for reader in study.readers], study.design, study.seed)
    training = [Turn(item.item, False) for item in items if item.kind == "training"]
    return {
        reader: [
            Showing(
                opaque=opaque_name(secret, reader, turn.item, turn.again),
                item=turn.item,
                again=turn.again,
                training=place < len(training),
            )
            for place, turn in enumerate([*training, *own])
        ]
        for reader, own in dealt.items()
    }


def _dealt(
    study: ReaderStudy, strata: dict[str, str], sessions: Sequence[str]
) -> dict[str, tuple[list[list[Turn]], dict[str, Half]]]:
    """Return each reader's turns by session, and their halves."""
    readers = [reader.code for reader in study.readers]
    halves = halves_of_items(strata, study.seed)
    flipped = halves_of_readers(readers, study.seed)
    # Dealt by stratum and half, so that both are spread evenly over every reader's order.
    fine = {item: f"{stratum}\0{halves[item]}" for item, stratum in strata.items()}
    turns = [deal(fine, readers, study.design, study.seed, session) for session in sessions]
    seen_by: dict[str, int] = {}
    for own in turns[0].values():
        for item in {turn.item for turn in own}:
            seen_by[item] = seen_by.get(item, 0) + 1
    alone = {item for item, count in seen_by.items() if count == 1}
    return {
        reader: (
            [one[reader] for one in turns],
            halves_for_reader(sorted({turn.item for turn in turns[0][reader]}), halves, flipped[reader], strata, alone),
        )
        for reader in readers
    }


def _pairs(study: ReaderStudy, items: Sequence[Item], secret: bytes) -> dict[str, list[Showing]]:
    """Two heatmaps each; a second showing has its sides changed."""
    known = {item.item: item for item in items}
    strata = {item.item: "\0".join([item.group, *item.methods]) for item in items if item.kind != "training"}
    training = [item.item for item in items if item.kind == "training"]

    def training_pair(reader: str, name: str) -> Showing:
        # As the table has it, so that the feedback may speak of left and right.
        return Showing(opaque=opaque_name(secret, reader, name, False), item=name, training=True, left="a")

    def pair(reader: str, turn: Turn, half: Half) -> Showing:
        item = known[turn.item]
        first = item.methods[half ^ int(turn.again)]
        return Showing(
            opaque=opaque_name(secret, reader, turn.item, turn.again),
            item=turn.item,
            again=turn.again,
            left="a" if item.method_a == first else "b",
        )

    return {
        reader: [
            *(training_pair(reader, name) for name in training),
            *(pair(reader, turn, halves[turn.item]) for turn in turns),
        ]
        for reader, ((turns,), halves) in _dealt(study, strata, [""]).items()
    }


def _cases(study: ReaderStudy, items: Sequence[Item], secret: bytes) -> dict[str, list[Showing]]:
    """With and without AI: two stages of one showing, or two sessions."""
    if study.assistance is None:
        raise ValueError("a study of the template ai-assistance has a section assistance")
    strata = {item.item: f"{item.group}\0{item.truth}" for item in items if item.kind != "training"}
    training = [Turn(item.item, False) for item in items if item.kind == "training"]

    def staged(reader: str, turn: Turn, is_training: bool) -> list[Showing]:
        common = {"item": turn.item, "again": turn.again, "training": is_training, "session": "1"}
        first, final = (opaque_name(secret, reader, turn.item, turn.again, "1", name) for name in ("before", "with"))
        return [
            Showing(opaque=first, reading="before", **common),
            Showing(opaque=final, reading="with", ground=first, **common),
        ]

    def once(reader: str, turn: Turn, session: str, assisted: bool, is_training: bool) -> Showing:
        return Showing(
            opaque=opaque_name(secret, reader, turn.item, turn.again, session, ""),
            item=turn.item,
            again=turn.again,
            training=is_training,
            session=session,
            reading="with" if assisted else "without",
        )

    if study.assistance.design == "sequential":
        groups = deal(strata, [reader.code for reader in study.readers], study.design, study.seed)
        return {
            reader: [
                one
                for place, turn in enumerate([*training, *own])
                for one in staged(reader, turn, place < len(training))
            ]
            for reader, own in groups.items()
        }
    return {
        reader: [
            *(once(reader, turn, "1", True, True) for turn in training),
            *(once(reader, turn, "1", bool(halves[turn.item]), False) for turn in sessions[0]),
            *(once(reader, turn, "2", not halves[turn.item], False) for turn in sessions[1]),
        ]
        for reader, (sessions, halves) in _dealt(study, strata, ["", "2"]).items()
    }
