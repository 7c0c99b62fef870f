"""Several workers on one job: each claims its next slide by the job's locks; who dies leaves no slide undone."""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Protocol

from pipelines.engine.run_log import RunLog
from pipelines.errors import SetupError
from pipelines.job import Job, Outcome, Summary
from pipelines.job.locks import held_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.engine.extraction import Listener
    from pipelines.engine.work_order import WorkOrder
    from pipelines.slides import SlideEntry

STOP_WITHIN_S = 20.0


class WorkerDied(Exception):  # noqa: N818 - not the run's error: the others go on
    """A worker ended before its work did.

    Attributes
    ----------
    stage : of which it recorded slides; "" if it never came so far.
    host, pid : who it was, as in the locks that it left.
    """

    def __init__(self, how: str, stage: str = "", host: str = "", pid: int = 0) -> None:
        super().__init__(how)
        self.stage, self.host, self.pid = stage, host, pid


class Worker(Protocol):
    """One device with a process of its own.

    Attributes
    ----------
    name : of the device, for messages.
    """

    name: str

    def run(self, entries: Sequence[SlideEntry], alone: bool, listener: Listener) -> str:
        """Work through slides and return the stage's name.

        Parameters
        ----------
        entries : in the order in which they are claimed.
        alone : take slides that a dead worker of this run left.
        listener : is told how it goes on.

        Raises
        ------
        WorkerDied
            If it ends early.
        WsiSwarmError
            If nothing can be done on this device.
        """
        ...

    def ask_to_end(self) -> None:
        """Ask it to give back what it holds and end; for good."""
        ...

    def end(self, within_s: float) -> None:
        """Wait so long until it has ended, then end it without asking."""
        ...


def work_together(
    order: WorkOrder, workers: Sequence[Worker], entries: Sequence[SlideEntry], ordered: Sequence[SlideEntry]
) -> Summary:
    """Let workers share the slides; one summary at the end.

    Parameters
    ----------
    order : what is to be done.
    workers : one per device.
    entries : the slides in the order of the summary.
    ordered : the same in the order of work.

    Raises
    ------
    SetupError
        If a device cannot work, or none of them did.
    """
    where = "one device" if len(workers) == 1 else f"{len(workers)} devices"
    with Job(order.out, started=order.started) as job, RunLog(job, entries, f"extract on {where}") as log:
        crew = _Crew(job, workers, log)
        crew.run(ordered)
        summary = Summary(crew.stage, job.folder, order.started, job.clock(), log.outcomes())
    summary.write()
    return summary


class _Crew:
    """The workers, each driven by a thread that waits for it."""

    def __init__(self, job: Job, workers: Sequence[Worker], log: RunLog) -> None:
        self._job, self._workers, self._log = job, workers, log
        self._stopping = False
        self.stage = ""

    def run(self, entries: Sequence[SlideEntry]) -> None:
        pool = ThreadPoolExecutor(len(self._workers), thread_name_prefix="worker's driver")
        drivers = [pool.submit(self._drive, worker, entries) for worker in self._workers]
        try:
            wait(drivers, return_when=FIRST_EXCEPTION)
            for driver in drivers:
                if driver.done():
                    driver.result()
        finally:
            self._stopping = True
            for worker in self._workers:
                worker.ask_to_end()
            for worker in self._workers:
                worker.end(STOP_WITHIN_S)
            pool.shutdown(wait=True)
        undone = sorted(entry.id for entry in entries if not self._log.is_told(entry.id))
        if undone:
            msg = f"every worker died; not done: {', '.join(undone[:5])}{' ...' if len(undone) > 5 else ''}"
            raise SetupError(msg)

    def _drive(self, worker: Worker, entries: Sequence[SlideEntry]) -> None:
        left = list(entries)
        while left and not self._stopping:
            try:
                self.stage = worker.run(left, alone=False, listener=self._log)
                return
            except WorkerDied as died:
                if self._stopping:
                    return
                self.stage = self.stage or died.stage
                orphans = self._orphans(died, left)
                names = ", ".join(entry.id for entry in orphans) or "nothing"
                self._log.say(f"the worker on {worker.name} died ({died}) at work on {names}")
                if not orphans:
                    return  # it would die again: nothing of the work is what kills it
                for entry in orphans:
                    self._try_alone(worker, entry, died.stage)
                left = [entry for entry in left if not self._log.is_settled(entry.id)]

    def _orphans(self, died: WorkerDied, entries: Sequence[SlideEntry]) -> list[SlideEntry]:
        return [entry for entry in entries if held_by(self._job.lock_file(entry.id), died.host, died.pid)]

    def _try_alone(self, worker: Worker, entry: SlideEntry, stage: str) -> None:
        # Several slides are under way at once; alone it shows which of them it was.
        try:
            worker.run([entry], alone=True, listener=self._log)
        except WorkerDied as died:
            if self._stopping:
                return
            recorded = self._job.stage(entry.id, stage)
            claim = self._job.claim(entry, stage, recorded.get("parameters", {}), [])
            reason = f"{entry.path}: the process that works on it dies ({died}), also on this slide alone"
            self._log.settled(claim if isinstance(claim, Outcome) else claim.failed(reason))
