"""The machine: GPU, memory, disks and their locks, clock, limits, fonts."""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from wsi_swarm.doctor.finding import Finding, examine

AREA = "machine"
GIB = 2**30
_DISK_WARN, _DISK_FAIL = 20 * GIB, 1 * GIB
_MEMORY_WARN, _MEMORY_FAIL = 8 * GIB, 2 * GIB
_OPEN_FILES = 1024
_CLOCK_SKEW_S = 5.0
_OLDEST = 1_735_689_600  # 1 January 2025: older than every version that has this check


def check_machine(folder: Path) -> list[Finding]:
    """Examine this machine; ``folder`` is where results are to be written."""
    temporary = Path(tempfile.gettempdir())
    return [
        examine(AREA, "cpu", "", _cpu),
        examine(AREA, "memory", "close other programs or use a larger machine", _memory),
        examine(AREA, "open files", "raise the limit with `ulimit -n 4096`", _open_files),
        *(_disk(place) for place in dict.fromkeys([_existing(folder), temporary])),
        examine(
            AREA, "locks", "write results to a disk of this machine or to another file server", lambda: _locks(folder)
        ),
        examine(AREA, "clock", "set the clock, best with NTP", lambda: _clock(folder)),
        examine(AREA, "fonts", "install matplotlib again; it brings the font of the report", _fonts),
    ]


def check_gpu() -> Finding:
    """Examine the GPUs that torch sees; without one everything works, only slower."""
    return examine("gpu", "cuda", "update the GPU's driver, or install the torch build of its CUDA version", _gpu)


def _gpu() -> Finding | str:
    import torch

    if not torch.cuda.is_available():
        driver = Path("/proc/driver/nvidia/version").exists()
        built = "" if torch.version.cuda else " and this torch was built without CUDA"
        if driver:
            remedy = "install the torch build of the driver's CUDA version"
            return Finding("gpu", "cuda", "WARN", f"there is an NVIDIA driver, but torch sees no GPU{built}", remedy)
        remedy = "large encoders want a GPU; stain-texture and training do well without"
        return Finding("gpu", "cuda", "WARN", f"no GPU{built}; encoders run on the CPU", remedy)
    told = []
    for index in range(torch.cuda.device_count()):
        values = torch.ones((8, 8), device=f"cuda:{index}")
        if float((values @ values).sum()) != 512:
            msg = f"cuda:{index} multiplies wrongly"
            raise RuntimeError(msg)
        free, total = torch.cuda.mem_get_info(index)
        name = torch.cuda.get_device_name(index)
        told.append(f"cuda:{index} {name}, {free / GIB:.1f} of {total / GIB:.1f} GiB free")
    return f"{'; '.join(told)} (CUDA {torch.version.cuda})"


def _cpu() -> str:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{usable} of {os.cpu_count()} cores usable"


def _memory() -> Finding | str:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    free = total
    with suppress(OSError, ValueError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    limit = _limit_of_container()
    if limit is not None and limit < total:
        total, free = limit, min(free, limit)
    text = f"{free / GIB:.1f} of {total / GIB:.1f} GiB available"
    return by_size("memory", free, _MEMORY_WARN, _MEMORY_FAIL, text, "close other programs or use a larger machine")


def _limit_of_container() -> int | None:
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):
            return int(Path(name).read_text(encoding="ascii"))
    return None


def _open_files() -> Finding | str:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    text = f"{soft} at once (up to {hard} on request)"
    if soft < _OPEN_FILES:
        return Finding(AREA, "open files", "WARN", text, "raise the limit with `ulimit -n 4096`")
    return text


def _disk(folder: Path) -> Finding:
    def work() -> Finding | str:
        free = shutil.disk_usage(folder).free
        remedy = "free some space or name another disk with --out (for temporary files: TMPDIR)"
        return by_size(f"disk {folder}", free, _DISK_WARN, _DISK_FAIL, f"{free / GIB:.1f} GiB free", remedy)

    return examine(AREA, f"disk {folder}", "name a folder that exists", work)


def by_size(check: str, free: float, warn: float, fail: float, text: str, remedy: str) -> Finding | str:
    """Judge what is free by two limits."""
    if free < fail:
        return Finding(AREA, check, "FAIL", text, remedy)
    return Finding(AREA, check, "WARN", text, remedy) if free < warn else text


def _locks(folder: Path) -> Finding | str:
    """See whether a file system keeps the two promises that job folders live by: O_EXCL and flock."""
    folder = _existing(folder)
    try:
        place = tempfile.TemporaryDirectory(prefix=".wsi-swarm-doctor-", dir=folder)
    except OSError as error:
        remedy = "work in a folder that you may write to, or name one with --out"
        return Finding(AREA, "locks", "WARN", f"{folder} cannot be written: {error.strerror}", remedy)
    with place as name:
        path = Path(name) / "lock"
        first = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        try:
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
                msg = "a file that exists was created a second time"
                raise RuntimeError(msg)
            fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
            second = os.open(path, os.O_RDWR)
            try:
                with suppress(BlockingIOError):
                    fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    msg = "a lock was given to two holders"
                    raise RuntimeError(msg)
            finally:
                os.close(second)
        finally:
            os.close(first)
    return f"exclusive files and locks work in {folder}"


def _clock(folder: Path) -> Finding | str:
    now = time.time()
    if now < _OLDEST:
        remedy = "set the clock, best with NTP"
        return Finding(AREA, "clock", "FAIL", f"it says {time.strftime('%Y-%m-%d', time.gmtime(now))}", remedy)
    text = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    with suppress(OSError), tempfile.NamedTemporaryFile(dir=_existing(folder)) as file:
        apart = abs(Path(file.name).stat().st_mtime - time.time())
        if apart > _CLOCK_SKEW_S:
            remedy = "run NTP on both; workers on one job folder take each other for dead if clocks differ by minutes"
            return Finding(AREA, "clock", "WARN", f"{text}; the file server's clock is {apart:.0f} s off", remedy)
    return text


def _fonts() -> str:
    import matplotlib as mpl
    from matplotlib.ft2font import FT2Font

    path = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    glyphs = FT2Font(str(path)).get_charmap()
    lacking = [letter for letter in "µ²−·–" if ord(letter) not in glyphs]
    if lacking:
        msg = f"{path.name} lacks {' '.join(lacking)}"
        raise RuntimeError(msg)
    return f"{path.stem} for pictures, the browser's own for the report"


def _existing(folder: Path) -> Path:
    whole = folder.absolute()
    return next(place for place in (whole, *whole.parents) if place.is_dir())
