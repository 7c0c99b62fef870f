"""A job folder: where files lie, what is done, who works on what, and what became of each slide."""

from pipelines.job.folder import Claim, Job, fingerprint, parameters_sha256
from pipelines.job.summary import Outcome, Summary, count

__all__ = ["Claim", "Job", "Outcome", "Summary", "count", "fingerprint", "parameters_sha256"]
