"""`regtrain.log` and its siblings: what user code calls from anywhere in a run."""

from __future__ import annotations

import csv
import json
import shutil
import struct
import zlib
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from regtrain.errors import ConfigValueError
from regtrain.run_dir.logger import active_logger

__all__ = ["log", "log_figure", "log_histogram", "log_table"]

PICTURES = (".png", ".jpg", ".jpeg", ".svg")


def log(metrics: Mapping[str, Any], step: int | None = None) -> None:
    """Log numbers by name, from anywhere in a run: rank 0 appends them to `logs/metrics.jsonl`, and trackers get them.

    Args:
        metrics: name → number, or a tensor or array of one element.
        step: the current optimizer step of the run when left out.

    Raises:
        OutsideOfRunError: no run is training in this process.
        ConfigValueError: a value is no number, or a name cannot be used.
    """
    active_logger("log").log(metrics, step)


def log_figure(name: str, figure: Any, step: int | None = None) -> None:
    """Keep a figure as a file of the run, which trackers show.

    Args:
        figure: a matplotlib figure, a PIL image, a path (png, jpg, svg), an array (height × width, or with 3 or 4
            channels last; bytes, or floats from 0 to 1), or a tensor (channels first).

    Raises:
        OutsideOfRunError, ConfigValueError: as `log` does.
    """
    logger = active_logger("log_figure")
    suffix = ".png"
    if hasattr(figure, "savefig"):
        write = partial(_save_figure, figure)
    elif isinstance(figure, str | Path):
        suffix = Path(figure).suffix.lower()
        if suffix not in PICTURES or not Path(figure).is_file():
            raise ConfigValueError(
                f"figure {name!r}: {figure} is no picture", f"give the path of a file: {', '.join(PICTURES)}"
            )
        write = partial(shutil.copyfile, figure)
    elif hasattr(figure, "save") and hasattr(figure, "getbands"):
        write = partial(figure.save, format="PNG")
    else:
        content = _png(_pixels(name, figure))
        write = partial(_write, content)
    logger.artifact("figure", name, suffix, write, step)


def log_table(name: str, rows: Any, step: int | None = None) -> None:
    """Keep a table as a CSV file of the run, which trackers show.

    Args:
        rows: mappings of column to value; or sequences, the first with the names of the columns; or a DataFrame.

    Raises:
        OutsideOfRunError, ConfigValueError: as `log` does; or there is no row.
    """
    logger = active_logger("log_table")
    found = rows.to_dict("records") if hasattr(rows, "to_dict") else list(rows)
    if not found:
        raise ConfigValueError(f"table {name!r} has no row", "give at least one")
    if all(isinstance(row, Mapping) for row in found):
        columns = list(dict.fromkeys(str(key) for row in found for key in row))
        table = [columns, *([{str(k): v for k, v in row.items()}.get(c, "") for c in columns] for row in found)]
    elif all(isinstance(row, Iterable) and not isinstance(row, str | bytes | Mapping) for row in found):
        table = [list(row) for row in found]
    else:
        raise ConfigValueError(f"table {name!r}: its rows are of several kinds", "give mappings, or sequences")
    logger.artifact("table", name, ".csv", partial(_write_csv, table), step)


def log_histogram(name: str, values: Any, step: int | None = None, bins: int = 64) -> None:
    """Keep the distribution of some numbers, such as weights, as a file of the run, which trackers show.

    Args:
        values: a tensor, an array or a sequence; what is not finite is counted apart.

    Raises:
        OutsideOfRunError, ConfigValueError: as `log` does; or there is no finite number.
    """
    import numpy as np

    logger = active_logger("log_histogram")
    flat = np.asarray(_array(values), dtype=np.float64).ravel()
    finite = flat[np.isfinite(flat)]
    if not finite.size:
        raise ConfigValueError(f"histogram {name!r}: of {flat.size} values none is finite", "give numbers")
    counts, edges = np.histogram(finite, bins=bins)
    found = {"edges": edges.tolist(), "counts": counts.tolist(), "not_finite": int(flat.size - finite.size)}
    logger.artifact("histogram", name, ".json", partial(_write, json.dumps(found).encode()), step)


def _array(values: Any) -> Any:
    """A tensor as an array, wherever it lies; anything else as it is."""
    return values.detach().float().cpu().numpy() if hasattr(values, "detach") else values


def _save_figure(figure: Any, path: Path) -> None:
    figure.savefig(path, format="png")


def _write(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def _write_csv(rows: list[list[Any]], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def _pixels(name: str, figure: Any) -> Any:
    """Height × width × channels, of bytes."""
    import numpy as np

    array = np.asarray(_array(figure))
    if hasattr(figure, "detach") and array.ndim == 3:
        array = array.transpose(1, 2, 0)
    array = array[:, :, None] if array.ndim == 2 else array
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or not array.size or array.dtype.kind not in "uifb":
        raise ConfigValueError(
            f"figure {name!r} is a {type(figure).__name__} of shape {tuple(array.shape)}, which is no picture",
            "give a matplotlib figure, a PIL image, a path, or an array of height × width, or × 3 or 4 channels",
        )
    if array.dtype.kind == "f":
        array = np.nan_to_num(array).clip(0, 1) * 255 + 0.5
    return array.clip(0, 255).astype(np.uint8)


def _png(pixels: Any) -> bytes:
    """The pixels as PNG: a filter byte before each line, compressed."""
    height, width, channels = pixels.shape
    lines = b"".join(b"\0" + pixels[row].tobytes() for row in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2, 4: 6}[channels], 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
