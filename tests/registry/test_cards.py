"""The model card and the plots: what they say, and that nobody's text breaks them."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.conftest import Register
from regtrain_registry import ArtifactKind, FileToStore, ParentLink, Recipe, Registry, Relation, RunStart
from regtrain_registry.cards import plots
from regtrain_registry.cards.card import CardFacts, model_card
from regtrain_registry.cards.markdown import as_code, as_line, as_prose, as_yaml, fenced
from regtrain_registry.domain.records import VersionDetail
from regtrain_registry.json_values import as_text

IMAGES = {
    "inputs": {"shape": [None, 1, 8, 8], "dtype": "float32"},
    "outputs": {"shape": [None, 10], "dtype": "float32"},
}
WORDS = {
    "license": "apache-2.0",
    "language": ["en", "no"],
    "tags": ["digits"],
    "intended_use": "Reading digits.\n\n- on paper\n- in forms",
    "contact": "ada@example.org",
}
NASTY = (
    "---",
    "\n---\n# gone\n",
    "a: b",
    "no",
    "1e-4",
    "<script>alert(1)</script>",
    "&lt;b&gt; <b>",
    "![x](javascript:alert(1))",
    "```\n</details>",
    "| a | b |",
    "\\|",
    "`",
    "\"quoted\" 'twice'",
    "line\u2028separator\x85next",
    "\u202eturned",
    "\x00\x1b[31m",
    "{{ template }}",
    "# heading\n===",
    "\ud800",
)
TEXTS = st.text(max_size=40) | st.sampled_from(NASTY) | st.lists(st.sampled_from(NASTY), max_size=3).map("".join)


@pytest.fixture
def version(registry: Registry, register: Register, weights: Path) -> VersionDetail:
    register("teacher")
    registry.start_run(RunStart("run-1", "n", "/runs/1", environment={"python": "3.11.7", "platform": "Linux"}))
    config = {"experiment": {"task": "classification"}, "data": {"name": "digits"}, "registry": {"card": WORDS}}
    metrics = {"val/loss": 0.25, "val/accuracy": 0.875, "train/loss": 0.5, "test/accuracy": 1e-05, "bad": None}
    register(
        recipe=Recipe(config=config, data={"train": "sha256:ab"}, signature=IMAGES),
        config=config,
        metrics=metrics,
        parents=(ParentLink("teacher", Relation.FINE_TUNED_FROM),),
        run_id="run-1",
        summary="A small one.",
        files=(FileToStore(weights, "model.safetensors", ArtifactKind.WEIGHTS),),
    )
    return registry.show("digits")


def head_of(card: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(card.split("---\n")[1])
    return loaded


def test_a_card_is_filled_from_what_is_known(version: VersionDetail, registry: Registry, tmp_path: Path) -> None:
    """The head as Hugging Face reads it; the page for people."""
    from huggingface_hub import ModelCard

    text = registry.card("digits")
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    data = ModelCard.load(tmp_path / "README.md").data
    assert (data.license, data.library_name, data.pipeline_tag) == ("apache-2.0", "pytorch", "image-classification")
    assert (data.language, data.datasets, data.base_model) == (["en", "no"], ["digits"], ["teacher@1.0.0"])
    assert data.base_model_relation == "finetune"
    assert set(data.tags) == {"regtrain", "safetensors", "digits"}
    results = {(one.metric_name, one.metric_type, one.metric_value, one.dataset_split) for one in data.eval_results}
    assert results == {
        ("val/loss", "loss", 0.25, "validation"),
        ("val/accuracy", "accuracy", 0.875, "validation"),
        ("test/accuracy", "accuracy", 1e-05, "test"),
    }
    assert data.to_dict()["regtrain"] == {"ref": "digits@1.0.0", "number": 1, "digest": version.digest}
    for part in ("A small one.", "- on paper", "`sha256:ab`", "`teacher@1.0.0`", "3.11.7", "first version", "run-1"):
        assert part in text
    assert "## Limitations\n\nNot stated." in text


def test_a_card_without_anything_is_a_card(registry: Registry, register: Register, tmp_path: Path) -> None:
    """No metrics, no config, no words."""
    from huggingface_hub import ModelCard

    register()
    (tmp_path / "README.md").write_text(registry.card("digits"), encoding="utf-8")
    data = ModelCard.load(tmp_path / "README.md").data
    assert (data.license, data.eval_results, data.pipeline_tag) == ("unknown", None, None)


def test_a_version_that_should_not_be_taken_says_so_first(version: VersionDetail, registry: Registry) -> None:
    """With the reason, and what to take instead."""
    registry.deprecate("digits", "it <b>fails</b>", "teacher")
    warning = registry.card("digits").split("\n# ")[1].splitlines()[2]
    assert warning == ("> **This version is deprecated**: it &lt;b&gt;fails&lt;/b&gt; Take `teacher@1.0.0` instead.")


def _with_text(version: VersionDetail, text: str) -> VersionDetail:
    """The version with a text in every place where somebody's text may stand."""
    words = dict.fromkeys(("license", "pipeline_tag", "intended_use", "contact", "library_name"), text)
    config = {
        "registry": {"card": words | {"tags": [text], "datasets": [text], "language": text}},
        "model": {text: text, "args": [text, {text: text}]},
    }
    return replace(
        version,
        config=config,
        summary=text,
        created_by=text,
        metrics={text: 0.5, "val/loss": 1},
        tags={"a": text},
        signature={"inputs": text},
        bump=replace(version.bump, reasons=[text]),
        marks=replace(version.marks, reason=text),
        source=replace(version.source, git_commit=text),
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(TEXTS)
def test_no_text_breaks_a_card(version: VersionDetail, text: str) -> None:
    """The head ends where it ends and says what was said; no HTML; as many sections, tables and rows as without it."""
    from huggingface_hub import ModelCard

    card = model_card(CardFacts(_with_text(version, text), {text: text}, {"python": text}))
    plain = model_card(CardFacts(_with_text(version, "word"), {"word": "word"}, {"python": "word"}))
    assert "<" not in card
    page = outside_blocks(card).split("\n---\n", 1)[1]
    assert not re.search(r"&(?!amp;|lt;|gt;|#124;)", page)
    assert not re.search(r"(?<!\\)\]\(", re.sub(r"`[^`\n]*`", "", page))  # no link
    loaded = ModelCard(card.encode("utf-8", "replace").decode()).data
    assert (loaded.library_name or "") == (tidy(text) if text.strip() else "pytorch")
    assert headings(card) == headings(plain)
    for line in outside_blocks(card).splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) in (3, 5), line


def outside_blocks(card: str) -> str:
    return re.sub(r"^(`{3,})\w*\n.*?\n\1$", "", card, flags=re.S | re.M)


def headings(card: str) -> list[str]:
    """Headings of the page, but for sections that stand there only if there is something to say."""
    found = re.findall(r"^## (.+)$", outside_blocks(card), flags=re.M)
    return [one for one in found if one not in ("Contact", "Config")]


def tidy(one: Any) -> Any:
    """Without blanks and letters that nobody sees."""
    if isinstance(one, str):
        unseen = "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
        return " ".join(re.sub(unseen, "", as_text(one)).split())
    if isinstance(one, Mapping):
        return {tidy(key): tidy(item) for key, item in one.items()}
    return [tidy(item) for item in one] if isinstance(one, list) else one


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=10,
    )
)
def test_yaml_reads_back_as_it_was(value: Any) -> None:
    """All but blanks and letters that nobody sees, for which a head has no place."""

    def keys(one: Any) -> int:
        if isinstance(one, Mapping):
            return len(one) + sum(map(keys, one.values()))
        return sum(map(keys, one)) if isinstance(one, list) else 0

    wanted = tidy({"value": value})
    text = as_yaml({"value": value})
    if keys(wanted) == keys({"value": value}):  # no two keys became one
        assert yaml.safe_load(text) == wanted


@given(TEXTS)
def test_fences_end_where_they_end(text: str) -> None:
    """Whatever stands inside."""
    lines = fenced(text, "yaml").split("\n")
    assert lines[0].removesuffix("yaml") == lines[-1]
    assert not any(line.strip().startswith(lines[-1]) for line in lines[1:-1])
    for shown in (as_line(text), as_code(text)):
        assert len(shown.splitlines()) <= 1
    assert not any(re.match(r"#|>|-{2,}$|={2,}$|```", line) for line in as_prose(text).splitlines())


def test_a_checkout_has_card_and_plots(registry: Registry, register: Register, weights: Path, tmp_path: Path) -> None:
    """Drawn from the metrics that the run wrote; the card shows them; the same again is the same bytes."""
    log = tmp_path / "metrics.jsonl"
    lines = [
        {"step": n, "epoch": 1, "time": 1.0, "train/loss": 1 / n, "val/loss": 2 / n, "val/f1": n} for n in (1, 2, 3)
    ]
    log.write_text("\n".join(map(json.dumps, lines)))
    files = (
        FileToStore(weights, "model.safetensors", ArtifactKind.WEIGHTS),
        FileToStore(log, "logs/metrics.jsonl", ArtifactKind.METRICS),
    )
    register(files=files)
    paths = registry.checkout("digits", tmp_path / "out")
    names = [str(path.relative_to(tmp_path / "out")) for path in paths]
    assert names == ["logs/metrics.jsonl", "model.safetensors", "model_card.md", "plots/01-loss.svg", "plots/02-f1.svg"]
    card = (tmp_path / "out/model_card.md").read_text()
    assert "![loss (train, val) by step](plots/01-loss.svg)" in card
    drawing = ElementTree.fromstring((tmp_path / "out/plots/01-loss.svg").read_text())
    assert {"loss", "train", "val", "step"} <= {
        (text.text or "").strip() for text in drawing.iter("{http://www.w3.org/2000/svg}text")
    }
    registry.checkout("digits", tmp_path / "again")
    for path in paths:
        assert (tmp_path / "again" / path.relative_to(tmp_path / "out")).read_bytes() == path.read_bytes()
    assert registry.checkout("digits", tmp_path / "bare", bare=True) == [tmp_path / "bare" / name for name in names[:2]]
    assert sorted(path.name for path in (tmp_path / "bare").iterdir()) == ["logs", "model.safetensors"]


def test_without_matplotlib_there_are_no_plots(
    registry: Registry, register: Register, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And everything else is there."""
    log = tmp_path / "metrics.jsonl"
    log.write_text('{"step": 1, "val/loss": 1}')
    register(files=(FileToStore(log, "logs/metrics.jsonl", ArtifactKind.METRICS),))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr(plots, "find_spec", lambda name: None)
    paths = registry.checkout("digits", tmp_path / "out")
    assert [path.name for path in paths] == ["metrics.jsonl", "model_card.md"]


def test_a_versions_own_card_stays_its_own(
    registry: Registry, register: Register, weights: Path, tmp_path: Path
) -> None:
    """Files of the version are never written over."""
    register(files=(FileToStore(weights, "model_card.md"), FileToStore(weights, "plots/mine.svg")))
    paths = registry.checkout("digits", tmp_path / "out")
    assert [path.name for path in paths] == ["model_card.md", "mine.svg"]
    assert paths[0].read_bytes() == weights.read_bytes()


def test_curves_are_read_whatever_stands_in_the_log() -> None:
    """Lines that are none, values that are no numbers; a log of any length is thinned."""
    nonsense = ["", "{", "[]", "[" * 100_000, '{"step": "1", "a": 1}', '{"step": 1, "b": "x", "c": null, "d": true}']
    assert (
        plots.read_curves([*nonsense, '{"step": 1, "e": NaN, "f": 1e400}', '{"step": 1, "g": ' + "9" * 400 + "}"]) == {}
    )
    long = plots.read_curves(json.dumps({"step": n, "val/loss": n * n}) for n in range(50_001))
    points = long["loss"]["val"]
    assert plots.MAX_POINTS / 2 <= len(points) <= plots.MAX_POINTS + 1
    assert (points[0], points[-1]) == ((0.0, 0.0), (50_000.0, 50_000.0**2))
    many = plots.read_curves(json.dumps({"step": 1, f"m{n}": 1}) for n in range(5000))
    assert len(many) == plots.MAX_CURVES


def check_drawings(values: Mapping[str, list[float]], folder: Path) -> None:
    lines = [json.dumps({"step": n, name: v}) for name, found in values.items() for n, v in enumerate(found)]
    drawn = plots.draw(plots.read_curves(lines), folder)
    assert math.ceil(len(drawn)) <= plots.MAX_PLOTS
    for name in drawn:
        assert re.fullmatch(r"\d\d-[a-z0-9-]+\.svg", name)
        ElementTree.fromstring((folder / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "values",
    [
        {"val/loss": [0.5], "_hidden/f": [1e308, -1e308]},
        {"$a_{b$": [10**300, 0.1], "../<x>&": [5e-324]},
        {"": [0.0, 0.0, 1], "a\u202eb/\x00中": [2**70]},
    ],
)
def test_odd_numbers_under_odd_names_are_drawn(tmp_path: Path, values: dict[str, list[float]]) -> None:
    """As well-formed XML, under a name that is one in every file system, without a warning."""
    check_drawings(values, tmp_path / "plots")


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        TEXTS.filter(lambda name: "\ud800" not in name),
        st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(), min_size=1, max_size=4),
        min_size=1,
        max_size=3,
    )
)
def test_any_numbers_under_any_name_are_drawn(tmp_path_factory: pytest.TempPathFactory, values: Any) -> None:
    """The same."""
    check_drawings(values, tmp_path_factory.mktemp("drawn") / "plots")
