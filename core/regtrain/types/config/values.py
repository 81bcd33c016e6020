"""Converters that bring the ways people write one value to the one way the config keeps it.

They only normalise. What they do not recognise but cannot judge (a list where text is expected) goes on
unchanged to the type check behind them; what they can judge raises ValueError with a sentence for people.
"""

from __future__ import annotations

import re

__all__ = ["PRECISIONS", "as_bytes", "as_devices", "as_metric", "as_precision", "as_span", "as_walltime"]

_PREFIXED_METRIC = re.compile(r"(train|val|test)_(.+)", re.DOTALL)

# What people write → what the config keeps.
PRECISIONS = {
    "auto": "auto",
    "16": "16-mixed",
    "fp16": "16-mixed",
    "float16": "16-mixed",
    "16-mixed": "16-mixed",
    "bf16": "bf16-mixed",
    "bfloat16": "bf16-mixed",
    "bf16-mixed": "bf16-mixed",
    "32": "32",
    "fp32": "32",
    "float32": "32",
    "32-true": "32",
}

_SPAN = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?\s*[wdhms]", re.IGNORECASE)
_BYTES = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?\s*([kmgtp]?b|[kmgtp]ib)", re.IGNORECASE)
_WALLTIME = re.compile(r"(?:(?P<days>[0-9]{1,3})-)?(?P<first>[0-9]{1,4})(?P<rest>(?::[0-5][0-9]){1,2})")
_WALLTIME_FORMS = "write it as 24:00, 12:00:00 or 1-00:00:00 (days-hours:minutes:seconds)"


def as_metric(value: object) -> object:
    """`val_loss` → `val/loss`; names without one of the prefixes train, val, test stay as they are."""
    if isinstance(value, str) and (match := _PREFIXED_METRIC.fullmatch(value)):
        return f"{match[1]}/{match[2]}"
    return value


def as_precision(value: object) -> object:
    """16, "16", "fp16" → "16-mixed"; "bf16" → "bf16-mixed"; 32, "fp32", "32-true" → "32"; "auto".

    Raises:
        ValueError: another number format.
    """
    # True == 1, so that a bool must not pass for a number.
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("choose from auto, 32, 16-mixed, bf16-mixed")
    known = PRECISIONS.get(str(value).strip().lower())
    if known is None:
        raise ValueError("choose from auto, 32, 16-mixed, bf16-mixed (16, bf16 and 32 are short for them)")
    return known


def as_devices(value: object) -> object:
    """`"0,1"`, 0 or [0, 1] → [0, 1]; `""` → [] (no GPU).

    Raises:
        ValueError: something that is not a GPU index, a negative index, or one index twice.
    """
    devices = _device_list(value)
    if any(device < 0 for device in devices):
        raise ValueError("a GPU index is 0 or more")
    if len(set(devices)) != len(devices):
        raise ValueError("the same GPU index is listed twice")
    return devices


def _device_list(value: object) -> list[int]:
    if isinstance(value, int) and not isinstance(value, bool):
        return [value]
    if isinstance(value, list) and all(isinstance(v, int) and not isinstance(v, bool) for v in value):
        return list(value)
    if isinstance(value, str):
        parts = [part.strip() for part in value.split(",")] if value.strip() else []
        if all(re.fullmatch(r"[0-9]{1,6}", part) for part in parts):
            return [int(part) for part in parts]
    raise ValueError('write GPU indices as "0,1", 0 or [0, 1]')


def as_walltime(value: object) -> object:
    """Text of the forms `24:00`, `12:00:00`, `1-00:00:00`, without blanks around it.

    What `24:00` means differs between schedulers, so that the text is kept and the launcher decides.

    Raises:
        ValueError: another form, or no time at all.
    """
    text = value.strip() if isinstance(value, str) else ""
    match = _WALLTIME.fullmatch(text)
    if match is None or (match["days"] is not None and match["rest"].count(":") != 2):
        raise ValueError(_WALLTIME_FORMS)
    if not any(digit in "123456789" for digit in text):
        raise ValueError("a time limit of zero leaves no time to run")
    return text


def as_span(value: object) -> object:
    """How long: `30d`, `12h`, `2w`, `45m`, `90s`, as it is.

    Raises:
        ValueError: anything else.
    """
    if not (isinstance(value, str) and _SPAN.fullmatch(value.strip())):
        raise ValueError("write it as 30d, 12h, 2w, 45m or 90s")
    return value.strip()


def as_bytes(value: object) -> object:
    """How much: `20GB`, `1.5TB`, `512MiB`, as it is; a whole number counts bytes.

    Raises:
        ValueError: anything else.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return f"{value}B"
    if not (isinstance(value, str) and _BYTES.fullmatch(value.strip())):
        raise ValueError("write it as 20GB, 1.5TB or 512MiB")
    return value.strip()
