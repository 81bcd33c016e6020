"""The training loop and what it works with."""

from regtrain.trainer.batches import Batches
from regtrain.trainer.components import Trainable, assign
from regtrain.trainer.engine import DefaultEngine
from regtrain.trainer.loop import Trainer
from regtrain.trainer.parts import Parts, Progress, Settings
from regtrain.trainer.stopping import EarlyStopping, Interrupted, StopFlag

__all__ = [
    "Batches",
    "DefaultEngine",
    "EarlyStopping",
    "Interrupted",
    "Parts",
    "Progress",
    "Settings",
    "StopFlag",
    "Trainable",
    "Trainer",
    "assign",
]
