"""All checks in one go."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from wsi_swarm.doctor import libraries, machine, network

if TYPE_CHECKING:
    from pathlib import Path

    from wsi_swarm.doctor.finding import Finding


def examine_all(folder: Path) -> list[Finding]:
    """Run every check; ``folder`` is where results are to be written. Areas are examined at the same time."""
    project = network.read_project()
    elsewhere = libraries.start_elsewhere()
    with ThreadPoolExecutor(2) as pool:
        hub = pool.submit(network.check_hub)
        swarm = pool.submit(
            lambda: [*network.check_chain(project), network.check_port(project), network.check_keys(project)]
        )
        here = libraries.check_here()
        gpu = machine.check_gpu()
        rest = machine.check_machine(folder)
        slow = [finding for process in elsewhere for finding in libraries.finish_elsewhere(process)]
        return [*here, *slow, gpu, *rest, *swarm.result(), hub.result()]
