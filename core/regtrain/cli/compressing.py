"""`regtrain models quantize` and `compress`: a smaller model as a child version, with its measured loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from regtrain.cli.output import json_option, number, print_json, print_table, say, size

__all__ = ["compress", "quantize"]

_model = click.option("--model", help="Model that gets the child; NAME-int8 or NAME-pruned when left out.")
_trust = click.option("--trust-code", is_flag=True, help="Run code that came from another registry, too.")


@click.command()
@click.argument("ref")
@click.option(
    "--method",
    type=click.Choice(["dynamic", "static"]),
    default="dynamic",
    show_default=True,
    help="Ranges of activations measured at each call, or once on training data.",
)
@click.option("--samples", type=click.IntRange(1), default=256, show_default=True, help="Training samples, for static.")
@_model
@_trust
@json_option
def quantize(
    ref: str, method: Literal["dynamic", "static"], samples: int, model: str | None, trust_code: bool, as_json: bool
) -> None:
    """Quantize REF to 8-bit integers, as an ONNX file in a version of its own, with its loss on the validation data."""
    _compress(ref, trust_code, model, as_json, method=method, samples=samples if method == "static" else 0)


@click.command()
@click.argument("ref")
@click.option(
    "--amount",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.5,
    show_default=True,
    help="Share of the weights that become zero, the smallest ones.",
)
@_model
@_trust
@json_option
def compress(ref: str, amount: float, model: str | None, trust_code: bool, as_json: bool) -> None:
    """Prune REF by magnitude into a version of its own, with its loss on the validation data."""
    _compress(ref, trust_code, model, as_json, method="magnitude", amount=amount)


def _compress(ref: str, trust_code: bool, model: str | None, as_json: bool, **how: Any) -> None:
    from regtrain.host import Host
    from regtrain.run.compress import compress_version
    from regtrain.run.export import make_exporter
    from regtrain.run.open_registry import open_registry
    from regtrain.run.sources import source_at_path
    from regtrain.types.exporting import CompressRequest

    if how["method"] != "magnitude":
        make_exporter(Host(), "onnx", {})  # a missing package is named before anything is built
    registry = open_registry(Path.cwd())
    source = source_at_path(registry, ref, trust_code=trust_code)
    say(f"compressing {source.origin}, and measuring it before and after", err=True)
    version, made = compress_version(registry, CompressRequest(source, **how), model)
    if as_json:
        changes = {key: made.after[key] - value for key, value in made.before.items() if key in made.after}
        facts = {"before": dict(made.before), "after": dict(made.after), "change": changes}
        sizes = {"bytes_before": made.bytes_before, "bytes_after": made.bytes_after}
        print_json(version.to_json() | {"compression": {**how, **facts, **sizes}})
        return
    say(f"registered: {version.ref}, compressed from {source.origin}")
    say(f"{size(made.bytes_before)} before, {size(made.bytes_after)} after")
    rows = [(key, number(value), number(made.after.get(key))) for key, value in made.before.items()]
    print_table(("metric", "before", "after"), rows)
