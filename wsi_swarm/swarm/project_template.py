"""The project file that ``swarm init`` leaves for a centre to fill in."""

from __future__ import annotations

_COMMON = """\
dir = "."
federation = "federation.json"
rpc = "http://127.0.0.1:8545"
"""

_HEAD = """\
# Option values of this centre, by command; a flag on the command line comes first. Paths are relative to this file.
# Work in this folder (or set WSI_SWARM_PROJECT to this file) and the commands need no options.

[train-swarm]
{common}run = "run.toml"         # the run that the centres agreed on: the identical file everywhere
state = "state"          # checkpoints, and what the audit reads
clini = "clini.csv"      # PATIENT and one column per target
slides = "slides.csv"    # PATIENT and FILENAME
features = "features"    # what 'wsi-swarm extract' wrote
# bind = "tcp://*:5101"  # where to listen, if not at the endpoint of 'swarm init'
"""


def project_file() -> str:
    """Return the text of ``wsi-swarm.toml``."""
    sections = [_HEAD.format(common=_COMMON)]
    sections += [f"[swarm.{command}]\n{_COMMON}" for command in ("join", "propose", "vote")]
    sections.append(f'[swarm.start]\n{_COMMON}run = "run.toml"\n')
    sections.append("[swarm.status]\n" + "".join(line + "\n" for line in _COMMON.splitlines()[1:]))
    sections.append(f'[swarm.audit]\n{_COMMON}run = "run.toml"\nstate = "state"\n')
    return "\n".join(sections)
