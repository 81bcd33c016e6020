"""Converters: many ways to write one value, one way to keep it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regtrain.types.config.values import as_devices, as_metric, as_precision, as_walltime


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("val_loss", "val/loss"),
        ("train_loss", "train/loss"),
        ("val_accuracy", "val/accuracy"),
        ("val_f1_score", "val/f1_score"),
        ("val/loss", "val/loss"),
        ("accuracy", "accuracy"),
        ("validity", "validity"),
        ("val_", "val_"),
    ],
)
def test_metric_prefixes_become_a_path(written: str, kept: str) -> None:
    """Only the prefixes train_, val_ and test_ turn into a path."""
    assert as_metric(written) == kept


@given(st.text())
def test_a_kept_metric_stays_as_it_is(name: str) -> None:
    """Normalising a second time changes nothing."""
    assert as_metric(as_metric(name)) == as_metric(name)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        *[(value, "16-mixed") for value in (16, "16", "fp16", "FP16", "16-mixed")],
        *[(value, "bf16-mixed") for value in ("bf16", "bf16-mixed", "bfloat16")],
        *[(value, "32") for value in (32, "32", "fp32", "32-true")],
        ("auto", "auto"),
    ],
)
def test_precision_has_four_names(written: object, kept: str) -> None:
    """Numbers and the frameworks' names all mean one of four."""
    assert as_precision(written) == kept


@pytest.mark.parametrize("written", [True, 8, "64", None, 16.0, [16], ""])
def test_another_precision_is_refused_with_the_choices(written: object) -> None:
    """The sentence lists what may be written."""
    with pytest.raises(ValueError, match="auto, 32, 16-mixed, bf16-mixed"):
        as_precision(written)


@pytest.mark.parametrize(
    ("written", "kept"),
    [("0,1", [0, 1]), ("0, 3", [0, 3]), ("0", [0]), (0, [0]), (2, [2]), ([0, 1], [0, 1]), ("", []), ([], [])],
)
def test_devices_are_a_list_of_indices(written: object, kept: list[int]) -> None:
    """Text, a number and a list all name GPUs by index."""
    assert as_devices(written) == kept


@pytest.mark.parametrize("written", ["a", "0,,1", "0,1,", -1, [0, -1], True, [True], "0,0", [1, 1], None, 1.0, {}])
def test_what_is_no_device_list_is_refused(written: object) -> None:
    """Negative, repeated and non-numeric indices are errors, and true is not GPU 1."""
    with pytest.raises(ValueError, match="GPU ind"):
        as_devices(written)


@pytest.mark.parametrize("written", ["24:00", "12:00:00", "1-00:00:00", "0:30", "100:00"])
def test_walltime_keeps_its_text(written: str) -> None:
    """What 24:00 means is the launcher's business, so that the text stays."""
    assert as_walltime(f" {written} ") == written


@pytest.mark.parametrize("written", [1440, "24", "24:75", "1-00:00", "a", "", None, "24:00:00:00", True, "-1:00"])
def test_another_walltime_is_refused_with_the_forms(written: object) -> None:
    """The sentence shows the three forms."""
    with pytest.raises(ValueError, match="24:00, 12:00:00 or 1-00:00:00"):
        as_walltime(written)


def test_a_walltime_of_zero_is_refused() -> None:
    """A job without time would be killed at once."""
    with pytest.raises(ValueError, match="zero"):
        as_walltime("00:00:00")
