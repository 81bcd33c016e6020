"""The training loop and what it works with."""

from regtrain.trainer.batches import Batches
from regtrain.trainer.loop import Trainer
from regtrain.trainer.parts import Parts, Progress, Settings
from regtrain.trainer.precision import Precision
from regtrain.trainer.stopping import EarlyStopping, Interrupted, StopFlag

__all__ = [
    "Batches",
    "EarlyStopping",
    "Interrupted",
    "Parts",
    "Precision",
    "Progress",
    "Settings",
    "StopFlag",
    "Trainer",
]
