"""Records of a run folder → trackers, from a cursor for each."""

from regtrain.tracking.forwarding import Forwarding, forward_all

__all__ = ["Forwarding", "forward_all"]
