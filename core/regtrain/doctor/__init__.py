"""Checks of an installation: versions, devices, plugins, storage, trackers and clusters."""

from regtrain.doctor.diagnosis import diagnose
from regtrain.doctor.rows import Check, Row
from regtrain.doctor.running import run_checks

__all__ = ["Check", "Row", "diagnose", "run_checks"]
