"""What evaluators owe."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import pytest
import torch

from regtrain.testing.offered import Offered
from regtrain.types import Evaluator, Kind

__all__ = ["EvaluatorConformance"]


class EvaluatorConformance(Offered):
    """Metrics depend on the predictions, not on how they were cut into batches or in what order these came.

    ```python
    class TestKappa(EvaluatorConformance):
        module = "regtrain_signum.kappa"
        offers = "kappa"

        def batches(self):
            generator = torch.Generator().manual_seed(0)
            return [
                (torch.randn(n, 3, generator=generator), torch.randint(3, (n,), generator=generator)) for n in (5, 8, 3)
            ]
    ```

    Give batches of different sizes: an evaluator that averages over batches is found out by them.
    """

    kind: ClassVar[Kind] = "evaluators"

    def batches(self) -> Sequence[tuple[Any, Any]]:
        """Outputs and targets of three or more batches of different sizes."""
        raise NotImplementedError(f"{type(self).__name__} needs batches(): outputs and targets of several batches")

    @pytest.fixture
    def evaluator(self, factory: Callable[..., Evaluator]) -> Evaluator:
        return factory(**self.args)

    def test_it_gives_bare_numbers(self, evaluator: Evaluator) -> None:
        """Metrics are finite floats under bare names; the trainer puts `val/` before them."""
        metrics = _measured(evaluator, self.batches())
        assert metrics
        for name, value in metrics.items():
            assert isinstance(name, str)
            assert "/" not in name, f"{name}: give the bare name"
            assert isinstance(value, float), f"{name} is a {type(value).__name__}"
            assert math.isfinite(value), f"{name} is {value}"

    def test_outputs_that_are_not_finite_show(self, evaluator: Evaluator) -> None:
        """A NaN among the outputs makes every metric NaN: a model that diverged must not look like a good one."""
        (outputs, targets), *others = self.batches()
        if isinstance(outputs, torch.Tensor) and outputs.is_floating_point():
            broken = outputs.clone()
            broken[(0,) * broken.ndim] = math.nan
            metrics = _measured(evaluator, [(broken, targets), *others])
            assert [name for name, value in metrics.items() if not math.isnan(value)] == []
            assert all(map(math.isfinite, _measured(evaluator, others).values())), "reset forgets it"

    def test_the_order_of_batches_does_not_matter(self, evaluator: Evaluator) -> None:
        """The same batches the other way round give the same metrics."""
        batches = self.batches()
        forwards = _measured(evaluator, batches)
        assert _measured(evaluator, list(reversed(batches))) == pytest.approx(forwards, rel=1e-9, abs=1e-12)

    def test_the_size_of_batches_does_not_matter(self, evaluator: Evaluator) -> None:
        """All predictions as one batch give the metrics of many (where outputs and targets are tensors)."""
        batches = self.batches()
        parts = [part for batch in batches for part in batch]
        if all(isinstance(part, torch.Tensor) for part in parts):
            joined = [(torch.cat([batch[0] for batch in batches]), torch.cat([batch[1] for batch in batches]))]
            metrics = _measured(evaluator, batches)
            assert _measured(evaluator, joined) == pytest.approx(metrics, rel=1e-9, abs=1e-12)

    def test_reset_forgets(self, evaluator: Evaluator) -> None:
        """After reset, nothing of the validation before is left."""
        batches = self.batches()
        alone = _measured(evaluator, batches[1:])
        _measured(evaluator, batches[:1])
        assert _measured(evaluator, batches[1:]) == alone

    def test_compute_changes_nothing(self, evaluator: Evaluator) -> None:
        """Asked twice, it says the same."""
        first = _measured(evaluator, self.batches())
        assert evaluator.compute() == first

    def test_no_batches_are_no_error(self, evaluator: Evaluator) -> None:
        """With nothing seen, compute returns a mapping and does not raise."""
        evaluator.reset()
        assert isinstance(evaluator.compute(), dict)


def _measured(evaluator: Evaluator, batches: Sequence[tuple[Any, Any]]) -> dict[str, float]:
    evaluator.reset()
    for outputs, targets in batches:
        evaluator.update(outputs, targets)
    return evaluator.compute()
