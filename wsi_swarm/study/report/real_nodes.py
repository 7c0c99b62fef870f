"""Whether real processes, sockets and a chain ended in the model that the study computed within one process."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wsi_swarm.study.types import RealNodes


def identical(one: RealNodes) -> bool:
    """Return whether both roots are the same; a model without a root is identical to nothing."""
    return bool(_bare(one.root)) and _bare(one.root) == _bare(one.root_on_chain)


def in_words(real: Sequence[RealNodes]) -> str:
    """Say in one or two sentences what came of the repetitions."""
    if not real:
        return (
            "Nothing was repeated with real nodes in this study: every number comes from the same learner and the same "
            "merge within one process."
        )
    same = sum(identical(one) for one in real)
    things = "One configuration was" if len(real) == 1 else f"{len(real)} configurations were"
    begin = f"{things} repeated with real processes, sockets and a chain."
    if same == len(real):
        ended = "It ended in the identical model" if same == 1 else "All of them ended in the identical model"
        return f"{begin} {ended}, byte for byte: the root on the chain is the root computed in process."
    failed = "; ".join(f"{o.scenario}, {o.learner}, {o.arm}, repeat {o.repeat}" for o in real if not identical(o))
    return (
        f"{begin} {same} of {len(real)} ended in the identical model. NOT identical: {failed}. Until that is "
        "explained, take the numbers of this report as those of another model than the one that real nodes train."
    )


def shown_root(root: str) -> str:
    """Return a root in lower case and groups of eight, which the eye can compare."""
    bare = _bare(root)
    return " ".join(bare[at : at + 8] for at in range(0, len(bare), 8)) or "none"


def _bare(root: str) -> str:
    return root.strip().lower().removeprefix("0x")
