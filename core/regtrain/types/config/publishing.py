"""Sections for the registry, its model card, retention and exports."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from regtrain.types.config.section import Metric, Mode, Positive, Section
from regtrain.types.config.values import as_bytes, as_span

__all__ = ["Card", "Export", "RegistryKeys", "Retention"]


class Retention(Section):
    keep_best: Positive | None = Field(None, description="Keep so many of the best versions by each metric.")
    monitor: Metric | list[Metric] | None = Field(
        None, description="Metrics that say which versions are best; that of the checkpoints when left out."
    )
    mode: Mode | list[Mode] | None = Field(None, description="Whether less or more of each is better; from the names.")
    keep_newest: Positive | None = Field(None, description="Keep so many of the newest versions.")
    keep_per_major: Positive | None = Field(None, description="Keep so many of the highest versions of each major.")
    keep_per_minor: Positive | None = Field(None, description="Keep so many of the highest versions of each minor.")
    younger_than: Annotated[str, BeforeValidator(as_span)] | None = Field(
        None, description="Keep what is younger, e.g. 30d or 12h."
    )
    total_size: Annotated[str, BeforeValidator(as_bytes)] | None = Field(
        None, description="Space for all versions of the model, e.g. 20GB; the worst and oldest go first."
    )
    with_descendants: bool | None = Field(None, description="Keep what something came from, also where that expired.")


class Card(Section):
    license: str | None = Field(None, description="License of the weights, e.g. apache-2.0.")
    language: list[str] = Field([], description="Languages of the data, e.g. [en].")
    library_name: str | None = Field(None, description="What loads the weights; pytorch when left out.")
    pipeline_tag: str | None = Field(
        None, description="Task as Hugging Face names it; from task and inputs when left out."
    )
    base_model: list[str] = Field([], description="Models that this one comes from; the parents when left out.")
    datasets: list[str] = Field([], description="Names of the data; from the config when left out.")
    tags: list[str] = Field([], description="Words to find the model by.")
    intended_use: str | None = Field(None, description="What the model is for.")
    limitations: str | None = Field(None, description="What it is not for, and where it fails.")
    training_data: str | None = Field(None, description="Where the data come from.")
    ethics: str | None = Field(None, description="Risks for people.")
    contact: str | None = Field(None, description="Whom to ask.")
    citation: str | None = Field(None, description="How to cite it.")


class RegistryKeys(Section):
    enabled: bool = Field(True, description="Record the run and register what it trained.")
    uri: str | None = Field(None, description="Database URL; sqlite:///.regtrain/registry.db when left out.")
    store: str | None = Field(None, description="Where weights are kept; .regtrain/blobs when left out.")
    model: str | None = Field(None, description="Name in the registry; the run's name when left out.")
    bump: Literal["major", "minor", "patch"] | None = Field(
        None, description="Overrule the computed part of the version."
    )
    version: str | None = Field(None, description="Overrule the version: X.Y.Z.")
    force: bool = Field(False, description="Take a bump or version that says less than what changed.")
    allow_nonfinite: bool = Field(
        False, description="Register weights that are not finite, too; such a version is archived from the start."
    )
    force_network_fs: bool = Field(
        False, description="Use SQLite on a network file system in spite of the risk of damage."
    )
    retention: Retention | None = Field(
        None, description="Which versions of the model stay after this one; the model's own policy when left out."
    )
    card: Card | None = Field(None, description="What only people know, for the model card.")


class Export(Section):
    formats: list[str] = Field([], description="Formats to export after the run.")
