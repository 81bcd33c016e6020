"""Optimizers of pytorch_optimizer (Hyeongchan Kim), by the names of their classes.

Those are offered that can be stopped and go on bit by bit, and that regtrain does not offer already; the others are
listed with the reason.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from regtrain.hookspecs import hookimpl

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from regtrain.types import Register

# Spelled out, so that they are known without loading the package; a test holds the list against it.
NAMES = (
    "A2Grad", "AccSGD", "AdaBelief", "AdaBound", "AdaGC", "Adai", "Adalite", "AdamC", "AdamG", "AdaMod", "AdamP",
    "AdamS", "AdamWSN", "Adan", "AdaNorm", "AdaPNM", "AdaSmooth", "AdaTAM", "AdEMAMix", "ADOPT", "AggMo", "Aida",
    "Alice", "Amos", "Ano", "APOLLO", "ApolloDQN", "AvaGrad", "BCOS", "CAME", "DAdaptAdaGrad", "DAdaptAdam",
    "DAdaptAdan", "DAdaptLion", "DAdaptSGD", "DASH", "DiffGrad", "DualAdam", "EmoFact", "EmoLynx", "EmoNavi",
    "EXAdam", "FAdam", "Fira", "FlashAdamW", "FOCUS", "Fromage", "FTRL", "GaLore", "Grams", "GrokFastAdamW", "Kate",
    "Lamb", "LaProp", "LARS", "LoRARite", "MADGRAD", "MARS", "MSVAG", "Nero", "NovoGrad", "PAdam", "PID", "PNM",
    "Prodigy", "QHAdam", "QHM", "RACS", "Ranger", "ScheduleFreeAdamW", "ScheduleFreeRAdam", "ScheduleFreeSGD",
    "SCION", "SCIONLight", "SGDP", "SGDSaI", "SGDW", "Shampoo", "SignSGD", "SimplifiedAdEMAMix", "SM3", "SOAP",
    "SPAM", "SpectralSphere", "SPlus", "SRMM", "StableAdamW", "StableSPAM", "SWATS", "TAM", "Tiger", "VSGD", "Yogi",
)  # fmt: skip
TRAITS = {name: {"modes": True} for name in ("ScheduleFreeAdamW", "ScheduleFreeRAdam", "ScheduleFreeSGD", "SPlus")}

_TAKEN = "regtrain offers it from torch, or from another package"
_GROUPS = "its parameter groups have to be made by hand"
_MODEL = "it is made from the model, not from parameters"
_GRAPH = "it needs the graph of the gradients, which a step of regtrain has freed"
_STATE = "its state cannot be stored without pickle, or is not all of it"
_MORE = "it needs another package, or an argument that only the run knows"
LEFT_OUT = {
    **dict.fromkeys(("AdaDelta", "AdaFactor", "Adam", "AdaMax", "AdamW", "ASGD", "LBFGS", "Lion"), _TAKEN),
    **dict.fromkeys(("NAdam", "RAdam", "RMSprop", "SGD"), _TAKEN),
    **dict.fromkeys(("AdaGO", "AdaMuon", "DistributedMuon", "Muon", "MuonClip", "NorMuon"), _GROUPS),
    **dict.fromkeys(("AdaLOMO", "AdamMini", "LOMO"), _MODEL),
    **dict.fromkeys(("AdaHessian", "SophiaH"), _GRAPH),
    **dict.fromkeys(("AdaShift", "Conda", "Gravity", "Kron", "Magma", "ROSE", "ScalableShampoo"), _STATE),
    **dict.fromkeys(("AliG", "BSAM", "DeMo", "Ranger21"), _MORE),
    "SaRA": "it trains none of the weights that are large from the start",
}


class PytorchOptimizer:
    """Factory of one class; its documentation is that of the class, loaded on demand."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, params: Any, **args: Any) -> Optimizer:
        return self._class()(params, **args)  # type: ignore[no-any-return]

    @property
    def __wrapped__(self) -> Callable[..., Any]:
        return self._class()

    @property
    def __signature__(self) -> inspect.Signature:
        """That of the class without its `**kwargs`, which take whatever is misspelt."""
        found = inspect.signature(self._class())
        named = [parameter for parameter in found.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
        return found.replace(parameters=named)

    def _class(self) -> Callable[..., Any]:
        import pytorch_optimizer

        found: Callable[..., Any] = pytorch_optimizer.load_optimizer(self.name.lower())
        return found


@hookimpl
def regtrain_register_optimizers(register: Register) -> None:
    for name in NAMES:
        register(name, PytorchOptimizer(name), requires="pytorch-optimizer>=4.1", traits=TRAITS.get(name))
