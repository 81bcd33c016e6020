"""Exporting a trained model: two processes, one that exports and one that checks; then the file at its place."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regtrain.errors import (
    CodeChangedError,
    ConfigValueError,
    EnvironmentFault,
    ExportError,
    Guard,
    RegtrainError,
    brief,
    nearest,
    recreated,
)
from regtrain.host import Host, Offer
from regtrain.run.sources import source_of_path, with_checked_code
from regtrain.run_dir import RunDir
from regtrain.run_dir.codec import read_json, write_value
from regtrain.targets import accepted_arguments
from regtrain.types import Exporter, Plan
from regtrain.types.exporting import MADE, PROBLEM, REPORT, REQUEST, ExportRequest, ExportResult, ModelSource

if TYPE_CHECKING:
    from regtrain_registry import Registry, VersionInfo

__all__ = [
    "check_exports",
    "check_output",
    "export",
    "exports_of_run",
    "make_exporter",
    "record",
    "request_of",
    "run_process",
]

TRACE = 4000  # characters of a trace that -v shows


def make_exporter(host: Host, name: str, args: Mapping[str, Any]) -> tuple[Offer, Exporter]:
    """The exporter of a format, with its arguments; nothing heavy is loaded.

    Raises:
        UnknownNameError, EnvironmentFault: no such format, or its package is missing.
        ConfigValueError: an argument that it does not take.
    """
    offer = host.offer("exporters", name)
    accepted = accepted_arguments(offer.factory)
    for key in args:
        if accepted is not None and key not in accepted:
            near = nearest(key, accepted) or sorted(accepted)
            raise ConfigValueError(
                f"format {offer.name!r} takes no {key!r}", f"it takes: {', '.join(near) or 'no arguments'}"
            )
    with Guard() as call:
        exporter: Exporter = offer.factory(**args)
    if isinstance(call.problem, ValueError | TypeError):
        raise ConfigValueError(f"format {offer.name!r}: {brief(call.problem)}", "change or leave out the argument")
    call.check(f"exporter {offer.name!r}")
    return offer, exporter


def check_output(path: Path, companions: tuple[str, ...] = ()) -> None:
    """Refuse a place where nothing can be written, before anything is made.

    Raises:
        ConfigValueError: there is a file already, or no such folder.
        EnvironmentFault: the folder cannot be written.
    """
    for file in (path, *map(path.with_suffix, companions)):
        if os.path.lexists(file):
            raise ConfigValueError(f"{file} exists", "name a new file, or remove it first")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise ConfigValueError(f"{path}: there is no folder {folder}", "make it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise EnvironmentFault(f"{folder} cannot be written", "name a file in another folder")


def request_of(source: ModelSource, format: str, args: Mapping[str, Any]) -> ExportRequest:
    """The request for a model; where the code of its data may not run or has changed, their place is taken by random
    numbers, and the report says so."""
    data = source.config.data.target
    if source.untrusted and data:
        why = f"the data's own code ({data}) came from elsewhere, and --trust-code was not given"
        return ExportRequest(source, format, args, use_data=False, no_data=why)
    if not (data or source.config.data.name):
        return ExportRequest(source, format, args, use_data=False, no_data="the data were passed as objects in Python")
    try:
        with_checked_code(source, ("data",))
    except CodeChangedError as problem:
        return ExportRequest(source, format, args, use_data=False, no_data=problem.message)
    return ExportRequest(source, format, args)


def export(request: ExportRequest, output: Path, host: Host) -> ExportResult:
    """Export to a new file and check it; on any error nothing is left at the place.

    Raises:
        RegtrainError: the model cannot be built anew, or the place cannot be written.
        ExportError: the format cannot hold the model, or the file does not compute the same.
    """
    offer, exporter = make_exporter(host, request.format, request.args)
    check_output(output, exporter.companions)
    request = replace(request, format=offer.name)
    try:
        work = Path(tempfile.mkdtemp(prefix=f".{output.name[:40]}-", dir=output.absolute().parent))
    except OSError as problem:
        raise EnvironmentFault(f"{output.absolute().parent} cannot be written: {problem.strerror}", "") from problem
    try:
        write_value(work / REQUEST, request, 0o600)
        run_process(work)
        run_process(work, "--check")
        report = read_json(work / REPORT)
        made = work / read_json(work / MADE)["file"]
        for suffix in exporter.companions:
            os.link(made.with_suffix(suffix), output.with_suffix(suffix))
        os.link(made, output)  # unlike a rename, it does not replace what came there meanwhile
    except FileExistsError as problem:
        raise ConfigValueError(f"{output} exists", "name a new file, or remove it first") from problem
    except OSError as problem:
        raise EnvironmentFault(f"{output} cannot be written: {problem.strerror or problem}", "") from problem
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return ExportResult(offer.name, output, report)


def run_process(work: Path, *words: str) -> None:
    """Run `python -m regtrain.export`, in a folder without any code, and raise what it left as its problem."""
    # a file in the working directory is not to be taken for one of Python's own modules
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-m", "regtrain.export", *words, str(work)]
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    problem: RegtrainError = ExportError(
        f"the process that {words[0].lstrip('-') if words else 'export'}s ended with exit code {done.returncode}",
        "out of memory is a common cause; -v shows what it printed",
    )
    if (work / PROBLEM).is_file():
        problem = recreated(ExportError, read_json(work / PROBLEM))
    problem.add_note(done.stderr[-TRACE:])
    raise problem


def record(registry: Registry, ref: str, result: ExportResult, exporter: Exporter) -> VersionInfo:
    """Keep the file and its report with the version; a format of several files is kept by its report alone."""
    file = None if exporter.companions else result.file
    return registry.record_export(ref, result.format, file, passed=True, report=result.report)


def exports_of_run(
    run_dir: RunDir, plan: Plan, registry: Registry | None, version: VersionInfo | None, host: Host
) -> tuple[VersionInfo | None, list[str]]:
    """Export what a finished run was asked for and lacks, into `exports/` of its folder and to its version.

    Returns:
        The version with its exports, and a line for each format that failed; the others are done all the same.
    """
    keys = plan.config.export
    passed = {one.format for one in version.exports if one.passed and not one.unverified} if version else set()
    wanted = [name for name in keys.formats if name not in passed]
    problems: list[str] = []
    for name in wanted:
        try:
            args = _args_of(keys.options, name)
            offer, exporter = make_exporter(host, name, args)
            output = run_dir.exports / f"{plan.model_name}-{offer.name}{exporter.suffix}"
            if version is None and output.exists():
                continue
            run_dir.exports.mkdir(exist_ok=True)
            for suffix in (exporter.suffix, *exporter.companions):
                output.with_suffix(suffix).unlink(missing_ok=True)
            source = with_checked_code(source_of_path(run_dir.path), ("model",))
            if version:
                facts = {**source.facts, "version": version.version, "number": str(version.number)}
                source = replace(source, facts={**facts, "digest": version.digest})
            result = export(request_of(source, name, args), output, host)
            version = record(registry, version.ref, result, exporter) if registry and version else version
        except (RegtrainError, OSError) as problem:
            hint = f" ({problem.hint})" if isinstance(problem, RegtrainError) and problem.hint else ""
            problems.append(f"export to {name} failed: {getattr(problem, 'message', problem)}{hint}")
    return version, problems


def _args_of(table: Mapping[str, Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """Arguments of a format, in any letter case."""
    return next((args for key, args in table.items() if key.lower() == name.lower()), {})


def check_exports(plan: Plan, host: Host) -> None:
    """Refuse formats that cannot be made before anything is trained.

    Raises:
        UnknownNameError, EnvironmentFault: no such format, or its package is missing.
        ConfigValueError: an argument that a format does not take, or of a format that is not asked for; a model that
            is passed as an object, which nothing can build anew.
    """
    keys = plan.config.export
    for name in keys.formats:
        make_exporter(host, name, _args_of(keys.options, name))
    asked = {name.lower() for name in keys.formats}
    unused = [name for name in keys.options if name.lower() not in asked]
    if unused:
        raise ConfigValueError(
            f"export.options.{unused[0]}: {unused[0]!r} is not among export.formats",
            f"there are: {', '.join(keys.formats) or 'none'}",
        )
    if keys.formats and "model" in plan.given:
        raise ConfigValueError(
            "export.formats is set, and the model is passed as an object, which nothing can build anew",
            "name the model in the config (model.name, or model.target: ./file.py:function), or leave export out",
        )
