"""A file, an environment and a command line → one `Config`, with the source of each value."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from regtrain.config.canonical import flat_values, given_values, to_yaml
from regtrain.config.keys import root
from regtrain.config.layers import (
    canonical_leaves,
    document_leaves,
    environment_leaves,
    flag_leaves,
    mapping_leaves,
    overlay_paths,
    override_leaves,
)
from regtrain.config.leaves import DEFAULT, Leaf, Source, Tree, dotted
from regtrain.config.merge import apply_layer, refuse_contradictions
from regtrain.config.plain import plain_mapping, without_empty_sections
from regtrain.config.problems import key_problems, number_problems, raise_problems, value_problems
from regtrain.config.stages import choose_stage, stages_of
from regtrain.config.yaml_source import Document, read_file
from regtrain.types.config import Config

__all__ = ["Resolved", "from_mapping", "load"]


@dataclass(frozen=True, slots=True)
class Resolved:
    """A config, where each canonical key's value came from, and the folder that relative paths start from."""

    config: Config
    sources: Mapping[str, Source]
    path: FilePath | None
    base_dir: FilePath


def load(
    path: FilePath | None,
    *,
    overrides: Sequence[str] = (),
    flags: Mapping[str, object] | None = None,
    section: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Resolved:
    """Resolve a config file: defaults < file < overlays < environment < flags and `key=value` overrides.

    Args:
        path: the YAML file; None takes everything from environment and command line.
        overrides: `a.b=value` arguments in any accepted spelling.
        flags: canonical key → value; None means that the flag was not given.
        section: which stage's section to take where the file has several.
        environ: variables, PATH among them; those of the process when left out.

    Raises:
        ConfigFileError: the file cannot be read as a config.
        ConfigKeyError: a key that does not exist, or a stage to be chosen.
        ConfigValueError: a value of the wrong type, out of bounds, or given twice with different values.
    """
    variables = os.environ if environ is None else environ
    documents: list[tuple[Document, bool]] = []
    if path is not None:
        path = FilePath(path)
        documents = [(read_file(path), False)]
        documents += [(read_file(overlay), True) for overlay in overlay_paths(path, variables)]
    stage = choose_stage(documents[0][0].values if documents else {}, section, str(path or "command line"))
    layers: list[list[Leaf]] = []
    for document, overlay in documents:
        given = document_leaves(document, "overlay" if overlay else "file")
        layers += _staged(given, document.values, stage if not overlay or stage else _overlay_stage(document))
    layers.append(canonical_leaves(environment_leaves(variables), stage))
    command_line = canonical_leaves([*flag_leaves(flags or {}), *override_leaves(overrides)], stage)
    config, sources = _resolve(layers, command_line)
    return Resolved(config, sources, path, (path.parent if path is not None else FilePath()).absolute())


def from_mapping(
    mapping: Mapping[str, Any] | Config | FilePath | str,
    *,
    overrides: Sequence[str] = (),
    flags: Mapping[str, object] | None = None,
    section: str | None = None,
    environ: Mapping[str, str] | None = None,
    base_dir: FilePath | None = None,
) -> Resolved:
    """The same for a dict in any accepted spelling, a `Config`, or a path.

    Relative paths of a dict or `Config` start from `base_dir`; the working directory when left out.

    Raises:
        ConfigFileError, ConfigKeyError, ConfigValueError: as `load`.
    """
    if isinstance(mapping, str | FilePath):
        return load(FilePath(mapping), overrides=overrides, flags=flags, section=section, environ=environ)
    variables = os.environ if environ is None else environ
    values = given_values(mapping) if isinstance(mapping, Config) else plain_mapping(mapping)
    stage = choose_stage(values, section, "config")
    layers = _staged(mapping_leaves(values), values, stage)
    layers.append(canonical_leaves(environment_leaves(variables), stage))
    command_line = canonical_leaves([*flag_leaves(flags or {}), *override_leaves(overrides)], stage)
    config, sources = _resolve(layers, command_line)
    return Resolved(config, sources, None, (base_dir or FilePath()).absolute())


def _overlay_stage(document: Document) -> str | None:
    return choose_stage(document.values, None, document.name)


def _staged(leaves: list[Leaf], values: Mapping[str, Any], stage: str | None) -> list[list[Leaf]]:
    """The file without its stages, and over it the chosen stage."""
    stages = {*stages_of(values), stage}
    shared = [leaf for leaf in leaves if leaf.path[0] not in stages]
    own = [leaf for leaf in leaves if leaf.path[0] == stage and len(leaf.path) > 1]
    return [canonical_leaves(shared), canonical_leaves(own, stage)]


def _resolve(layers: list[list[Leaf]], command_line: list[Leaf]) -> tuple[Config, dict[str, Source]]:
    # Within a command line the later word wins; everywhere else two different words are a mistake.
    for layer in layers:
        refuse_contradictions(layer, _same_meaning)
    tree = Tree()
    wrong_keys: list[str] = []
    wrong_values: list[str] = []
    for layer in (*layers, command_line):
        unknown = list(key_problems(layer))
        wrong_keys += [line for _, line in unknown]
        wrong_values += number_problems(layer)
        wrong = {id(leaf) for leaf, _ in unknown}
        apply_layer(tree, [leaf for leaf in layer if id(leaf) not in wrong])
    config, more = _validated(tree)
    raise_problems(wrong_keys, wrong_values + more)
    assert config is not None
    return config, _sources(config, tree)


def _validated(tree: Tree) -> tuple[Config | None, list[str]]:
    try:
        return Config.model_validate(without_empty_sections(tree.plain(), root())), []
    except ValidationError as error:
        return None, value_problems(error, tree)


def _same_meaning(first: Leaf, second: Leaf) -> bool:
    """Whether two values of one key mean the same: 16 and "16-mixed", val_loss and val/loss."""
    meanings = []
    for leaf in (first, second):
        tree = Tree()
        tree.put(leaf)
        config, _ = _validated(tree)
        # As text, because True == 1 among arguments of any type.
        meanings.append(to_yaml(config) if config is not None else None)
    return None not in meanings and meanings[0] == meanings[1]


def _sources(config: Config, tree: Tree) -> dict[str, Source]:
    leaves = {path: tree.leaf(path) for path in flat_values(config)}
    return {dotted(path): leaf.source if leaf is not None else DEFAULT for path, leaf in leaves.items()}
