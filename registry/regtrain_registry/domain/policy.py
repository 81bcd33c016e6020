"""The retention policy of a model: parsed from a mapping, and written back. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from regtrain_registry.domain.metric_directions import direction_of
from regtrain_registry.errors import PolicyError, nearest

__all__ = [
    "Mode",
    "Monitor",
    "Policy",
    "mode_of",
    "parse_duration",
    "parse_policy",
    "parse_size",
    "shown_duration",
    "shown_size",
    "with_slash",
]

KEYS = (
    *("keep_best", "monitor", "mode", "keep_newest", "keep_per_major", "keep_per_minor"),
    *("younger_than", "total_size", "with_descendants"),
)
SPELLINGS = {"keep_top_k": "keep_best", "save_top_k": "keep_best", "metric": "monitor", "keep_last": "keep_newest"}
COUNTS = ("keep_best", "keep_newest", "keep_per_major", "keep_per_minor")

_PREFIXED_METRIC = re.compile(r"(train|val|test)_(.+)", re.DOTALL)
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*([wdhms])")
_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB")
_BYTES: dict[str, int] = {unit.lower(): 1000**place for place, unit in enumerate(_DECIMAL)} | {
    f"{letter}ib": 1024**place for place, letter in enumerate("kmgtp", start=1)
}
_SIZE = re.compile(r"([0-9]{1,30})(?:\.([0-9]{1,6}))?\s*([kmgtp]?i?b)")


class Mode(StrEnum):
    """Whether less or more of a metric is better."""

    MIN = "min"
    MAX = "max"


@dataclass(frozen=True, slots=True)
class Monitor:
    """A metric by which versions are better or worse."""

    metric: str
    mode: Mode


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules of retention; None: no such rule. A version is kept when any of them keeps it.

    `monitor`: the metrics of `keep_best`, the first of which decides which versions expire first where `total_size`
    (bytes) is exceeded. `with_descendants` keeps every ancestor of a version, also of an expired one.
    """

    keep_best: int | None = None
    monitor: tuple[Monitor, ...] = ()
    keep_newest: int | None = None
    keep_per_major: int | None = None
    keep_per_minor: int | None = None
    younger_than: timedelta | None = None
    total_size: int | None = None
    with_descendants: bool = False

    @property
    def keeps(self) -> bool:
        """Whether there is a rule that keeps: versions that none of them keeps expire."""
        return any(getattr(self, name) is not None for name in (*COUNTS, "younger_than")) or self.with_descendants

    def to_json(self) -> dict[str, Any]:
        """The rules that there are, as `parse_policy` takes them."""
        found: dict[str, Any] = {name: getattr(self, name) for name in COUNTS}
        if self.monitor:
            found["monitor"] = [monitor.metric for monitor in self.monitor]
            found["mode"] = [monitor.mode.value for monitor in self.monitor]
        found["younger_than"] = None if self.younger_than is None else shown_duration(self.younger_than)
        found["total_size"] = None if self.total_size is None else shown_size(self.total_size)
        found["with_descendants"] = self.with_descendants or None
        return {name: found[name] for name in KEYS if found.get(name) is not None}


def parse_policy(rules: Mapping[str, Any]) -> Policy:
    """A mapping as a policy; keys that are None count as left out.

    Raises:
        PolicyError: an unknown key, or a value that is none of its kind.
    """
    if not isinstance(rules, Mapping):
        raise PolicyError("a policy is a mapping of rules", f"Its keys: {', '.join(KEYS)}.")
    given: dict[str, Any] = {}
    for key, value in rules.items():
        name = _key(key)
        if value is None:
            continue
        if name in given:
            raise PolicyError(f"the policy gives {name} twice", f"{key} is the same as {name}.")
        given[name] = value
    monitor = _monitor(given.get("monitor"), given.get("mode"))
    if "keep_best" in given and not monitor:
        raise PolicyError("keep_best needs a metric to go by", "Add monitor: val/accuracy, or the metric you mean.")
    return Policy(
        **{name: _count(name, given[name]) for name in COUNTS if name in given},
        monitor=monitor,
        younger_than=parse_duration(given["younger_than"], "younger_than") if "younger_than" in given else None,
        total_size=parse_size(given["total_size"], "total_size") if "total_size" in given else None,
        with_descendants=_flag("with_descendants", given.get("with_descendants", False)),
    )


def _key(key: object) -> str:
    name = SPELLINGS.get(str(key), str(key))
    if name not in KEYS:
        near = nearest(name, (*KEYS, *SPELLINGS))
        raise PolicyError(
            f"a policy has no key {str(key)[:80]!r}" + (f"; did you mean {' or '.join(near)}?" if near else ""),
            f"Its keys: {', '.join(KEYS)}.",
        )
    return name


def _count(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise PolicyError(f"{name} is {value!r}", "Give a number from 1 up, or leave it out.")
    return value


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise PolicyError(f"{name} is {value!r}", "Give true or false.")
    return value


def _monitor(metrics: object, modes: object) -> tuple[Monitor, ...]:
    names = _texts("monitor", metrics)
    wanted = _texts("mode", modes)
    if wanted and len(wanted) not in (1, len(names)):
        raise PolicyError(f"there are {len(names)} metrics and {len(wanted)} modes", "Give one mode for each metric.")
    if any(mode not in tuple(Mode) for mode in wanted):
        raise PolicyError(f"mode is {modes!r}", "Choose from min, max.")
    names = [with_slash(name) or name for name in names]
    if len(set(names)) < len(names):
        raise PolicyError("monitor names a metric twice", "Name each once.")
    if not wanted:
        return tuple(Monitor(name, mode_of(name)) for name in names)
    wanted = wanted * len(names) if len(wanted) == 1 else wanted
    return tuple(Monitor(name, Mode(mode)) for name, mode in zip(names, wanted, strict=True))


def _texts(name: str, value: object) -> list[str]:
    """One text, or a list of them."""
    values = [] if value is None else value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    if not all(isinstance(text, str) and text for text in values):
        raise PolicyError(f"{name} is {value!r}", "Give a name, or a list of names.")
    return [str(text) for text in values]


def with_slash(name: str) -> str | None:
    """`val/loss` for `val_loss`; None for a name without such a beginning."""
    match = _PREFIXED_METRIC.fullmatch(name)
    return f"{match[1]}/{match[2]}" if match else None


def mode_of(metric: str) -> Mode:
    """Whether less or more of a metric is better, from its name; `PolicyError` where that does not say."""
    found = direction_of(metric)
    if found is None:
        raise PolicyError(
            f"mode is missing: whether less or more of {metric!r} is better is not known", "Give min or max."
        )
    return Mode(found)


def parse_duration(value: object, name: str) -> timedelta:
    """`30d`, `12h`, `2w`, `45m`, `90s`; `PolicyError` for anything else."""
    match = _DURATION.fullmatch(value.strip().lower()) if isinstance(value, str) else None
    if match is None:
        raise PolicyError(f"{name} is {value!r}", "Write 30d, 12h, 2w, 45m or 90s.")
    try:
        return timedelta(seconds=float(match[1]) * _SECONDS[match[2]])
    except OverflowError as error:
        raise PolicyError(f"{name} is {value!r}", f"The longest is {timedelta.max.days}d.") from error


def shown_duration(duration: timedelta) -> str:
    """The duration in the largest unit that it is a whole number of."""
    seconds = duration.total_seconds()
    whole = ((unit, size) for unit, size in _SECONDS.items() if unit != "w" and seconds % size == 0)
    unit, size = next(whole, ("s", 1))
    return f"{seconds / size:.6f}".rstrip("0").rstrip(".") + unit


def parse_size(value: object, name: str) -> int:
    """Bytes of `20GB`, `1.5TB`, `512MiB`, or of a whole number; `PolicyError` for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = _SIZE.fullmatch(value.strip().lower()) if isinstance(value, str) else None
    if match is None or match[3] not in _BYTES:
        raise PolicyError(f"{name} is {value!r}", "Write 20GB, 1.5TB or 512MiB.")
    fraction = match[2] or ""
    parts: int = 10 ** len(fraction)
    return int(match[1] + fraction) * _BYTES[match[3]] // parts


def shown_size(count: int) -> str:
    """Bytes in the largest decimal unit that they are a whole number of."""
    place = max(place for place in range(len(_DECIMAL)) if count % 1000**place == 0) if count else 0
    return f"{count // 1000**place}{_DECIMAL[place]}"
