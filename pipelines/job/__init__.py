"""A job folder: where files lie, what is done, who works on what, and what became of each slide."""

from pipelines.job.control import WHOLE_LIST, Control, Shard, parse_shard
from pipelines.job.folder import TILE_STAGE, Claim, Job, fingerprint, parameters_sha256
from pipelines.job.plan import Plan, plan_table
from pipelines.job.summary import Outcome, Summary, count

__all__ = [
    "TILE_STAGE",
    "WHOLE_LIST",
    "Claim",
    "Control",
    "Job",
    "Outcome",
    "Plan",
    "Shard",
    "Summary",
    "count",
    "fingerprint",
    "parameters_sha256",
    "parse_shard",
    "plan_table",
]
