"""`regtrain models export` and `regtrain checkpoints export`: a file of another format, checked before it is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from regtrain.cli.output import json_option, number, print_json, print_table, say, size

if TYPE_CHECKING:
    from regtrain.types import Exporter
    from regtrain.types.exporting import ExportResult, ModelSource

__all__ = ["export_checkpoint", "export_version"]

Command = TypeVar("Command", bound=Callable[..., Any])


def _options(command: Command) -> Command:
    for option in reversed(
        [
            click.option("--format", "format", required=True, help="onnx, torchscript, torch-export, safetensors, …"),
            click.option(*("-o", "--output"), type=click.Path(path_type=Path), required=True, help="A new file."),
            click.option("--opset", type=int, help="ONNX: version of the operators."),
            click.option("--arg", "words", multiple=True, metavar="KEY=VALUE", help="Another argument of the format."),
            click.option(
                *("--input-shape", "shapes"),
                multiple=True,
                metavar="[NAME=]1,28,28",
                help="Shape of one sample without the batch, where neither data nor signature say it.",
            ),
            click.option(
                *("--dtype", "dtypes"), multiple=True, metavar="[NAME=]TYPE", help="Of that input: float32, int64, …"
            ),
            click.option(
                "--dynamic", multiple=True, metavar="NAME:AXIS=WORD", help="An axis of any length: inputs:1=time."
            ),
        ]
    ):
        command = option(command)
    return command


@click.command("export")
@click.argument("ref")
@_options
@click.option("--trust-code", is_flag=True, help="Run code that came from another registry, too.")
@json_option
def export_version(ref: str, trust_code: bool, as_json: bool, **options: Any) -> None:
    """Export REF to a file, check that it computes the same, and keep file and report with the version."""
    from regtrain.run.export import record
    from regtrain.run.open_registry import open_registry
    from regtrain.run.sources import source_at_path

    registry = open_registry(Path.cwd())

    def keep(result: ExportResult, exporter: Exporter, source: ModelSource) -> None:
        record(registry, source.origin, result, exporter)

    _export(lambda: source_at_path(registry, ref, trust_code=trust_code), as_json, options, keep)


@click.command("export")
@click.argument("path")
@_options
@json_option
def export_checkpoint(path: str, as_json: bool, **options: Any) -> None:
    """Export the checkpoint PATH, or the best one of the run folder PATH, and check that it computes the same."""
    from regtrain.run.sources import source_of_path, with_checked_code

    _export(lambda: with_checked_code(source_of_path(Path.cwd() / path), ("model",)), as_json, options)


def _export(
    find: Callable[[], ModelSource],
    as_json: bool,
    options: Mapping[str, Any],
    keep: Callable[[ExportResult, Exporter, ModelSource], None] = lambda *facts: None,
) -> None:
    """What the command line says is checked before the model is looked for."""
    from dataclasses import replace

    from regtrain.host import Host
    from regtrain.run.export import check_output, export, make_exporter, request_of

    host, output = Host(), options["output"]
    args, inputs = _arguments(options), _inputs(options)
    offer, exporter = make_exporter(host, options["format"], args)
    check_output(output, exporter.companions)
    source = find()
    say(f"exporting {source.origin} to {offer.name}, and checking it", err=True)
    result = export(replace(request_of(source, offer.name, args), **inputs), output, host)
    try:
        keep(result, exporter, source)
    except BaseException:
        for file in (output, *map(output.with_suffix, exporter.companions)):
            file.unlink(missing_ok=True)
        raise
    if as_json:
        print_json({"ref": source.origin, "format": result.format, "file": str(output), "report": result.report})
    else:
        _tell(result, source)


def _arguments(options: Mapping[str, Any]) -> dict[str, Any]:
    from regtrain.config.scalars import resolve_plain

    found: dict[str, Any] = {}
    for word in options["words"]:
        key, equals, value = word.partition("=")
        if not equals:
            raise click.UsageError(f"--arg {word}: write KEY=VALUE")
        found[key] = resolve_plain(value)
    if options["opset"] is not None:
        found["opset"] = options["opset"]
    return found


def _inputs(options: Mapping[str, Any]) -> dict[str, Any]:
    """What the command line says of the inputs, as fields of a request."""
    shapes = {}
    for word in options["shapes"]:
        name, _, text = word.rpartition("=")
        sides = text.replace("x", ",").split(",")
        if not all(side.strip().isdecimal() for side in sides):
            raise click.UsageError(f"--input-shape {word}: write the sides of one sample, e.g. 1,28,28")
        shapes[name] = tuple(int(side) for side in sides)
    dtypes = {name: text for name, _, text in (word.rpartition("=") for word in options["dtypes"])}
    if dtypes and not shapes:
        raise click.UsageError("--dtype says the type of an input whose shape is given: add --input-shape")
    dynamic: dict[str, dict[int, str]] = {}
    for word in options["dynamic"]:
        place, _, called = word.partition("=")
        name, _, axis = place.rpartition(":")
        if not (name and axis.isdecimal() and called.isidentifier()):
            raise click.UsageError(f"--dynamic {word}: write NAME:AXIS=WORD, e.g. inputs:1=time")
        dynamic.setdefault(name, {})[int(axis)] = called
    return {"shapes": shapes, "dtypes": dtypes, "dynamic": dynamic}


def _tell(result: ExportResult, source: ModelSource) -> None:
    report = result.report
    for note in report["notes"]:
        say(f"note: {note}", err=True)
    say(f"exported: {source.origin} to {result.file} ({result.format}, {size(report['size_bytes'])})")
    if "batch_sizes" not in report:
        say(f"checked: {report['tensors']} tensors, bit by bit")
        return
    sizes = ", ".join(map(str, report["batch_sizes"]))
    agreed = report["argmax_agreement"]
    highest = f", the highest score is the same in {agreed:.1%}" if agreed is not None else ""
    largest = number(report["max_absolute"])
    say(f"checked on {report['samples']}, {sizes} at a time: largest difference {largest}{highest}")
    rows = [(size, *map(_timing, sides.values())) for size, sides in report["latency_ms"].items()]
    print_table(("samples", "ms in torch", f"ms as {result.format}"), rows)


def _timing(timing: Mapping[str, float]) -> str:
    return f"{timing['median']:.3g} ({timing['low']:.3g} to {timing['high']:.3g})"
