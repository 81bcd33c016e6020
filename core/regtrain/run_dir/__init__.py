"""One run's folder: its paths, its JSON files, and its records."""

from regtrain.run_dir.codec import finite, read_json
from regtrain.run_dir.layout import NO_CODE, RunDir
from regtrain.run_dir.outcome import Outcome

__all__ = ["NO_CODE", "Outcome", "RunDir", "finite", "read_json"]
