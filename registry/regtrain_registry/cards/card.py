"""The model card of a version, in Hugging Face's form: a YAML head and a page for people. Pure.

Source of the form: https://huggingface.co/docs/hub/model-cards
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from regtrain_registry.cards.markdown import as_code, as_line, as_prose, as_yaml, fenced, table
from regtrain_registry.domain.records import ArtifactKind, Relation, VersionDetail, VersionStatus
from regtrain_registry.json_values import finite_numbers

__all__ = ["CARD_NAME", "CardFacts", "model_card"]

CARD_NAME = "model_card.md"

_LISTS = ("language", "datasets", "tags", "base_model")
_PROSE = (
    ("intended_use", "Intended use"),
    ("limitations", "Limitations"),
    ("training_data", "About the training data"),
    ("ethics", "Risks"),
    ("contact", "Contact"),
    ("citation", "How to cite"),
)
_SHOWN = ("model", "data", "loss", "training", "optimizer", "scheduler", "reproducibility")  # sections of a config
_MERGES = {Relation.MERGED_FROM, Relation.ENSEMBLE_OF}
_TUNES = {Relation.RESUMED_FROM, Relation.FINE_TUNED_FROM}
_SPLITS = {"val": "validation", "test": "test"}


@dataclass(frozen=True, slots=True)
class CardFacts:
    """The facts of a card: a version and what else is recorded. data: name → digest; run: its environment; plots: name
    → what it shows, names relative to the card; words: what the user wrote in `registry.card`, of any shape."""

    version: VersionDetail
    data: Mapping[str, str] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)
    plots: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> Mapping[str, Any]:
        """What the user wrote for the card; anything but a mapping counts as nothing."""
        section = self.version.config.get("registry")
        words = section.get("card") if isinstance(section, Mapping) else None
        return words if isinstance(words, Mapping) else {}


def model_card(facts: CardFacts) -> str:
    """The card. Text of a user is plain text in it: it can neither end the head nor become HTML."""
    sections = [f"---\n{as_yaml(_head(facts))}\n---", *_sections(facts)]
    return "\n\n".join(sections) + "\n"


def _head(facts: CardFacts) -> dict[str, Any]:
    version, words = facts.version, facts.words
    lists = {name: _texts(words.get(name)) for name in _LISTS}
    parents = list(dict.fromkeys(parent.ref for parent in version.parents))
    relations = {parent.relation for parent in version.parents}
    task = _text(words.get("pipeline_tag")) or _pipeline_tag(version)
    dataset = _dataset(version)
    measured = _measured(version)
    head: dict[str, Any] = {
        "license": _text(words.get("license")) or "unknown",
        "library_name": _text(words.get("library_name")) or "pytorch",
        "pipeline_tag": task,
        "language": lists["language"],
        "base_model": lists["base_model"] or parents,
        "base_model_relation": _base_model_relation(relations) if not lists["base_model"] else None,
        "datasets": lists["datasets"] or ([dataset] if dataset else []),
        "metrics": list(dict.fromkeys(_metric_type(name) for name in measured)),
        "tags": list(dict.fromkeys(["regtrain", "safetensors", *lists["tags"]])),
        "model-index": _model_index(version, task, dataset, measured),
        "regtrain": {"ref": version.ref, "number": version.number, "digest": version.digest},
    }
    return {name: value for name, value in head.items() if value not in (None, [], "")}


def _model_index(
    version: VersionDetail, task: str | None, dataset: str | None, measured: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Results in the form that leaderboards read; none where nothing was measured but on the training data."""
    results = []
    for split in dict.fromkeys(map(_split, measured)):
        metrics = [
            {"type": _metric_type(name), "name": name, "value": value}
            for name, value in measured.items()
            if _split(name) == split
        ]
        of = {"name": dataset or "unknown", "type": dataset or "unknown"} | ({"split": split} if split else {})
        results.append({"task": {"type": task or "other"}, "dataset": of, "metrics": metrics})
    return [{"name": version.name, "results": results}] if results else []


def _measured(version: VersionDetail) -> dict[str, float]:
    """Metrics of data that were not learned from."""
    numbers = finite_numbers(version.metrics)
    return {name: value for name, value in numbers.items() if not name.startswith("train/")}


def _split(name: str) -> str:
    return _SPLITS.get(name.partition("/")[0], "")


def _metric_type(name: str) -> str:
    return name.partition("/")[2] or name


def _base_model_relation(relations: set[Relation]) -> str | None:
    if relations and relations <= _TUNES:
        return "finetune"
    return "merge" if relations and relations <= _MERGES else None


def _dataset(version: VersionDetail) -> str | None:
    """The data by the name in the config, or by the file that makes them."""
    data = version.config.get("data")
    if not isinstance(data, Mapping):
        return None
    named = _text(data.get("name")) or _text(data.get("target")) or _text(data.get("train_path"))
    return named.rpartition("/")[2].partition(":")[0] or None if named else None


def _pipeline_tag(version: VersionDetail) -> str | None:
    """The task as Hugging Face names it, from the config's task and the shape of the inputs; None: not known."""
    experiment = version.config.get("experiment")
    task = experiment.get("task") if isinstance(experiment, Mapping) else None
    if task not in ("classification", "regression"):
        return None
    inputs = version.signature.get("inputs")
    shape = inputs.get("shape") if isinstance(inputs, Mapping) else None
    axes = len(shape) if isinstance(shape, Sequence) else 0
    if axes == 4 and task == "classification":
        return "image-classification"
    return f"tabular-{task}" if axes == 2 else None


def _sections(facts: CardFacts) -> Iterator[str]:
    version, words = facts.version, facts.words
    yield f"# {as_line(version.name)} {as_line(version.version)}"
    if version.status is not VersionStatus.READY:
        yield _warning(version)
    if version.summary:
        yield as_prose(version.summary)
    yield table(("fact", "value"), _facts(facts))
    for name, title in _PROSE:
        text = words.get(name)
        if name in ("intended_use", "limitations") or (isinstance(text, str) and text.strip()):
            yield f"## {title}"
            yield as_prose(text) if isinstance(text, str) and text.strip() else "Not stated."
    yield "## Metrics"
    numbers = [(as_code(name), as_line(_number(value))) for name, value in version.metrics.items()]
    yield table(("metric", "value"), numbers) if numbers else "None were recorded."
    yield from (f"![{as_line(shown)}]({name})" for name, shown in facts.plots.items())
    if facts.data:
        yield "## Data"
        yield table(("data", "fingerprint"), [(as_line(n), as_code(str(d))) for n, d in sorted(facts.data.items())])
    if version.parents:
        yield "## Where it comes from"
        yield table(("parent", "relation"), [(as_code(p.ref), as_line(p.relation.value)) for p in version.parents])
    yield "## Use"
    yield _use(version)
    if version.signature:
        yield "## Inputs and outputs"
        yield fenced(json.dumps(version.signature).replace("<", "\\u003c"), "json")
    yield from _config(version)
    yield "## Files"
    files = [(as_code(a.path), as_line(a.kind.value), str(a.size_bytes), as_code(a.digest)) for a in version.artifacts]
    yield table(("file", "kind", "bytes", "digest"), files)


def _facts(facts: CardFacts) -> Iterator[tuple[str, str]]:
    version = facts.version
    yield "version", f"{as_code(version.ref)} (number {version.number}, {version.status.value})"
    yield "why this number", as_line(f"{version.bump.kind}: {'; '.join(version.bump.reasons)}")
    yield "created", as_line(f"{version.created_at:%Y-%m-%d %H:%M:%S} UTC by {version.created_by or 'an unnamed user'}")
    if version.run_id:
        yield "run", as_code(version.run_id)
    if version.source.git_commit:
        dirty = " with uncommitted changes" if version.source.dirty else ""
        yield "commit", f"{as_code(version.source.git_commit)}{dirty}"
    for key in ("python", "platform"):
        if isinstance(facts.run.get(key), str):
            yield key, as_line(facts.run[key])
    if version.stages:
        yield "stages", ", ".join(as_code(name) for name in version.stages)
    if version.tags:
        yield "tags", as_line(", ".join(f"{name}={value}" for name, value in version.tags.items()))
    yield "digest", as_code(version.digest)


def _warning(version: VersionDetail) -> str:
    """A version that should not be used begins with a warning."""
    reason = f": {as_line(version.marks.reason)}" if version.marks.reason else "."
    successor = f" Take {as_code(version.marks.successor)} instead." if version.marks.successor else ""
    return f"> **This version is {version.status.value}**{reason}{successor}"


def _use(version: VersionDetail) -> str:
    weights = next((a.path for a in version.artifacts if a.kind is ArtifactKind.WEIGHTS), None)
    if weights is None:
        return "This version has no weights."
    lines = ["from safetensors.torch import load_file", "", f'model.load_state_dict(load_file("{weights}"))']
    return fenced("\n".join(lines), "python")


def _config(version: VersionDetail) -> Iterator[str]:
    """What shaped the training; the whole of it is in config.yaml."""
    stated = _stated(version.config)
    shown = {name: stated[name] for name in _SHOWN if name in stated} or stated
    if shown:
        yield "## Config"
        yield fenced(as_yaml(shown), "yaml")


def _stated(config: Mapping[str, Any]) -> dict[str, Any]:
    """Without what was left out."""
    inner = {k: _stated(v) if isinstance(v, Mapping) else v for k, v in config.items() if k != "card"}
    return {k: v for k, v in inner.items() if v not in (None, {}, [])}


def _number(value: Any) -> str:
    if value is None:
        return "not finite"
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.6g}"
    return str(value) if isinstance(value, str | int) else json.dumps(value, default=str)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _texts(value: Any) -> list[str]:
    items = [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else []
    return [item for item in items if isinstance(item, str) and item.strip()]
