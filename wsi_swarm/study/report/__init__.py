"""The report of a study: one page for a pathologist and a statistician."""

from wsi_swarm.study.report.page import write_report

__all__ = ["write_report"]
