"""The deep generative decoder: each sample has a representation of its own that is learned with the decoder.

Schuster and Krogh, "The Deep Generative Decoder: MAP estimation of representations improves modelling of single-cell
RNA data", Bioinformatics 39 (2023). There is no encoder: representations of samples that the decoder does not learn
from are found by gradient descent through the finished decoder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from regtrain.hookspecs import hookimpl
from regtrain.types import Indexed, Sample, StepOutput, Task, TaskContext

if TYPE_CHECKING:
    import torch
    from torch import nn

    from regtrain.types import Register


class GenerativeDecoder(Task):
    """The model decodes representations `(batch, latent)` into what the data hold, in any shape of the same size.

    Args:
        latent: numbers in a representation.
        prior: weight of the prior, a standard normal distribution, against the reconstruction.
        fit_steps, fit_lr: steps of Adam by which representations of held-out samples are found, before each validation.
    """

    loss = "MSELoss"
    evaluator = "regression"
    monitor = "val/loss"
    model_role = "decoder"

    def __init__(self, latent: int = 8, prior: float = 1e-3, fit_steps: int = 30, fit_lr: float = 0.1) -> None:
        self.latent = latent
        self.prior = prior
        self.fit_steps = fit_steps
        self.fit_lr = fit_lr

    def bind(self, context: TaskContext) -> Mapping[str, nn.Module]:
        """`representation`: one row for each sample that is trained on; all begin at the middle of the prior."""
        from torch import nn

        self.representation = nn.Embedding(context.train_samples, self.latent)
        nn.init.zeros_(self.representation.weight)
        self.held_out: dict[int, torch.Tensor] = {}
        return {"representation": self.representation}

    def train_step(self, model: nn.Module, criterion: Callable[..., Any], batch: Indexed) -> StepOutput:
        codes = self.representation(batch.indices)
        target = _target(batch.batch)
        outputs = model(codes).reshape(target.shape)
        reconstruction, prior = criterion(outputs, target), self._prior(codes)
        losses = {"loss": reconstruction + prior, "reconstruction": reconstruction, "prior": prior}
        return StepOutput(losses, outputs, target)

    def before_eval(self, model: nn.Module, batches: Iterable[Indexed]) -> None:
        """Find the representations of held-out samples. Each batch is fitted alone, so that it does not matter how many
        processes share them out."""
        import torch

        self.held_out = {}
        for batch in batches:
            codes = torch.zeros(len(batch.indices), self.latent, device=batch.indices.device, requires_grad=True)
            adam = torch.optim.Adam([codes], lr=self.fit_lr)
            target = _target(batch.batch)
            for _ in range(self.fit_steps):
                error = (model(codes).reshape(target.shape) - target).square().mean() + self._prior(codes)
                # the decoder stays as it is, and so do its gradients
                (codes.grad,) = torch.autograd.grad(error, [codes])
                adam.step()
            self.held_out.update(zip(batch.indices.tolist(), codes.detach(), strict=True))

    def eval_step(self, model: nn.Module, criterion: Callable[..., Any], batch: Indexed) -> StepOutput:
        import torch

        codes = torch.stack([self.held_out[index] for index in batch.indices.tolist()])
        target = _target(batch.batch)
        outputs = model(codes).reshape(target.shape)
        return StepOutput(criterion(outputs, target), outputs, target)

    def sample(self, batch: Any) -> Sample:
        import torch

        codes = torch.zeros(len(_target(batch)), self.latent, device=_target(batch).device)
        return Sample((codes,), ("representation",), {"representation": {0: "batch"}})

    def _prior(self, codes: torch.Tensor) -> torch.Tensor:
        return self.prior * codes.square().mean()


def _target(batch: Any) -> torch.Tensor:
    """What is reconstructed: the inputs; labels are not used."""
    if isinstance(batch, Mapping):
        batch = next(batch[name] for name in ("inputs", "image", "images", "x", "features") if name in batch)
    found: torch.Tensor = batch[0] if isinstance(batch, list | tuple) else batch
    return found


@hookimpl
def regtrain_register_tasks(register: Register) -> None:
    register("dgd", GenerativeDecoder, traits={"indices": True})
