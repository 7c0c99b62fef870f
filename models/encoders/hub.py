"""Weights from the hub: from its cache first, and never a long wait where the hub is out of reach."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from huggingface_hub import constants, get_session, hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, HTTPError

from pipelines.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REACH_SECONDS = 5.0
"""How long the hub may take to answer at all."""
LOCAL_FILE = "download the file and give it with --weights FILE"
WEIGHTS_FILES = ("model.safetensors", "pytorch_model.bin")
FAILURES = (OSError, RuntimeError, ValueError, HTTPError)

T = TypeVar("T")


def from_hub(what: str, hub_id: str, fetch: Callable[[], T], else_do: str = LOCAL_FILE) -> T:
    """Call something that reads from the hub: what it has cached without a connection, else over the network.

    Parameters
    ----------
    what : str
        For the message, such as "the weights of encoder 'uni'".
    hub_id : str
        "owner/name".
    fetch : callable
        Uses ``huggingface_hub``; called a second time where the cache does not suffice.
    else_do : str
        For the message: what helps where there is no access.

    Raises
    ------
    SetupError
        Not cached, and the hub is out of reach or refuses.
    """
    try:
        with _offline():
            return fetch()
    except FAILURES:
        pass
    try:
        if not constants.HF_HUB_OFFLINE:
            get_session().head(constants.ENDPOINT, timeout=REACH_SECONDS)
        return fetch()
    except FAILURES as error:
        raise SetupError(
            f"{what} could not be had from https://huggingface.co/{hub_id} "
            f"({type(error).__name__}): get access there (the licence stands on that page) and log in, or {else_do}."
        ) from error


def hub_weights(what: str, hub_id: str, name: str | None) -> Path:
    """Download a file of weights, or find it in the cache; raises as `from_hub`.

    Parameters
    ----------
    name : str or None
        The file; None for the names that timm and transformers give it.
    """
    return Path(from_hub(what, hub_id, lambda: _first_file(hub_id, _names(name))))


def cached_weights(hub_id: str, name: str | None) -> Path | None:
    """Return the file that `hub_weights` finds in the cache; None where it would have to be downloaded."""
    try:
        with _offline():
            return Path(_first_file(hub_id, _names(name)))
    except FAILURES:
        return None


def _names(name: str | None) -> tuple[str, ...]:
    return (name,) if name else WEIGHTS_FILES


def _first_file(hub_id: str, names: tuple[str, ...]) -> str:
    for name in names[:-1]:
        try:
            return hf_hub_download(hub_id, name)
        except EntryNotFoundError:
            continue
    return hf_hub_download(hub_id, names[-1])


@contextmanager
def _offline() -> Iterator[None]:
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
