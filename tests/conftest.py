"""Fixtures of every room."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real slides, tiles, features and tables; the test skips where it is absent."""
    folder = Path(os.environ.get("WSI_SWARM_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (folder / "MANIFEST.md").is_file():
        pytest.skip(f"the real data folder is absent ({folder}); set WSI_SWARM_REAL_DATA")
    return folder
