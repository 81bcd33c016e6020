"""The loss: anything that is called with (outputs, target) and returns one number."""

from torch import Tensor, nn


class FocalLoss(nn.Module):
    """Cross entropy that counts samples less the surer the model is (Lin et al. 2017); `gamma: 0` is cross entropy."""

    def __init__(self, gamma: float = 2.0) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        """Scores `(batch, classes)` and classes `(batch,)` → a scalar."""
        loss = nn.functional.cross_entropy(scores, target, reduction="none")
        return ((1 - (-loss).exp()) ** self.gamma * loss).mean()
