"""The model: a function that returns a torch.nn.Module. Its arguments come from the `model` section."""

from torch import Tensor, nn


class Residual(nn.Module):
    """Adds what two layers make of their input to the input itself: `(batch, width)` → `(batch, width)`."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.change = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Dropout(dropout), nn.Linear(width, width)
        )

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs + self.change(inputs)


def build(width: int = 32, blocks: int = 2, dropout: float = 0.2) -> nn.Module:
    """30 measurements `(batch, 30)` → scores `(batch, 2)`."""
    body = [Residual(width, dropout) for _ in range(blocks)]
    return nn.Sequential(nn.Linear(30, width), *body, nn.LayerNorm(width), nn.Linear(width, 2))
