"""Metrics of classification and regression, against scikit-learn."""

from __future__ import annotations

import math
from typing import ClassVar

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from regtrain.testing import EvaluatorConformance, PluginConformance
from regtrain_plugins.evaluators.classification import Classification
from regtrain_plugins.evaluators.regression import Regression

CLASSIFICATION = "regtrain_plugins.evaluators.classification"
REGRESSION = "regtrain_plugins.evaluators.regression"


class TestClassificationPlugin(PluginConformance):
    module = CLASSIFICATION
    provides: ClassVar = {"evaluators": ["classification"]}
    without_torch = True


class TestRegressionPlugin(PluginConformance):
    module = REGRESSION
    provides: ClassVar = {"evaluators": ["regression"]}
    without_torch = True


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
class TestClassification(EvaluatorConformance):
    module = CLASSIFICATION
    offers = "classification"

    @pytest.fixture(autouse=True)
    def arguments(self, average: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(type(self), "args", {"average": average})

    def batches(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        draw = torch.Generator().manual_seed(0)
        return [(torch.randn(n, 4, generator=draw), torch.randint(4, (n,), generator=draw)) for n in (5, 9, 2)]


class TestRegression(EvaluatorConformance):
    module = REGRESSION
    offers = "regression"

    def batches(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        draw = torch.Generator().manual_seed(0)
        return [(torch.randn(n, 2, generator=draw), torch.randn(n, 2, generator=draw)) for n in (5, 9, 2)]


@st.composite
def labels(draw: st.DrawFn) -> tuple[int, list[int], list[int]]:
    """Number of classes, true classes and predicted ones; often some class is in neither."""
    classes = draw(st.integers(2, 6))
    present = st.sampled_from(sorted(draw(st.sets(st.integers(0, classes - 1), min_size=1))))
    count = draw(st.integers(1, 30))
    return (
        classes,
        draw(st.lists(present, min_size=count, max_size=count)),
        draw(st.lists(present, min_size=count, max_size=count)),
    )


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@settings(max_examples=80)
@given(case=labels(), cut=st.integers(0, 30))
def test_classification_equals_scikit_learn(average: str, case: tuple[int, list[int], list[int]], cut: int) -> None:
    """Accuracy, precision, recall and F1 in any batches are scikit-learn's, with classes missing or not."""
    from sklearn import metrics as reference

    classes, actual, predicted = case
    evaluator = Classification(average=average)  # type: ignore[arg-type]
    scores = torch.nn.functional.one_hot(torch.tensor(predicted), classes).float()
    for part in (slice(0, cut), slice(cut, None)):
        if actual[part]:
            evaluator.update(scores[part], torch.tensor(actual)[part])
    found = evaluator.compute()
    precision, recall, f1, _ = reference.precision_recall_fscore_support(
        actual, predicted, average=average, zero_division=0
    )
    wanted = {
        "accuracy": reference.accuracy_score(actual, predicted),
        "precision": precision,
        "recall": recall,
        "f1": f1,
    }
    assert found == pytest.approx(wanted)


@settings(max_examples=80)
@given(st.lists(st.tuples(st.floats(-1e3, 1e3, width=32), st.floats(-1e3, 1e3, width=32)), min_size=2, max_size=30))
def test_regression_equals_scikit_learn(pairs: list[tuple[float, float]]) -> None:
    """Errors and R² are scikit-learn's; R² is NaN where all targets are equal."""
    from sklearn import metrics as reference

    actual, predicted = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    evaluator = Regression()
    evaluator.update(torch.tensor(predicted), torch.tensor(actual))
    found = evaluator.compute()
    assert found["mse"] == pytest.approx(reference.mean_squared_error(actual, predicted), rel=1e-9, abs=1e-12)
    assert found["rmse"] == pytest.approx(reference.root_mean_squared_error(actual, predicted), rel=1e-9, abs=1e-9)
    assert found["mae"] == pytest.approx(reference.mean_absolute_error(actual, predicted), rel=1e-9, abs=1e-12)
    if len(set(actual)) > 1:
        assert found["r2"] == pytest.approx(reference.r2_score(actual, predicted), rel=1e-4, abs=1e-6)


def test_more_classes_than_scores_is_allowed() -> None:
    """`num_classes` may be larger than the scores of the first batch show."""
    evaluator = Classification(num_classes=5)
    evaluator.update(torch.eye(3), torch.tensor([0, 1, 4]))
    assert evaluator.compute()["accuracy"] == pytest.approx(2 / 3)


def test_wrong_shapes_are_named() -> None:
    """Scores that are no table, and numbers of unlike shapes, are refused with their shapes."""
    with pytest.raises(ValueError, match=r"got \(2, 3, 4\)"):
        Classification().update(torch.zeros(2, 3, 4), torch.zeros(2, dtype=torch.long))
    with pytest.raises(ValueError, match=r"\(3, 1\).*\(3,\)"):
        Regression().update(torch.zeros(3, 1), torch.zeros(3))


def test_an_unknown_average_is_refused() -> None:
    """The averages that exist are named."""
    with pytest.raises(ValueError, match="macro, micro, weighted"):
        Classification(average="mean")  # type: ignore[arg-type]


def test_scores_that_are_not_finite_are_no_class() -> None:
    """NaN in a single score makes every metric NaN, until the evaluator is reset."""
    for bad in (math.nan, math.inf):
        evaluator = Classification()
        scores = torch.tensor([[1.0, 0.0], [bad, 0.0]])
        evaluator.update(scores, torch.tensor([0, 0]))
        evaluator.update(torch.eye(2), torch.tensor([0, 1]))
        assert all(map(math.isnan, evaluator.compute().values()))
        evaluator.reset()
        evaluator.update(torch.eye(2), torch.tensor([0, 1]))
        assert evaluator.compute()["accuracy"] == 1.0


def test_a_class_that_is_masked_is_left_out() -> None:
    """Minus infinity says that a class is impossible; a row of nothing else says nothing."""
    evaluator = Classification()
    evaluator.update(torch.tensor([[-math.inf, 0.0]]), torch.tensor([1]))
    assert evaluator.compute()["accuracy"] == 1.0
    evaluator.update(torch.tensor([[-math.inf, -math.inf]]), torch.tensor([0]))
    assert all(map(math.isnan, evaluator.compute().values()))


def test_numbers_that_are_not_finite_have_no_error() -> None:
    """Every metric is NaN, also after infinity."""
    for bad in (math.nan, math.inf):
        evaluator = Regression()
        evaluator.update(torch.tensor([1.0, bad]), torch.tensor([1.0, 2.0]))
        assert all(map(math.isnan, evaluator.compute().values()))


def test_a_single_output_is_no_score_for_each_class() -> None:
    """The remedy is named."""
    with pytest.raises(ValueError, match="one output for each"):
        Classification().update(torch.zeros(3, 1), torch.zeros(3, dtype=torch.long))


def test_r2_of_constant_targets_is_not_a_number() -> None:
    """There is no variance to explain; 0 would look like a bad model, 1 like a good one."""
    evaluator = Regression()
    evaluator.update(torch.tensor([1.0, 2.0, 1.0]), torch.tensor([0.1, 0.1, 0.1], dtype=torch.float64))
    assert math.isnan(evaluator.compute()["r2"])


def test_spread_that_is_only_rounding_is_none() -> None:
    """The mean of equal numbers need not be one of them."""
    evaluator = Regression()
    for count in range(2, 200):
        evaluator.reset()
        evaluator.update(torch.full((count,), 0.3, dtype=torch.float64), torch.full((count,), 0.1, dtype=torch.float64))
        assert math.isnan(evaluator.compute()["r2"]), count


def test_predictions_that_are_not_finite_are_no_error() -> None:
    """An infinite prediction has no error that others can be compared with."""
    for bad in (float("nan"), float("inf"), -float("inf")):
        evaluator = Regression()
        evaluator.update(torch.tensor([1.0, bad]), torch.tensor([3.0, 4.0]))
        assert all(map(math.isnan, evaluator.compute().values()))


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        (torch.tensor([1, 2, 1]), "class 2, and there are 2 outputs; number the classes from 0"),
        (torch.tensor([1, -100, 1]), "class -100"),
        (torch.tensor([0.0, 1.0, 0.0]), "float32 numbers, and classes are whole"),
        (torch.zeros(3, 2, dtype=torch.long), r"shape \(3, 2\), and one class for each of 3 rows"),
    ],
)
def test_targets_that_are_no_classes_are_named(targets: torch.Tensor, words: str) -> None:
    """What torch would say of a matrix of counts is said of the data."""
    with pytest.raises(ValueError, match=words):
        Classification().update(torch.zeros(3, 2), targets)
