"""Gates of a stage: the conditions for a version to be promoted to it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from regtrain_registry.domain.policy import Mode, mode_of, with_slash
from regtrain_registry.domain.records import ExportVerification, VersionInfo, VersionStatus
from regtrain_registry.errors import PolicyError, nearest
from regtrain_registry.json_values import as_number, number_in

__all__ = ["Evidence", "Gates", "KeyCheck", "Signatures", "check_gates", "parse_gates"]

_KEYS = ("require", "better_than_current", "exports", "signed", "deprecated_parents")
_THRESHOLD = re.compile(r"^\s*(>=|<=|==|>|<)\s*(\S+)\s*$")
_COMPARE = {
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    "==": lambda a, b: a == b,
}


@dataclass(frozen=True, slots=True)
class Gates:
    """The conditions of a stage.

    require: metric → (operator, bound). better_than_current: metric → mode, `min` or `max`, against the version that
    holds the stage. exports: formats whose verification must have passed here. signed: a signature that was made or
    verified here. signed_by: public keys (PEM), by each of which it must be signed. deprecated_parents: whether a
    version may come from a deprecated one.
    """

    require: tuple[tuple[str, str, float], ...] = ()
    better_than_current: tuple[tuple[str, Mode], ...] = ()
    exports: tuple[str, ...] = ()
    signed: bool = False
    signed_by: tuple[str, ...] = ()
    deprecated_parents: bool = False


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """Whether the signature of a key holds; `problem` is None where it does."""

    key_id: str
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Signatures:
    """The signatures of a version. verified: ids of the keys whose signatures were made or verified here.
    checks: what the verification of each key (PEM) found just now."""

    verified: tuple[str, ...] = ()
    checks: Mapping[str, KeyCheck] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The result of one gate."""

    gate: str
    passed: bool
    found: str

    def to_json(self) -> dict[str, Any]:
        """All three fields."""
        return {"gate": self.gate, "passed": self.passed, "found": self.found}


def parse_gates(stage: str, written: Mapping[str, Any]) -> Gates:
    """The gates as a policy writes them; `PolicyError` for what is none."""
    if not isinstance(written, Mapping):
        raise PolicyError(
            f"stages.{stage}: {str(written)[:80]!r} is no mapping of gates", f"Its keys: {', '.join(_KEYS)}."
        )
    for key in written:
        if key not in _KEYS:
            near = nearest(str(key), _KEYS) or list(_KEYS)
            raise PolicyError(f"stages.{stage}: no gate is called {key!r}", f"There is {', '.join(near)}.")
    return Gates(
        require=tuple(_thresholds(stage, _mapping(stage, "require", written))),
        better_than_current=tuple(_compared(stage, written.get("better_than_current"))),
        exports=tuple(_texts(stage, "exports", written.get("exports"))),
        signed=not isinstance(written.get("signed"), Mapping) and _switch(stage, "signed", written),
        signed_by=tuple(_keys(stage, written.get("signed"))),
        deprecated_parents=_switch(stage, "deprecated_parents", written),
    )


def _mapping(stage: str, key: str, written: Mapping[str, Any]) -> Mapping[str, Any]:
    value = written.get(key) or {}
    if not isinstance(value, Mapping):
        raise PolicyError(f"stages.{stage}.{key}: {value!r} is not a table", "Write it as METRIC: '>= 0.9'.")
    return value


def _thresholds(stage: str, written: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    for metric, text in written.items():
        match = _THRESHOLD.match(str(text))
        bound = number_in(match[2]) if match else None
        if match is None or bound is None:
            hint = "Write an operator and a number: '>= 0.9', '< 0.1'."
            raise PolicyError(f"stages.{stage}.require.{metric}: {text!r} is no bound", hint)
        yield str(metric), match[1], bound


def _compared(stage: str, written: Any) -> Iterator[tuple[str, Mode]]:
    """A metric, several, or metric → mode; without mode, from the metric's name."""
    if written is None:
        return
    given = written if isinstance(written, Mapping) else dict.fromkeys(_texts(stage, "better_than_current", written))
    for metric, mode in given.items():
        if mode not in (None, *Mode):
            raise PolicyError(f"stages.{stage}.better_than_current.{metric}: {mode!r}", "Write min or max.")
        yield str(metric), Mode(mode) if mode else mode_of(str(metric))


def _texts(stage: str, key: str, written: Any) -> list[str]:
    values = [written] if isinstance(written, str) else written or []
    if not isinstance(values, list | tuple) or not all(isinstance(value, str) for value in values):
        raise PolicyError(f"stages.{stage}.{key}: {written!r}", "Write one name, or a list of names.")
    return list(values)


def _switch(stage: str, key: str, written: Mapping[str, Any]) -> bool:
    value = written.get(key, False)
    if not isinstance(value, bool):
        raise PolicyError(f"stages.{stage}.{key}: {value!r}", "Write true or false.")
    return value


def _keys(stage: str, written: Any) -> list[str]:
    """The keys of `signed: {by: KEY}`."""
    if not isinstance(written, Mapping):
        return []
    keys = _texts(stage, "signed.by", written.get("by"))
    if written.keys() != {"by"} or not keys or not all(keys):
        raise PolicyError(
            f"stages.{stage}.signed: {str(written)[:80]!r}", "Write true, or {by: KEY}: a public key or its PEM file."
        )
    return keys


def check_gates(
    gates: Gates,
    version: VersionInfo,
    current: VersionInfo | None,
    parents: Mapping[str, str | None],
    signatures: Signatures,
) -> list[Evidence]:
    """The evidence of each gate. parents: all ancestors, ref → the reason of its deprecation; current: the version that
    holds the stage."""
    offered = version.status is VersionStatus.READY
    found = [Evidence("the version is ready", offered, version.status.value)]
    for metric, operator, bound in gates.require:
        value = metric_of(version, metric)
        holds = value is not None and bool(_COMPARE[operator](value, bound))
        found.append(
            Evidence(f"{metric} {operator} {bound:g}", holds, "not measured" if value is None else f"{value:g}")
        )
    if current is not None and current.ref != version.ref:
        found += [_against(metric, mode, version, current) for metric, mode in gates.better_than_current]
    exports = {export.format: export for export in version.exports}
    found += [_exported(name, exports.get(name)) for name in gates.exports]
    if gates.signed:
        ids = ", ".join(key_id[:16] for key_id in signatures.verified)
        found.append(
            Evidence("signed", bool(ids), f"by {ids}" if ids else "no signature that was made or verified here")
        )
    for key in gates.signed_by:
        check = signatures.checks.get(key, KeyCheck("a new key", "its signature was not verified"))
        found.append(Evidence(f"signed by {check.key_id[:16]}", check.problem is None, check.problem or "yes"))
    if not gates.deprecated_parents:
        bad = sorted(ref for ref, reason in parents.items() if reason is not None)
        found.append(Evidence("no ancestor is deprecated", not bad, ", ".join(bad) or "none"))
    return found


def _exported(name: str, export: ExportVerification | None) -> Evidence:
    gate = f"export to {name} passed"
    if export is None:
        return Evidence(gate, False, "none")
    if export.unverified:
        return Evidence(gate, False, "only as another registry claims")
    return Evidence(gate, export.passed, "passed" if export.passed else "failed")


def _against(metric: str, mode: Mode, version: VersionInfo, current: VersionInfo) -> Evidence:
    mine, theirs = metric_of(version, metric), metric_of(current, metric)
    gate = f"{metric} better than {current.ref}"
    if mine is None or theirs is None:
        lacking = [one.ref for one, value in ((version, mine), (current, theirs)) if value is None]
        return Evidence(gate, mine is not None, f"not measured of {' and '.join(lacking)}")
    better = mine < theirs if mode is Mode.MIN else mine > theirs
    return Evidence(gate, better, f"{mine:g} against {theirs:g} ({mode})")


def metric_of(version: VersionInfo, metric: str) -> float | None:
    """A metric of a version as a number; `val_loss` is accepted for `val/loss`. None: not there, or not finite."""
    for name in (metric, with_slash(metric)):
        value = as_number(version.metrics.get(name)) if name else None
        if value is not None:
            return value
    return None
