"""A compressed model as a version of its own, with the version that it came from as its parent."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regtrain.errors import ConfigValueError
from regtrain.run.export import run_process
from regtrain.run.sources import with_checked_code
from regtrain.run_dir import finite
from regtrain.run_dir.codec import read_value, write_value
from regtrain.types.exporting import MADE, REQUEST, Compressed, CompressRequest

if TYPE_CHECKING:
    from regtrain_registry import FileToStore, Registry, VersionInfo
    from regtrain_registry.domain.records import VersionDetail

__all__ = ["QUANTIZED", "compress_version"]

QUANTIZED = "model.int8.onnx"
KEPT = ("config.yaml", "metadata.json", "requirements.txt")


def compress_version(registry: Registry, request: CompressRequest, model: str | None) -> tuple[VersionInfo, Compressed]:
    """Compress the version of the request and register the result in a model of its own, or in `model`.

    Raises:
        RegtrainError: the model or its data cannot be built anew; the run has no validation data.
        RegistryError: the version cannot be registered.
    """
    from regtrain_registry import check_name

    parent = registry.show(request.source.origin)
    suffix = "pruned" if request.method == "magnitude" else "int8"
    name = check_name(model or f"{parent.name}-{suffix}")
    if request.source.untrusted:
        raise ConfigValueError(
            f"the data of {parent.ref} need code that came from elsewhere ({request.source.untrusted})",
            "read the code (`regtrain models checkout`), then say --trust-code",
        )
    with_checked_code(request.source, ("data", "loss"))
    work = Path(tempfile.mkdtemp(prefix="regtrain-compress-"))
    try:
        write_value(work / REQUEST, request, 0o600)
        run_process(work, "--compress")
        made = read_value(work / MADE, Compressed, newest=1)
        return _registered(registry, parent, request, made, work, name), made
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _registered(
    registry: Registry, parent: VersionDetail, request: CompressRequest, made: Compressed, work: Path, name: str
) -> VersionInfo:
    from dataclasses import replace

    from regtrain_registry import ArtifactKind, FileToStore, ParentLink, Registration, Relation

    how: dict[str, Any] = {"method": request.method, "of": parent.digest}
    how |= {"amount": request.amount} if request.method == "magnitude" else {}
    how |= {"samples": request.samples} if request.method == "static" else {}
    recipe = registry.recipe(parent.ref)
    report = {
        **how,
        "before": finite(made.before),
        "after": finite(made.after),
        "change": finite({key: made.after[key] - value for key, value in made.before.items() if key in made.after}),
        "bytes_before": made.bytes_before,
        "bytes_after": made.bytes_after,
        **made.facts,
    }
    (work / "compression.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    kind = ArtifactKind.WEIGHTS if made.file.endswith(".safetensors") else ArtifactKind.OTHER
    own = (
        FileToStore(work / made.file, made.file, kind),
        FileToStore(work / "compression.json", "compression.json", ArtifactKind.METADATA),
    )
    return registry.register(
        Registration(
            model=name,
            files=(*own, *_of_parent(registry, parent)),
            recipe=replace(recipe, config={**recipe.config, "compression": how}),
            metrics=finite(made.after),
            config=parent.config,
            source=parent.source,
            parents=(ParentLink(parent.ref, Relation.COMPRESSED_FROM),),
            summary=f"{'Pruned' if request.method == 'magnitude' else 'In 8-bit integers'}, from {parent.ref}",
        )
    )


def _of_parent(registry: Registry, parent: VersionDetail) -> list[FileToStore]:
    """Config, code and environment, which are in the store already."""
    from regtrain_registry import FileToStore

    return [
        FileToStore(registry.open_artifact(parent.ref, one.path), one.path, one.kind, one.digest)
        for one in parent.artifacts
        if one.path in KEPT or one.path.startswith("code/")
    ]
