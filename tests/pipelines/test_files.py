"""Files that are made in memory before they are written."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np

from pipelines.files import hdf5_bytes


def test_threads_make_hdf5_files_at_the_same_time() -> None:
    together = Barrier(3, timeout=60)

    def make(number: int) -> bytes:
        def fill(file) -> None:
            together.wait()  # all of them are open now
            file.create_dataset("coords", data=np.full(10, number))
            together.wait()

        return hdf5_bytes(fill)

    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(make, range(3)))
    assert len(set(made)) == 3
    assert made[0] == hdf5_bytes(lambda file: file.create_dataset("coords", data=np.full(10, 0)))
