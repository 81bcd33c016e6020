"""Random configs, drawn from the schema itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from regtrain.config.keys import KeyInfo, all_keys, root
from regtrain.config.leaves import dotted

NAMES = st.text(max_size=8)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
)
PLAIN = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=5
)
SEARCH_KEYS = st.sampled_from([dotted(k.path) for k in all_keys() if k.kind == "value" and "*" not in k.path])
SPECIAL: Mapping[str, st.SearchStrategy[Any]] = {
    "distributed.devices": st.lists(st.integers(0, 99), unique=True, max_size=4),
    "launcher.walltime": st.sampled_from(["24:00", "12:00:00", "1-00:00:00"]),
    "registry.retention.younger_than": st.sampled_from(["30d", "12h", "1.5w"]),
    "registry.retention.total_size": st.sampled_from(["20GB", "1.5TB", "512MiB"]),
}


def values_of(info: KeyInfo) -> st.SearchStrategy[Any]:
    """Accepted values of one key."""
    if dotted(info.path) in SPECIAL:
        return st.none() | SPECIAL[dotted(info.path)]
    if info.path == ("tuning", "search_space"):
        return st.dictionaries(SEARCH_KEYS, st.lists(PLAIN, max_size=3) | values_of(info.children["*"]), max_size=2)
    if info.kind == "names":
        return st.dictionaries(NAMES, values_of(info.children["*"]), max_size=2)
    if info.kind == "args":
        return st.dictionaries(NAMES, PLAIN, max_size=3)
    if info.kind == "section":
        required = {"type"} if "type" in info.children else set()
        fields = {name: values_of(child) for name, child in info.children.items()}
        section = st.fixed_dictionaries(
            {name: fields[name] for name in required},
            optional={name: fields[name] for name in fields if name not in required},
        )
        return st.none() | section if info.nullable else section
    return one_of_schema(info.schema)


def one_of_schema(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values of a leaf's JSON Schema."""
    bounds = {"low": schema.get("minimum"), "high": schema.get("maximum")}
    if "anyOf" in schema:
        inherited = {k: v for k, v in schema.items() if k in {"minimum", "exclusiveMinimum"}}
        return st.one_of([one_of_schema({**inherited, **option}) for option in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema.get("type")
    open_below = "exclusiveMinimum" in schema
    if kind == "integer":
        return st.integers(1 if open_below else (bounds["low"] or 0), bounds["high"] or 2**63)
    if kind == "number":
        low = schema.get("exclusiveMinimum", schema.get("minimum"))
        return st.floats(low, exclude_min=open_below, allow_nan=False, allow_infinity=False)
    if kind == "array":
        return st.lists(one_of_schema(schema["items"]) if schema.get("items") else PLAIN, max_size=3)
    return {"boolean": st.booleans(), "null": st.none(), "string": st.text(max_size=12)}.get(str(kind), PLAIN)


CONFIGS = values_of(root())
