"""Tables of numbers from CSV files."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from regtrain.hookspecs import hookimpl
from regtrain.types import Splits

if TYPE_CHECKING:
    import numpy as np
    from torch.utils.data import TensorDataset

    from regtrain.types import Register

MAX_BYTES = 8 << 30
MAX_LINE = 16 << 20  # characters: a file without line ends is read whole otherwise
EXACT = 2**53  # the first whole number that a float does not tell from the next one
MARKS = {
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "a zip or Excel file",
}


def csv_table(
    train_path: str,
    val_path: str | None = None,
    target_column: str | None = None,
    target_type: Literal["class", "number"] = "class",
    data_dir: str | None = None,
) -> Splits:
    """Feature rows `(columns,)` as float32, and the target column: int64 classes or float32 `(1,)` numbers.

    The first line names the columns, which both files must have, in any order. `target_column` is the last one of the
    training file when left out.

    Raises:
        FileNotFoundError: no such file.
        ValueError: an empty table, a missing, foreign or double column, another encoding than UTF-8, or a cell that is
            not a finite number (named by line and column).
    """
    if target_type not in ("class", "number"):
        raise ValueError(f"target_type is {target_type!r}; there are: class, number")
    folder = Path(data_dir or ".")
    train_file = folder / train_path
    val_file = folder / val_path if val_path else None
    fingerprint = {"train": _digest(train_file)} | ({"val": _digest(val_file)} if val_file else {})
    train = _read(train_file)
    target = (target_column or train.columns[-1]).strip()
    features = [column for column in train.columns if column != target]
    if not features:
        raise ValueError(f"{train.path} has no column besides the target {target!r}; give it features to learn from")
    val = _read(val_file) if val_file else None
    if val is not None and set(val.columns) != set(train.columns):
        other = sorted(set(val.columns) ^ set(train.columns))
        raise ValueError(
            f"{val.path} and {train.path} have different columns: {', '.join(map(repr, other))} in one of them only; "
            "give both the same names, in any order"
        )
    return Splits(
        _dataset(train, features, target, target_type),
        None if val is None else _dataset(val, features, target, target_type),
        fingerprint=fingerprint,
        features=features,
    )


@dataclass(frozen=True)
class _Table:
    """A file of numbers: `values` is (rows, columns)."""

    path: Path
    columns: list[str]
    values: np.ndarray[Any, Any]

    def column(self, name: str) -> np.ndarray[Any, Any]:
        if name not in self.columns:
            raise ValueError(f"{self.path} has no column {name!r}; there are: {', '.join(self.columns)}")
        found: np.ndarray[Any, Any] = self.values[:, self.columns.index(name)]
        return found


def _opened(path: Path) -> io.BufferedReader:
    """A regular file: what is read to its end must have one."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_size <= MAX_BYTES:
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{path} is no regular file")
    raise ValueError(f"{path} is larger than {MAX_BYTES >> 30} GiB; a table is read into memory: write a dataset")


def _digest(path: Path) -> str:
    with _opened(path) as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path) -> _Table:
    import numpy as np

    with _opened(path) as binary, io.TextIOWrapper(binary, "utf-8-sig", newline="") as file:
        rows = csv.reader(_lines(path, file))
        try:
            header = [name.strip() for name in next(rows, [])]
            cells = [(rows.line_num, row) for row in rows if row]
        except csv.Error as problem:
            raise ValueError(f"{path}:{rows.line_num} is not CSV: {problem}") from None
        except UnicodeDecodeError:
            raise ValueError(_encoding(path)) from None
    if not header or not cells:
        raise ValueError(f"{path} holds no rows")
    _check_header(path, header)
    return _Table(path, header, np.array([_numbers(path, line, header, row) for line, row in cells]))


def _lines(path: Path, file: io.TextIOWrapper) -> Iterator[str]:
    """Lines of a limited length, none of which holds a NUL, as text in UTF-16 does without a mark."""
    number = 0
    while line := file.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE:
            raise ValueError(f"{path}:{number} is longer than {MAX_LINE >> 20} MiB; is this a table?")
        if "\0" in line:
            raise ValueError(_encoding(path))
        yield line


def _encoding(path: Path) -> str:
    """What is wrong with a file that is not UTF-8, and what to do about it."""
    with _opened(path) as file:
        start = file.read(4)
    known = next((name for mark, name in MARKS.items() if start.startswith(mark)), "")
    if known.startswith(("gzip", "a zip")):
        return f"{path} is {known}, and a table of text is wanted; unpack it, or save it as CSV"
    guess = "UTF-16 or a binary file" if b"\0" in start else "in another encoding, such as Latin-1 or Windows-1252"
    return f"{path} is {known or guess}, and UTF-8 is wanted; save it as UTF-8"


def _check_header(path: Path, header: Sequence[str]) -> None:
    if "" in header:
        raise ValueError(
            f"{path}: column {header.index('') + 1} has no name; name it, or write the table without it "
            "(in pandas: to_csv(..., index=False))"
        )
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        raise ValueError(f"{path} has several columns called {twice[0]!r}; columns are told apart by their names")


def _dataset(table: _Table, features: Sequence[str], target: str, target_type: str) -> TensorDataset:
    """Features in the order of the training file, by name; then the target."""
    import numpy as np
    import torch
    from torch.utils.data import TensorDataset

    goal = torch.from_numpy(table.column(target).copy())
    columns = [table.column(name) for name in features]
    inputs = torch.from_numpy(np.stack(columns, axis=1) if columns else np.empty((len(goal), 0))).float()
    if target_type == "number":
        return TensorDataset(inputs, goal.float().unsqueeze(1))
    if bool((goal != goal.round()).any()) or bool((goal < 0).any()):
        raise ValueError(
            f"{table.path}: {target!r} is not made of classes 0, 1, 2…; `target_type: number` takes numbers"
        )
    if bool((goal >= EXACT).any()):  # a float does not tell larger whole numbers apart
        raise ValueError(f"{table.path}: {target!r} has class numbers of {EXACT} and more; number the classes from 0")
    return TensorDataset(inputs, goal.long())


def _numbers(path: Path, line: int, header: list[str], row: list[str]) -> list[float]:
    if len(row) != len(header):
        raise ValueError(f"{path}:{line} has {len(row)} cells, the header has {len(header)}")
    return [_number(path, line, column, cell) for column, cell in zip(header, row, strict=True)]


def _number(path: Path, line: int, column: str, cell: Any) -> float:
    try:
        value = float(cell)
    except ValueError:
        raise ValueError(f"{path}:{line} column {column!r}: {cell!r} is not a number") from None
    if value - value != 0:  # NaN and infinities
        raise ValueError(f"{path}:{line} column {column!r}: {cell!r} is not finite")
    return value


@hookimpl
def regtrain_register_datasets(register: Register) -> None:
    register("csv", csv_table)
