"""Libraries: each native one has to do a little of its real work, since one that imports may still not work."""

from __future__ import annotations

import io
import json
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from wsi_swarm.doctor.finding import Finding, examine

if TYPE_CHECKING:
    from collections.abc import Callable

AREA = "libraries"
_AGAIN = "install the requirements of this version again into a fresh environment"
_PYTHON = (3, 11)
_CHILD_S = 60
_LATER = ("albumentations", "timm", "torchvision")
"""Loaded by the commands that need them; loading them here would take longer than all the rest."""
_OPTIONAL = {"ray": "needed for `extract --engine ray` only"}


def check_here() -> list[Finding]:
    """Examine what reads slides, computes and stores, in this process."""
    checks: dict[str, Callable[[], str]] = {
        "openslide": _openslide,
        "simplejpeg": _simplejpeg,
        "opencv": _opencv,
        "h5py": _h5py,
        "safetensors": _safetensors,
        "zmq": _zmq,
        "torch": _torch,
    }
    found = [examine(AREA, "python", "install Python 3.11 or later", _python)]
    found += [examine(AREA, name, _AGAIN, work) for name, work in checks.items()]
    return [*found, *(_installed(name) for name in _LATER), *(_optional(name, why) for name, why in _OPTIONAL.items())]


def start_elsewhere() -> list[subprocess.Popen[str]]:
    """Begin to load the slow libraries in processes of their own, so that other cores work on it meanwhile."""
    code = "import sys; from wsi_swarm.doctor.libraries import print_slow; print_slow(sys.argv[1])"
    return [
        subprocess.Popen([sys.executable, "-c", code, group], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for group in _SLOW
    ]


def finish_elsewhere(process: subprocess.Popen[str]) -> list[Finding]:
    """Return what one of ``start_elsewhere`` found."""
    try:
        out, problem = process.communicate(timeout=_CHILD_S)
        return [Finding(**finding) for finding in json.loads(out)]
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        said = f"did not load within {_CHILD_S} s"
    except ValueError:
        lines = problem.strip().splitlines()
        said = f"ended with {process.returncode}: {lines[-1] if lines else 'no message'}"
    return [Finding(AREA, str(process.args[-1]), "FAIL", said, _AGAIN)]


def print_slow(group: str) -> None:
    """Examine a group of slow libraries and print the findings as JSON; for the processes of ``start_elsewhere``."""
    found = [examine(AREA, name, _AGAIN, work) for name, work in _SLOW[group].items()]
    print(json.dumps([vars(finding) for finding in found]))  # noqa: T201


def _python() -> Finding | str:
    text = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info[:2] < _PYTHON:
        return Finding(AREA, "python", "FAIL", text, "install Python 3.11 or later")
    return text


def _openslide() -> str:
    import numpy as np
    import openslide
    import tifffile

    picture = np.arange(256 * 256 * 3, dtype=np.uint32).reshape(256, 256, 3).astype(np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "slide.tiff"
        tifffile.imwrite(path, picture, tile=(256, 256), photometric="rgb", metadata=None)
        with openslide.OpenSlide(path) as slide:
            read = np.asarray(slide.read_region((0, 0), 0, (256, 256)))[..., :3]
    _require((read == picture).all(), "it reads other pixels than were written")
    return f"{openslide.__library_version__}, reads a TIFF (openslide-python {openslide.__version__})"


def _simplejpeg() -> str:
    import numpy as np
    import simplejpeg

    picture = np.full((64, 64, 3), (200, 120, 160), np.uint8)
    read = simplejpeg.decode_jpeg(simplejpeg.encode_jpeg(picture, quality=95))
    _require(int(np.abs(read.astype(int) - picture).max()) <= 3, "it decodes other colours than were encoded")
    return f"{version('simplejpeg')}, libjpeg-turbo decodes"


def _opencv() -> str:
    import cv2
    import numpy as np

    _require(int(cv2.resize(np.full((8, 8), 7, np.uint8), (4, 4)).sum()) == 7 * 16, "it scales wrongly")
    return f"{cv2.__version__}, scales"


def _h5py() -> str:
    import h5py
    import numpy as np

    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        file["x"] = np.arange(4, dtype=np.float16)
    with h5py.File(held, "r") as file:
        _require(file["x"][:].tolist() == [0, 1, 2, 3], "it reads other values than were written")
    return f"{h5py.__version__}, HDF5 {h5py.version.hdf5_version} writes and reads"


def _safetensors() -> str:
    import numpy as np
    from safetensors.numpy import load, save

    _require(
        load(save({"x": np.ones(2, np.float32)}))["x"].tolist() == [1, 1], "it reads other values than were written"
    )
    return version("safetensors")


def _zmq() -> str:
    import zmq

    _require(zmq.has("curve"), "libzmq was built without CURVE, so links between centres can't be encrypted")
    zmq.curve_keypair()
    return f"{zmq.zmq_version()}, CURVE works (pyzmq {zmq.__version__})"


def _torch() -> str:
    import torch

    left = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    _require((left @ left.T).tolist() == [[5, 14], [14, 50]], "it multiplies wrongly")
    return f"{torch.__version__}, computes on {torch.get_num_threads()} threads"


def _web3() -> str:
    import web3

    _require(web3.Web3.keccak(b"").hex().startswith("c5d246"), "its keccak is wrong")
    return web3.__version__


def _evm() -> str:
    import wsi_swarm.swarm.chain.engine  # noqa: F401 - loads the machine that `chain dev` runs

    return f"py-evm {version('py-evm')}"


def _skimage() -> str:
    import numpy as np
    from skimage.measure import label

    _require(int(label(np.eye(3, dtype=bool), connectivity=1).max()) == 3, "it labels wrongly")
    return version("scikit-image")


def _sklearn() -> str:
    from sklearn.metrics import roc_auc_score

    _require(roc_auc_score([0, 1], [0.2, 0.7]) == 1, "it scores wrongly")
    return version("scikit-learn")


def _pandas() -> str:
    import pandas as pd

    _require(pd.read_csv(io.StringIO("a\n1\n"))["a"].tolist() == [1], "it reads tables wrongly")
    return f"{pd.__version__}, openpyxl {version('openpyxl')}"


_SLOW: dict[str, dict[str, Callable[[], str]]] = {
    "chain": {"web3": _web3, "py-evm": _evm},
    "tables": {"scikit-image": _skimage, "scikit-learn": _sklearn, "pandas": _pandas},
}


def _installed(name: str) -> Finding:
    try:
        return Finding(AREA, name, "PASS", f"{version(name)}, installed; loaded when it is needed")
    except PackageNotFoundError:
        return Finding(AREA, name, "FAIL", "not installed", _AGAIN)


def _optional(name: str, why: str) -> Finding:
    if find_spec(name) is None:
        return Finding(AREA, name, "SKIP", f"not installed; {why}")
    return Finding(AREA, name, "PASS", version(name))


def _require(holds: object, otherwise: str) -> None:
    if not holds:
        raise RuntimeError(otherwise)
