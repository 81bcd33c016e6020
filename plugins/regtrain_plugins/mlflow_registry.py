"""MLflow's clients on our registry: `mlflow.set_registry_uri("regtrain:///path")`.

MLflow finds this class by its entry-point group for registry stores. What our rules forbid is refused with
`MlflowException`: a version's files never change, a stage with gates is given only where they hold.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from mlflow.entities.model_registry.model_version_stages import get_canonical_stage
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.model_registry.abstract_store import AbstractStore
from mlflow.utils.search_utils import SearchModelUtils, SearchModelVersionUtils, SearchUtils

from regtrain_plugins.mlflow_entities import (
    LEFT,
    OWN_TAGS,
    STAGES,
    as_model,
    as_version,
    invalid,
    newest_of_stages,
    refused,
    text_of,
    translated,
)
from regtrain_registry import Registry, VersionDetail, VersionInfo

__all__ = ["RegtrainStore"]

MOST_MODELS, MOST_VERSIONS = 1_000, 200_000  # of one page, as in MLflow's own stores
NO_NEW = "A version is made by a run: `regtrain run`, or `regtrain registry import-mlflow URI` for models of MLflow."


class RegtrainStore(AbstractStore):
    """A registry store of MLflow over the façade `Registry`.

    store_uri: `regtrain:///FOLDER` (the folder of a project), `regtrain:///FILE.db`, `regtrain:` (as `regtrain` finds
    it from the current folder), or a database URL behind `regtrain+`, such as `regtrain+postgresql://user@host/name`.
    """

    @translated
    def __init__(self, store_uri: str | None = None, tracking_uri: str | None = None) -> None:
        super().__init__(store_uri, tracking_uri)  # type: ignore[no-untyped-call]
        self._registry = Registry(database_of(store_uri or "regtrain:"), create=False)
        self._folders: dict[str, tempfile.TemporaryDirectory[str]] = {}

    # models

    def create_registered_model(
        self, name: str, tags: Any = None, description: str | None = None, deployment_job_id: str | None = None
    ) -> RegisteredModel:
        raise refused(f"A model comes with its first version, so that {name!r} cannot be made empty.", NO_NEW)

    def update_registered_model(
        self, name: str, description: str | None, deployment_job_id: str | None = None
    ) -> RegisteredModel:
        raise refused("Models have no description.", "Describe a version: update_model_version(name, version, …).")

    @translated
    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        return self.get_registered_model(self._registry.rename(name, new_name).name)

    def delete_registered_model(self, name: str) -> None:
        raise refused(f"{name!r} cannot be deleted as a whole.", "Delete its versions, or let a policy retire them.")

    @translated
    def get_registered_model(self, name: str) -> RegisteredModel:
        versions = self._registry.versions(name)
        model = next(
            model for model in self._registry.models() if model.name == (versions[0].name if versions else name)
        )
        return as_model(model, versions)

    @translated
    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int | None = None,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        models = {model.name: model for model in self._registry.models()}
        light = [as_model(model) for model in models.values()]
        found = SearchModelUtils.sort(SearchModelUtils.filter(light, _without_prompts(filter_string)), order_by)
        page = _page(found, MOST_MODELS if max_results is None else max_results, MOST_MODELS, page_token)
        whole = [as_model(models[model.name], self._registry.versions(model.name)) for model in page]
        return PagedList(whole, page.token)

    @translated
    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        newest = newest_of_stages(self._seen(name))
        wanted = list(newest) if not stages else [get_canonical_stage(stage) for stage in stages]
        return [as_version(newest[stage]) for stage in wanted if stage in newest]

    def set_registered_model_tag(self, name: str, tag: Any) -> None:
        raise refused("Models have no tags.", "Tag a version: set_model_version_tag(name, version, key, value).")

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        raise refused("Models have no tags.", "Tags are those of versions.")

    # versions

    def create_model_version(self, name: str, source: str, *arguments: Any, **options: Any) -> ModelVersion:
        raise refused(f"The files of a version of {name!r} come from a run, not from {source!r}.", NO_NEW)

    def copy_model_version(self, src_mv: ModelVersion, dst_name: str) -> ModelVersion:
        """A version of another model with the same files."""
        return self._copy(src_mv, dst_name)

    @translated
    def _copy(self, source: ModelVersion, name: str) -> ModelVersion:
        return as_version(self._registry.copy(_ref(source.name, source.version), name))

    @translated
    def update_model_version(self, name: str, version: str, description: str | None = None) -> ModelVersion:
        return as_version(self._registry.describe(self._found(name, version), text_of(description)))

    @translated
    def transition_model_version_stage(
        self, name: str, version: str, stage: str, archive_existing_versions: bool
    ) -> ModelVersion:
        wanted, ref = get_canonical_stage(stage), self._found(name, version)
        if wanted == "Archived":
            return as_version(self._registry.archive(ref))
        held = next((ours for ours, theirs in STAGES.items() if theirs == wanted), None)
        if held is None:
            return self._without_stage(ref)
        before = [known for known in self._seen(name) if held in known.stages]
        after, _ = self._registry.promote(ref, held)
        for known in before if archive_existing_versions else ():
            if known.number != after.number:
                self._registry.archive(known.ref)
        return as_version(self._registry.show(ref))

    def _without_stage(self, ref: str) -> ModelVersion:
        version = self._registry.show(ref)
        for stage in STAGES:
            if stage in version.stages:
                self._registry.remove_alias(version.name, stage)
        if version.status.value == "archived":
            self._registry.restore(ref)
        return as_version(self._registry.show(ref))

    @translated
    def delete_model_version(self, name: str, version: str) -> None:
        """The version expires, and can be restored until it is collected."""
        self._registry.delete(self._found(name, version))

    @translated
    def get_model_version(self, name: str, version: str) -> ModelVersion:
        return as_version(self._version(_ref(name, version)))

    @translated
    def get_model_version_download_uri(self, name: str, version: str) -> str:
        """A folder with the files of the version, whose digests were compared; it lasts as long as this process."""
        found = self._version(_ref(name, version))
        folder = self._folders.get(found.ref)
        if folder is None:
            folder = tempfile.TemporaryDirectory(prefix="regtrain-mlflow-", ignore_cleanup_errors=True)
            self._registry.checkout(found.ref, Path(folder.name) / "version", bare=True)
            self._folders[found.ref] = folder
        return (Path(folder.name) / "version").as_uri()

    @translated
    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int | None = None,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        named = _named_model(filter_string)
        known = {model.name for model in self._registry.models()}
        names = sorted(known) if named is None else [named] if named in known else []
        every = [as_version(version) for name in names for version in self._seen(name)]
        found = SearchModelVersionUtils.filter(every, _without_prompts(filter_string))
        order = order_by or ["last_updated_timestamp DESC", "name ASC", "version_number DESC"]
        most = 10_000 if max_results is None else max_results
        return _page(SearchModelVersionUtils.sort(found, order), most, MOST_VERSIONS, page_token)

    @translated
    def set_model_version_tag(self, name: str, version: str, tag: Any) -> None:
        _check_tag(tag.key)
        self._registry.tag(self._found(name, version), tag.key, text_of(tag.value))

    @translated
    def delete_model_version_tag(self, name: str, version: str, key: str) -> None:
        _check_tag(key)
        ref = self._found(name, version)
        if key in self._registry.show(ref).tags:  # as in MLflow's own stores, a tag that is not there is no error
            self._registry.untag(ref, key)

    # aliases

    @translated
    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        self._registry.set_alias(self._found(name, version), alias)

    @translated
    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        self._registry.remove_alias(name, alias)

    @translated
    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """Also a version (`digits@1.2.0`) or a range is taken."""
        return as_version(self._version(f"{name}@{alias}"))

    def _seen(self, name: str) -> list[VersionInfo]:
        return [version for version in self._registry.versions(name) if version.status not in LEFT]

    def _version(self, ref: str) -> VersionDetail:
        found = self._registry.show(ref)
        if found.status in LEFT:
            from mlflow.exceptions import MlflowException
            from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

            raise MlflowException(f"{found.ref} is {found.status.value}", error_code=RESOURCE_DOES_NOT_EXIST)
        return found

    def _found(self, name: str, version: str) -> str:
        """The ref of a version that MLflow's clients see."""
        return self._version(_ref(name, version)).ref

    def _await_model_version_creation(self, mv: ModelVersion, await_creation_for: int) -> None:
        """Versions are ready when they are there."""


def database_of(uri: str) -> str | None:
    """The database URL of our registry; None: the one that `regtrain` finds from the current folder."""
    scheme, _, rest = uri.partition(":")
    if scheme != "regtrain":
        return uri.removeprefix("regtrain+")
    path = rest.removeprefix("//")
    if not path.strip("/"):
        return None
    if not path.startswith("/"):
        raise invalid(f"{uri!r}: write regtrain:///PATH with three slashes, or regtrain+postgresql://…")
    place = Path(path)
    inside = [place / ".regtrain" / "registry.db", place / "registry.db"]
    found = place if not place.is_dir() else next((file for file in inside if file.exists()), inside[0])
    return f"sqlite:///{found}"


def _ref(name: str, version: str | int) -> str:
    if not str(version).isdecimal():
        raise invalid(
            f"{version!r} is no version: MLflow counts them from 1; our {version} is models:/{name}@{version}"
        )
    return f"{name}/{version}"


def _check_tag(key: str) -> None:
    if key in OWN_TAGS:
        raise invalid(f"The tag {key!r} is what the registry says of the version, and cannot be changed.")


def _named_model(filter_string: str | None) -> str | None:
    """The model whose versions a filter asks for, where it asks for one."""
    for comparison in SearchModelVersionUtils.parse_search_filter(filter_string) if filter_string else ():
        if comparison["key"] == "name" and comparison["comparator"] == "=":
            return str(comparison["value"])
    return None


def _without_prompts(filter_string: str | None) -> str | None:
    """Our registry has no prompts, for which MLflow asks by a tag: what is none of them is everything."""
    parts = [part.strip() for part in (filter_string or "").split(" AND ")]
    return " AND ".join(part for part in parts if part and "mlflow.prompt.is_prompt" not in part) or None


def _page(found: list[Any], most: int, limit: int, token: str | None) -> PagedList[Any]:
    if not isinstance(most, int) or not 1 <= most <= limit:
        raise invalid(f"max_results is {most!r}: give a number from 1 to {limit:,}")
    first = SearchUtils.parse_start_offset_from_page_token(token)
    following = SearchUtils.create_page_token(first + most) if first + most < len(found) else None
    return PagedList(found[first : first + most], following)
