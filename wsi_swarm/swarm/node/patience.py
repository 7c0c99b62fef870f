"""Asking a chain node that may be away or unwell: nobody's run ends because of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from wsi_swarm.swarm.ledger.errors import AlreadyDoneError, LedgerError, NotAllowedError, NotNowError
from wsi_swarm.swarm.node.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


class Patience:
    """Tells a person once that the chain is away, and once that it is back.

    Parameters
    ----------
    say
        Takes one line.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say, self._away = say, False

    async def ask(self, work: Callable[[], _T]) -> _T | None:
        """Return what ``work`` learns from the chain; None where a later look will tell more.

        Raises
        ------
        NotAllowedError
            Asking again would not help.
        """
        try:
            told = await in_thread(work)
        except NotAllowedError:
            raise
        except (NotNowError, AlreadyDoneError):  # others, or an earlier word of this centre, were faster
            return None
        except LedgerError as error:
            if not self._away:
                self._say(f"waiting for the chain: {error}")
            self._away = True
            return None
        if self._away:
            self._say("the chain answers again")
        self._away = False
        return told
