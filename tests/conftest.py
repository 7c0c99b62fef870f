"""Fixtures of every room."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.anvil import ABSENT, BINARY, Anvil
from tests.chromium import Chromium
from tests.waiting import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real slides, tiles, features and tables; the test skips where it is absent."""
    folder = Path(os.environ.get("WSI_SWARM_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (folder / "MANIFEST.md").is_file():
        pytest.skip(f"the real data folder is absent ({folder}); set WSI_SWARM_REAL_DATA")
    return folder


@pytest.fixture
def anvil(tmp_path: Path) -> Iterator[Anvil]:
    """A chain that can be reorganised."""
    if not BINARY.is_file():
        pytest.skip(ABSENT)
    chain = Anvil(tmp_path, free_port())
    chain.start()
    yield chain
    chain.kill()


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[Chromium]:
    """A browser that can reach nobody."""
    (tmp_path / "chromium").mkdir()
    browser = Chromium(tmp_path / "chromium")
    yield browser
    browser.close()
