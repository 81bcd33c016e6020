"""Tables of numbers from CSV files."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from regtrain.hookspecs import hookimpl
from regtrain.types import Splits

if TYPE_CHECKING:
    from torch.utils.data import TensorDataset

    from regtrain.types import Register


def csv_table(
    train_path: str,
    val_path: str | None = None,
    target_column: str | None = None,
    target_type: Literal["class", "number"] = "class",
    data_dir: str | None = None,
) -> Splits:
    """Feature rows `(columns,)` as float32, and the target column: int64 classes or float32 `(1,)` numbers.

    The first line names the columns; `target_column` is the last one when left out.

    Raises:
        FileNotFoundError: no such file.
        ValueError: an empty table, a missing column, or a cell that is not a finite number (named by line and column).
    """
    folder = Path(data_dir or ".")
    train_file = folder / train_path
    val_file = folder / val_path if val_path else None
    fingerprint = {"train": _digest(train_file)} | ({"val": _digest(val_file)} if val_file else {})
    val = _read(val_file, target_column, target_type) if val_file else None
    return Splits(_read(train_file, target_column, target_type), val, fingerprint=fingerprint)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path, target_column: str | None, target_type: str) -> TensorDataset:
    import numpy as np
    import torch
    from torch.utils.data import TensorDataset

    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.reader(file)
        try:
            header = next(rows, [])
            cells = [(rows.line_num, row) for row in rows if row]
        except csv.Error as problem:
            raise ValueError(f"{path}:{rows.line_num} is not CSV: {problem}") from None
    if not header or not cells:
        raise ValueError(f"{path} holds no rows")
    column = target_column or header[-1]
    if column not in header:
        raise ValueError(f"{path} has no column {column!r}; there are: {', '.join(header)}")
    table = np.array([_numbers(path, line, header, row) for line, row in cells])
    at = header.index(column)
    features = torch.from_numpy(np.delete(table, at, axis=1)).float()
    goal = torch.from_numpy(table[:, at])
    if target_type == "number":
        return TensorDataset(features, goal.float().unsqueeze(1))
    if bool((goal != goal.round()).any()) or bool((goal < 0).any()):
        raise ValueError(f"{path}: {column!r} is not made of classes 0, 1, 2…; `target_type: number` takes numbers")
    return TensorDataset(features, goal.long())


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
