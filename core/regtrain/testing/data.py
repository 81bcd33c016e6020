"""What datasets, models and tasks owe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from torch import nn
from torch.utils.data import default_collate

from regtrain.job.data import as_splits, check_splits, fingerprints
from regtrain.testing.offered import Offered
from regtrain.testing.stored import through_store
from regtrain.types import Indexed, Kind, Splits, Task, TaskContext

__all__ = ["DatasetConformance", "ModelConformance", "TaskConformance"]


class DatasetConformance(Offered):
    """A dataset gives the same finite samples each time, in splits with lengths.

    ```python
    class TestMoons(DatasetConformance):
        module = "regtrain_moons"
        offers = "moons"
        args = {"samples": 200}
    ```
    """

    kind: ClassVar[Kind] = "datasets"

    def _splits(self, factory: Callable[..., Any]) -> Splits:
        return as_splits(factory(**self.args), self.offers)

    def test_its_splits_can_be_trained_on(self, factory: Callable[..., Any]) -> None:
        """Every split has a length, is not empty and holds finite numbers."""
        check_splits(self._splits(factory), self.offers)

    def test_its_samples_make_a_batch(self, factory: Callable[..., Any]) -> None:
        """The first and the last sample of a split collate into one batch of finite numbers."""
        splits = self._splits(factory)
        for dataset in filter(None, (splits.train, splits.val)):
            last = len(dataset) - 1  # type: ignore[arg-type]
            batch = (splits.collate or default_collate)([dataset[0], dataset[last]])
            tensors = list(_tensors(batch))
            assert tensors
            assert all(bool(torch.isfinite(tensor).all()) for tensor in tensors)

    def test_it_is_the_same_twice(self, factory: Callable[..., Any]) -> None:
        """The same arguments give the same data: equal fingerprints, equal first samples, whatever the global seed."""
        torch.manual_seed(1)
        first = self._splits(factory)
        torch.manual_seed(2)
        second = self._splits(factory)
        assert fingerprints(first) == fingerprints(second)
        assert len(first.train) == len(second.train)  # type: ignore[arg-type]
        pairs = zip(_tensors(first.train[0]), _tensors(second.train[0]), strict=True)
        assert all(torch.equal(one, other) for one, other in pairs)


class ModelConformance(Offered):
    """A model runs forward and backward on a sample, and its weights can be stored.

    ```python
    class TestTiny(ModelConformance):
        module = "regtrain_tiny"
        offers = "tiny"
        args = {"num_classes": 3}

        def sample(self):
            return torch.randn(2, 1, 8, 8)
    ```
    """

    kind: ClassVar[Kind] = "models"

    def sample(self) -> Any:
        """What the model is called with: a batch of two or more."""
        raise NotImplementedError(f"{type(self).__name__} needs sample(): what the model is called with")

    def test_it_learns_backwards(self, factory: Callable[..., nn.Module]) -> None:
        """A forward and backward pass gives finite gradients, one for every parameter that learns."""
        torch.manual_seed(0)
        model = factory(**self.args)
        outputs = list(_tensors(model(self.sample())))
        torch.stack([output.float().square().sum() for output in outputs]).sum().backward()  # type: ignore[no-untyped-call]
        learning = {name: p.grad for name, p in model.named_parameters() if p.requires_grad}
        assert learning, "no parameter has requires_grad"
        for name, gradient in learning.items():
            assert gradient is not None, f"{name} got no gradient"
            assert bool(torch.isfinite(gradient).all()), f"the gradient of {name} is not finite"

    def test_its_weights_survive(self, factory: Callable[..., nn.Module]) -> None:
        """A second model with the stored weights says the same."""
        torch.manual_seed(0)
        model = factory(**self.args)
        sample = self.sample()
        with torch.no_grad():
            model(sample)  # so that running statistics are not as they began
        torch.manual_seed(1)
        again = factory(**self.args)
        again.load_state_dict(through_store(model.state_dict()))
        model.eval()
        again.eval()
        with torch.no_grad():
            pairs = zip(_tensors(model(sample)), _tensors(again(sample)), strict=True)
            assert all(torch.equal(one, other) for one, other in pairs)


class TaskConformance(Offered):
    """A task turns a batch into a loss that a model can learn from.

    ```python
    class TestRanking(TaskConformance):
        module = "regtrain_ranking"
        offers = "ranking"

        def model(self):
            return torch.nn.Linear(4, 1)

        def batches(self):
            return [(torch.randn(2, 4), torch.randn(2, 1))]
    ```
    """

    kind: ClassVar[Kind] = "tasks"

    def model(self) -> nn.Module:
        raise NotImplementedError(f"{type(self).__name__} needs model(): one that fits the batches")

    def batches(self) -> list[Any]:
        """Batches of each form that the task takes."""
        raise NotImplementedError(f"{type(self).__name__} needs batches(): one of each form that the task takes")

    def criterion(self, task: Task) -> Any:
        """The loss that the task names, unless overridden."""
        return getattr(nn, next(name for name in dir(nn) if name.lower() == task.loss.lower()))()

    def bound(self, factory: Callable[..., Task], model: nn.Module) -> tuple[Task, Mapping[str, nn.Module]]:
        """The task in a run of eight samples, with the modules of its own."""
        task = factory(**self.args)
        return task, task.bind(TaskContext(8, 8, model)) or {}

    def test_its_defaults_exist(self, factory: Callable[..., Task]) -> None:
        """The loss is a class of torch.nn; evaluator and monitor are named."""
        task = factory(**self.args)
        assert task.loss.lower() in {name.lower() for name in dir(nn) if name.endswith("Loss")}
        assert task.evaluator
        assert task.monitor.startswith(("val/", "train/"))

    def test_it_makes_a_loss(self, factory: Callable[..., Task]) -> None:
        """The loss is one finite number that reaches the weights of the model and of the task's own modules."""
        for batch in self.batches():
            model = self.model()
            task, modules = self.bound(factory, model)
            output = task.train_step(model, self.criterion(task), batch)
            loss: Any = sum(output.loss.values()) if isinstance(output.loss, Mapping) else output.loss
            assert loss.numel() == 1
            assert bool(torch.isfinite(loss))
            loss.backward()
            for name, module in {"the model": model, **modules}.items():
                gradients = [p.grad for p in module.parameters() if p.grad is not None]
                assert any(bool(gradient.any()) for gradient in gradients), f"the loss does not reach {name}"

    def test_it_is_evaluated(self, factory: Callable[..., Task]) -> None:
        """Evaluation gives outputs and targets, and changes no weight of the model."""
        for batch in self.batches():
            model = self.model().eval()
            task, _ = self.bound(factory, model)
            before = {name: value.clone() for name, value in model.state_dict().items()}
            task.before_eval(model, [batch])
            with torch.no_grad():
                output = task.eval_step(model, self.criterion(task), batch)
            assert output.outputs is not None
            assert output.targets is not None
            assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())

    def test_its_sample_is_what_the_model_takes(self, factory: Callable[..., Task]) -> None:
        """The model takes the arguments of a sample, and each has a name."""
        for batch in self.batches():
            model = self.model()
            task, _ = self.bound(factory, model)
            sample = task.sample(batch.batch if isinstance(batch, Indexed) else batch)
            assert len(sample.args) == len(sample.names)
            assert set(sample.dynamic) <= set(sample.names)
            with torch.no_grad():
                model(*sample.args)

    def test_a_batch_can_be_split(self, factory: Callable[..., Task]) -> None:
        """The halves of a batch hold all of its samples, in order."""
        for batch in self.batches():
            task = factory(**self.args)
            halves = [list(_tensors(half)) for half in task.split(batch, 2)]
            for number, whole in enumerate(_tensors(batch)):
                if whole.ndim:
                    assert torch.equal(torch.cat([half[number] for half in halves]), whole)


def _tensors(value: Any) -> Any:
    """Every tensor in a sample, batch or output; plain numbers count as tensors."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, bool | int | float):
        yield torch.tensor(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _tensors(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)
