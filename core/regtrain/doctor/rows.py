"""What a check of the installation finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from regtrain.errors import brief

__all__ = ["Check", "Row", "failed", "from_json"]

Status = Literal["ok", "warning", "failure"]


@dataclass(frozen=True)
class Row:
    """One finding. `remedy` is empty where there is nothing to do."""

    name: str
    status: Status
    message: str
    remedy: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Check:
    """What finds rows, within so many seconds. It may raise: that is a failure of its name."""

    name: str
    find: Callable[[], Sequence[Row]]
    seconds: float = 20.0


def failed(name: str, problem: BaseException, status: Status = "failure") -> Row:
    """The row of an exception; those of regtrain bring their remedy."""
    message = getattr(problem, "message", "") or f"{type(problem).__name__}: {brief(problem)}".rstrip(": ")
    return Row(name, status, str(message), str(getattr(problem, "hint", "")))


def from_json(value: Mapping[str, Any]) -> Row:
    return Row(str(value["name"]), value["status"], str(value["message"]), str(value["remedy"]))
