"""The datasets that ship: digits, MNIST and tables from CSV files."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
import torch

from regtrain.testing import DatasetConformance, PluginConformance
from regtrain_plugins.datasets.csv_file import csv_table

CSV = "regtrain_plugins.datasets.csv_file"
DIGITS = "regtrain_plugins.datasets.digits"
MNIST = "regtrain_plugins.datasets.mnist"
TABLE = "a,b,label\n1,2.5,0\n3,-4,1\n5,6e-3,1\n"


class TestCsvPlugin(PluginConformance):
    module = CSV
    provides: ClassVar = {"datasets": ["csv"]}
    without_torch = True


class TestDigitsPlugin(PluginConformance):
    module = DIGITS
    provides: ClassVar = {"datasets": ["digits"]}
    without_torch = True


class TestMnistPlugin(PluginConformance):
    module = MNIST
    provides: ClassVar = {"datasets": ["mnist_5k"]}
    without_torch = True


class TestCsv(DatasetConformance):
    module = CSV
    offers = "csv"

    @pytest.fixture(autouse=True)
    def table(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        written(tmp_path, TABLE)
        args = {"data_dir": str(tmp_path), "train_path": "table.csv", "val_path": "table.csv"}
        monkeypatch.setattr(type(self), "args", args)


class TestDigits(DatasetConformance):
    module = DIGITS
    offers = "digits"


@pytest.mark.slow
class TestMnist(DatasetConformance):
    module = MNIST
    offers = "mnist_5k"


def written(folder: Path, text: str | bytes) -> str:
    path = folder / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_digits_are_split_without_overlap() -> None:
    """Training and validation images together are the 1,797 of scikit-learn; another seed draws others."""
    from regtrain_plugins.datasets.digits import digits

    splits, other = digits(), digits(split_seed=1)
    assert splits.val is not None
    assert len(splits.train) + len(splits.val) == 1797  # type: ignore[arg-type]
    images = torch.cat([splits.train.tensors[0], splits.val.tensors[0]])  # type: ignore[attr-defined]
    again = torch.cat([other.train.tensors[0], other.val.tensors[0]])  # type: ignore[attr-defined, union-attr]
    assert images.sum() == pytest.approx(again.sum())
    assert not torch.equal(splits.val.tensors[1], other.val.tensors[1])  # type: ignore[attr-defined, union-attr]


def test_csv_takes_the_last_column_as_classes(tmp_path: Path) -> None:
    """Without `target_column`, the last column holds the classes and the others the features."""
    features, classes = csv_table(written(tmp_path, TABLE)).train.tensors  # type: ignore[attr-defined]
    assert torch.equal(features, torch.tensor([[1, 2.5], [3, -4], [5, 6e-3]]))
    assert classes.dtype == torch.int64
    assert classes.tolist() == [0, 1, 1]


def test_csv_takes_any_column_as_numbers(tmp_path: Path) -> None:
    """A named target of numbers comes as float32 of shape (rows, 1)."""
    splits = csv_table(written(tmp_path, TABLE), target_column=" b ", target_type="number")
    features, numbers = splits.train.tensors  # type: ignore[attr-defined]
    assert features.tolist() == [[1, 0], [3, 1], [5, 1]]
    assert numbers.shape == (3, 1)
    assert numbers.dtype == torch.float32


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"\xef\xbb\xbf" + TABLE.encode(), id="byte order mark"),
        pytest.param(TABLE.replace("\n", "\r\n"), id="line ends of Windows"),
        pytest.param(TABLE.replace("\n", "\n\n"), id="empty lines"),
        pytest.param(TABLE.rstrip("\n"), id="no newline at the end"),
        pytest.param(TABLE.replace("a,b", '"a","b"').replace("2.5", '"2.5"'), id="quotes"),
        pytest.param(TABLE.replace("2.5", " 2.5 "), id="spaces"),
    ],
)
def test_csv_reads_what_spreadsheets_write(text: str | bytes, tmp_path: Path) -> None:
    """Marks, line ends and quotes of common programs make no difference to the numbers."""
    plain, other = tmp_path / "plain", tmp_path / "other"
    plain.mkdir()
    other.mkdir()
    columns = {"target_column": "a", "target_type": "number"}
    wanted = csv_table(written(plain, TABLE), **columns).train.tensors  # type: ignore[attr-defined]
    found = csv_table(written(other, text), **columns).train.tensors  # type: ignore[attr-defined]
    assert all(torch.equal(one, two) for one, two in zip(found, wanted, strict=True))


def test_csv_fingerprint_is_that_of_the_file(tmp_path: Path) -> None:
    """One changed byte is another fingerprint; the same file under another name is the same."""
    first = csv_table(written(tmp_path, TABLE)).fingerprint["train"]
    (tmp_path / "copy.csv").write_text(TABLE)
    assert csv_table(str(tmp_path / "copy.csv")).fingerprint["train"] == first
    assert csv_table(written(tmp_path, TABLE.replace("2.5", "2.6"))).fingerprint["train"] != first


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", "holds no rows", id="empty file"),
        pytest.param("label\n0\n1\n", "no column besides the target 'label'", id="nothing to learn from"),
        pytest.param("a,b\n", "holds no rows", id="header only"),
        pytest.param("a,label\n1,0\nnan,1\n", r":3 column 'a': 'nan' is not finite", id="NaN"),
        pytest.param("a,label\n1,0\n-inf,1\n", r":3 column 'a': '-inf' is not finite", id="infinity"),
        pytest.param("a,label\n1,0\n,1\n", r":3 column 'a': '' is not a number", id="empty cell"),
        pytest.param("a,label\nx,0\n", r":2 column 'a': 'x' is not a number", id="text"),
        pytest.param("a,label\n1,0\n1\n", r":3 has 1 cells, the header has 2", id="short row"),
        pytest.param("a,label\n1,0,3\n", r":2 has 3 cells, the header has 2", id="long row"),
        pytest.param("a,label\n1,0.5\n", "'label' is not made of classes", id="broken class"),
        pytest.param("a,label\n1,-1\n", "'label' is not made of classes", id="negative class"),
        pytest.param(f"a,label\n{'1' * 200_000},0\n", ":2 is not CSV: field larger", id="endless cell"),
    ],
)
def test_csv_names_what_is_wrong(text: str, words: str, tmp_path: Path) -> None:
    """A table that cannot be trained on is refused with file, line and column."""
    with pytest.raises(ValueError, match=words):
        csv_table(written(tmp_path, text))


def test_csv_names_missing_column_and_file(tmp_path: Path) -> None:
    """A column that is not there is refused with those that are; a missing file is named."""
    with pytest.raises(ValueError, match=r"no column 'price'; there are: a, b, label"):
        csv_table(written(tmp_path, TABLE), target_column="price")
    with pytest.raises(FileNotFoundError, match=r"missing\.csv"):
        csv_table("missing.csv", data_dir=str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"missing\.csv"):
        csv_table(written(tmp_path, TABLE), val_path="missing.csv")


def test_csv_refuses_an_unknown_kind_of_target(tmp_path: Path) -> None:
    """A misspelt kind is not taken for classes."""
    with pytest.raises(ValueError, match="there are: class, number"):
        csv_table(written(tmp_path, TABLE), target_type="numbers")  # type: ignore[arg-type]


def two_files(folder: Path, train: str, val: str) -> dict[str, str]:
    (folder / "train.csv").write_text(train)
    (folder / "val.csv").write_text(val)
    return {"data_dir": str(folder), "train_path": "train.csv", "val_path": "val.csv"}


def test_csv_columns_are_matched_by_name(tmp_path: Path) -> None:
    """Columns in another order are the same table, also where the target is not the last one."""
    wanted = csv_table(**two_files(tmp_path, TABLE, TABLE)).val  # type: ignore[arg-type]
    rows = [line.split(",") for line in TABLE.splitlines()]
    for order in ((1, 0, 2), (2, 0, 1), (0, 2, 1)):
        other = "\n".join(",".join(row[i] for i in order) for row in rows) + "\n"
        splits = csv_table(**two_files(tmp_path, TABLE, other))  # type: ignore[arg-type]
        assert splits.features == ["a", "b"]
        pairs = zip(splits.val.tensors, wanted.tensors, strict=True)  # type: ignore[union-attr]
        assert all(torch.equal(one, two) for one, two in pairs)


@pytest.mark.parametrize(
    ("train", "val", "words"),
    [
        pytest.param(TABLE, TABLE.replace("a,b,", "a,c,"), "'b', 'c' in one of them only", id="another column"),
        pytest.param(TABLE, "a,label\n1,0\n", "'b' in one of them only", id="a column less"),
        pytest.param(TABLE.replace("a,b,", "a,a,"), TABLE, "several columns called 'a'", id="a name twice"),
    ],
)
def test_csv_refuses_tables_that_differ(train: str, val: str, words: str, tmp_path: Path) -> None:
    """Both files have the same names, each once."""
    with pytest.raises(ValueError, match=words):
        csv_table(**two_files(tmp_path, train, val))  # type: ignore[arg-type]


def test_csv_headers_are_stripped(tmp_path: Path) -> None:
    """Blanks around a name do not belong to it, in the file and in the config."""
    assert csv_table(written(tmp_path, TABLE), target_column=" label").features == ["a", "b"]
    assert csv_table(written(tmp_path, TABLE.replace("a,b,label", "a, b , label"))).features == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(TABLE.encode("utf-16"), r"is UTF-16, and UTF-8 is wanted; save it as UTF-8", id="UTF-16"),
        pytest.param("größe,label\n1,0\n".encode("latin-1"), "Latin-1 or Windows-1252.*save it as UTF-8", id="Latin-1"),
        pytest.param(TABLE.encode("utf-16-le"), r"is UTF-16 or a binary file.*UTF-8", id="UTF-16 without a mark"),
        pytest.param(TABLE.encode("utf-32"), r"is UTF-32, and UTF-8", id="UTF-32"),
        pytest.param(b"\x1f\x8b\x08\x00\xff", r"is gzip.*unpack", id="gzip"),
        pytest.param(b"a,label\n1,9007199254740994\n", "class numbers of", id="a class beyond 2^53"),
        pytest.param(b"a,label\n1,9007199254740993\n1,9007199254740992\n", "class numbers of", id="merged classes"),
        pytest.param(b",a,label\n0,1,0\n", r"column 1 has no name.*index=False", id="the index of pandas"),
        pytest.param(b"a,label" + b" " * (16 << 20) + b"\n1,0\n", r":1 is longer than 16 MiB", id="an endless line"),
    ],
)
def test_csv_names_encodings_and_large_classes(content: bytes, words: str, tmp_path: Path) -> None:
    """What a codec or a float would do to the file is said in words of the file."""
    with pytest.raises(ValueError, match=words):
        csv_table(written(tmp_path, content))


def test_csv_reads_regular_files_only(tmp_path: Path) -> None:
    """A FIFO would wait for ever, a device would never end."""
    import os

    os.mkfifo(tmp_path / "fifo.csv")
    for path in (tmp_path / "fifo.csv", Path("/dev/zero"), tmp_path):
        with pytest.raises(ValueError, match="no regular file"):
            csv_table(str(path))
