"""YAML, environment and command line → one canonical, typed `Config` with the source of each value."""

from regtrain.config.canonical import to_flat, to_yaml
from regtrain.config.describe import Explanation, explain, schema
from regtrain.config.leaves import Source
from regtrain.config.resolve import Resolved, from_mapping, load
from regtrain.types.config import Config

__all__ = [
    "Config",
    "Explanation",
    "Resolved",
    "Source",
    "explain",
    "from_mapping",
    "load",
    "schema",
    "to_flat",
    "to_yaml",
]
