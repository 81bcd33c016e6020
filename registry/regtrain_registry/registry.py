"""The one door: everything that reads or writes the database goes through `Registry`."""

from __future__ import annotations

from regtrain_registry.doors.archives import Archives
from regtrain_registry.doors.files import Files
from regtrain_registry.doors.marking import Marking
from regtrain_registry.doors.reading import Reading
from regtrain_registry.doors.retention import Retention
from regtrain_registry.doors.runs import Runs

__all__ = ["Registry"]


class Registry(Runs, Files, Reading, Marking, Retention, Archives):
    """Models, versions, lineage and runs in a SQL database, and their files in a content-addressed store.

    Objects may be shared by threads and survive a fork.
    """
