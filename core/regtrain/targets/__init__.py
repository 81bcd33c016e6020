"""A user's own factories: named in a config, found without running them, and imported by the job."""

from regtrain.targets.find import Target, accepted_arguments, find_target, load_target

__all__ = ["Target", "accepted_arguments", "find_target", "load_target"]
