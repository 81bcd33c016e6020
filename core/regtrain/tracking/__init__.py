"""Records of a run folder → trackers, in a process of its own, from a cursor for each."""

from regtrain.tracking.environment import job_environment, missing_packages
from regtrain.tracking.limits import closing_seconds
from regtrain.tracking.process import ForwarderProcess, beside_job, settle, start

__all__ = [
    "ForwarderProcess",
    "beside_job",
    "closing_seconds",
    "job_environment",
    "missing_packages",
    "settle",
    "start",
]
