"""What a checkout adds to the files of a version: card, plots, signatures. Not stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from regtrain_registry.cards import plots
from regtrain_registry.cards.card import CARD_NAME, CardFacts, model_card
from regtrain_registry.domain.records import Artifact, VersionInfo

__all__ = ["SIGNATURES", "SIGNATURE_NAME", "STATEMENT_NAME", "UNSIGNED", "Signed", "write_extras"]

PLOTS = "plots"
SIGNATURE_NAME = "model.sig"
STATEMENT_NAME = "statement.json"
SIGNATURES = "signatures"
LOG = "logs/metrics.jsonl"
MAX_LOG = 256 << 20  # bytes; a longer log is not drawn
UNSIGNED = (CARD_NAME, PLOTS, SIGNATURE_NAME, SIGNATURES)  # what no signature covers


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature: the id of the key, the signed statement, and the bundle that proves it."""

    key_id: str
    statement: str
    bundle: str


def log_of(version: VersionInfo) -> Artifact | None:
    """The file with the metrics of every step, where the version has one that can be drawn."""
    return next((one for one in version.artifacts if one.path == LOG and one.size_bytes <= MAX_LOG), None)


def write_extras(facts: CardFacts, signatures: Sequence[Signed], folder: Path) -> list[str]:
    """Write them into a folder that holds the files; their names. A file of the version with such a name is left
    alone. signatures: the newest first."""
    taken = {artifact.path.partition("/")[0] for artifact in facts.version.artifacts}
    drawn: dict[str, str] = {}
    log = log_of(facts.version)
    if log is not None and PLOTS not in taken and plots.can_draw():
        with (folder / log.path).open(encoding="utf-8", errors="replace") as lines:
            curves = plots.read_curves(lines)
        drawn = {f"{PLOTS}/{name}": shown for name, shown in plots.draw(curves, folder / PLOTS).items()}
    names = [*drawn]
    if CARD_NAME not in taken:
        (folder / CARD_NAME).write_text(model_card(replace(facts, plots=drawn)), encoding="utf-8")
        names.insert(0, CARD_NAME)
    if taken & {STATEMENT_NAME, SIGNATURE_NAME, SIGNATURES}:  # such a version cannot be signed, but a row may say so
        return names
    return names + _write_signatures(signatures, folder)


def _write_signatures(signatures: Sequence[Signed], folder: Path) -> list[str]:
    """The newest signature under the name that verifiers expect, those of other keys beside it."""
    if not signatures:
        return []
    newest, *others = signatures
    (folder / STATEMENT_NAME).write_text(newest.statement, encoding="utf-8")
    (folder / SIGNATURE_NAME).write_text(newest.bundle, encoding="utf-8")
    names = [STATEMENT_NAME, SIGNATURE_NAME]
    for one in others:
        (folder / SIGNATURES).mkdir(exist_ok=True)
        name = f"{SIGNATURES}/{one.key_id[:16]}.sig"
        (folder / name).write_text(one.bundle, encoding="utf-8")
        names.append(name)
    return names
