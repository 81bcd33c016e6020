"""What was given, layer by layer: file, overlays, environment, command line → leaves with their origin."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any, Literal

from regtrain.config.keys import find, root
from regtrain.config.leaves import Leaf, Path, Source, dotted, flatten, split_dotted
from regtrain.config.rewrite import is_known, is_spelled_section, rewrite, rewrite_path
from regtrain.config.spellings import FLAGS, SHORT_VARIABLES
from regtrain.config.yaml_source import Document, parse_value
from regtrain.errors import ConfigFileError, ConfigKeyError, ConfigValueError, nearest
from regtrain.redact import redact_word

__all__ = [
    "RESERVED_VARIABLES",
    "canonical_leaves",
    "detect_cluster",
    "document_leaves",
    "environment_leaves",
    "flag_leaves",
    "mapping_leaves",
    "overlay_paths",
    "override_leaves",
]

# These steer the program and are not keys of the config.
RESERVED_VARIABLES = frozenset(
    {
        "REGTRAIN_HOME",
        "REGTRAIN_REGISTRY_URI",
        "REGTRAIN_STORE_URI",
        "REGTRAIN_FORCE_NETWORK_FS",
        "REGTRAIN_USER",
        "REGTRAIN_LOAD_PLUGINS",
        "REGTRAIN_TRACE_PLUGINS",
        "REGTRAIN_PLUGIN_SECONDS",
        "REGTRAIN_TRACKER_SECONDS",
        "REGTRAIN_RUN_DIR",
        "REGTRAIN_DETACHED",
    }
)
_PREFIX = "REGTRAIN_"


def document_leaves(document: Document, kind: Literal["file", "overlay"]) -> list[Leaf]:
    """Leaves of a file, each with its line; paths are still as written."""
    short = FilePath(document.name).name
    leaves = []
    for path, value in flatten(document.values):
        if path:
            line = document.marks[path].line
            source = Source(kind, f"{short}:{line}")
            leaves.append(Leaf(path, value, source, f"{document.name}:{line}", path))
    return leaves


def mapping_leaves(values: Mapping[str, Any]) -> list[Leaf]:
    """Leaves of a mapping given in Python."""
    source = Source("file", "config")
    return [Leaf(path, value, source, "config", path) for path, value in flatten(values) if path]


def detect_cluster(environ: Mapping[str, str]) -> Literal["slurm", "lsf"] | None:
    """The batch system of this machine: a running job says it best, else the submit command on PATH."""
    if environ.get("SLURM_JOB_ID") or environ.get("SLURM_CLUSTER_NAME"):
        return "slurm"
    if environ.get("LSB_JOBID"):
        return "lsf"
    # An empty PATH would make `which` look at the process's own.
    search = environ.get("PATH") or "/nonexistent"
    if shutil.which("sbatch", path=search):
        return "slurm"
    return "lsf" if shutil.which("bsub", path=search) else None


def overlay_paths(config: FilePath, environ: Mapping[str, str]) -> list[FilePath]:
    """The files beside the config that apply here, in order: cluster_…, then slurm_… or lsf_…."""
    cluster = detect_cluster(environ)
    if cluster is None:
        return []
    found = []
    for prefix in ("cluster", cluster):
        names = (f"{prefix}_{config.stem}.yaml", f"{prefix}_config.yaml")
        present = (config.parent / name for name in names if name != config.name)
        found += [path for path in present if path.exists()][:1]
    return found


def environment_leaves(environ: Mapping[str, str]) -> list[Leaf]:
    """Leaves of REGTRAIN_… variables. Empty variables count as not set.

    Raises:
        ConfigKeyError: a REGTRAIN_… variable that is no key.
        ConfigValueError: a value that is not a YAML value.
    """
    leaves = []
    for name in sorted(environ):
        text = environ[name]
        known = name in SHORT_VARIABLES
        if (known or name.startswith(_PREFIX)) and name not in RESERVED_VARIABLES and text.strip():
            path = split_dotted(SHORT_VARIABLES[name]) if known else _variable_path(name)
            leaves += _text_leaves(path, text, Source("environment", name), name)
    return leaves


def _variable_path(name: str) -> Path:
    path = tuple(name[len(_PREFIX) :].lower().split("__"))
    # A section by itself (REGTRAIN_OPTIMIZER=SGD) is a key too; any text shows the way.
    if all(path) and is_known(next(rewrite_path(path, ""))[0]):
        return path
    choices = {*SHORT_VARIABLES, *RESERVED_VARIABLES, *_variables_of_values()}
    near = nearest(name, choices)
    raise ConfigKeyError(
        f"{name}: no such key in the environment",
        f"Did you mean {', '.join(near)}?" if near else f"Write {_PREFIX}SECTION__KEY, with two underscores.",
    )


def _variables_of_values() -> Iterable[str]:
    for section in root().children.values():
        for key in section.children.values():
            yield _PREFIX + "__".join(key.path).upper()


def override_leaves(overrides: Sequence[str]) -> list[Leaf]:
    """Leaves of `a.b=value` arguments (`+a.b=value` says the same).

    Raises:
        ConfigValueError: no `=`, no key, or a value that is not a YAML value.
    """
    leaves = []
    for override in overrides:
        key, equals, text = override.partition("=")
        shown = redact_word(override)
        if not equals:
            raise ConfigValueError(f"{shown!r} is not an override", "Write key=value, e.g. training.epochs=3.")
        try:
            path = split_dotted(key.strip().removeprefix("+"))
        except ValueError as error:
            raise ConfigValueError(f"{shown}: {error}", "Write key=value, e.g. training.epochs=3.") from error
        leaves += _text_leaves(path, text, Source("command line", shown), shown)
    return leaves


def flag_leaves(flags: Mapping[str, object]) -> list[Leaf]:
    """Leaves of command line flags by canonical key; None means that the flag was not given."""
    leaves = []
    for key, value in flags.items():
        if value is None:
            continue
        path = split_dotted(key)
        flag = FLAGS.get(dotted(next(rewrite_path(path, value))[0]), "--" + path[-1].replace("_", "-"))
        leaves += [Leaf(p, v, Source("command line", flag), flag, p) for p, v in flatten(value, path)]
    return leaves


def _text_leaves(path: Path, text: str, source: Source, place: str) -> list[Leaf]:
    """The text as a YAML value; a mapping becomes one leaf for each of its keys."""
    try:
        value = parse_value(text, "value")
    except ConfigFileError as error:
        if not _is_text_key(path):
            raise ConfigValueError(
                f"{place}: not a YAML value: {error.message.split(': ', 1)[-1]}", "Quote the value."
            ) from error
        value = text
    if _is_text_key(path):
        return [Leaf(path, _as_text(value, text), source, place, path)]
    return [Leaf(p, v, source, place, p) for p, v in flatten(value, path)]


def _as_text(value: Any, text: str) -> str | None:
    """For a key that takes text, `name=2024` and `description=fix #3` are taken literally."""
    quoted = text.strip()[:1] in {'"', "'"}
    return value if value is None or (quoted and isinstance(value, str)) else text.strip()


def _is_text_key(path: Path) -> bool:
    # An empty mapping does not move on to `.name`: `model=…` is a section and not text.
    target = next(rewrite_path(path, {}))[0]
    info, depth = find(target)
    options = info.schema.get("anyOf", [info.schema])
    takes_text = any(option.get("type") == "string" and "enum" not in option for option in options)
    return depth == len(target) and info.kind == "value" and takes_text


def canonical_leaves(layer: Iterable[Leaf], stage: str | None = None) -> list[Leaf]:
    """The layer under canonical paths; `STAGE.training.lr` of the chosen stage is `training.lr`."""
    result = []
    for leaf in layer:
        staged = stage is not None and len(leaf.path) > 1 and leaf.path[0] == stage
        for canonical in rewrite(replace(leaf, path=leaf.path[1:]) if staged else leaf):
            empty = canonical.value is None or canonical.value == {}
            if not (empty and is_spelled_section(canonical.path)):
                result.append(canonical)
    return result
