"""Where and how a job runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from regtrain.types.config.section import NotNegative, Positive, Section
from regtrain.types.config.values import as_devices, as_walltime

__all__ = ["Distributed", "Launcher", "Reproducibility"]


class Distributed(Section):
    auto_detect: bool = Field(True, description="Read RANK, WORLD_SIZE, SLURM and LSF variables.")
    backend: Literal["nccl", "gloo"] | None = Field(
        None, description="Communication backend; from the device when left out."
    )
    strategy: str | None = Field(None, description="single, or what a plugin offers; chosen when left out.")
    sharding_strategy: str | None = Field(None, description="How FSDP shards.")
    deepspeed: bool | None = Field(None, description="Use DeepSpeed.")
    zero_stage: Annotated[int, Field(ge=0, le=3)] | None = Field(None, description="ZeRO stage of DeepSpeed.")
    use_accelerate: bool | None = Field(None, description="Use Accelerate.")
    devices: Annotated[list[int], BeforeValidator(as_devices)] | None = Field(
        None, description="GPUs to use, by index."
    )


class Launcher(Section):
    name: str | None = Field(None, description="local, or what a plugin offers; chosen when left out.")
    nproc: Positive | None = Field(None, description="Processes per node.")
    nodes: Positive | None = Field(None, description="Nodes.")
    num_gpus: NotNegative | None = Field(None, description="GPUs per node.")
    partition: str | None = Field(None, description="SLURM partition.")
    queue: str | None = Field(None, description="LSF queue.")
    walltime: Annotated[str, BeforeValidator(as_walltime)] | None = Field(
        None, description="Time limit, e.g. 24:00 or 12:00:00."
    )
    memory: Annotated[int | float, Field(gt=0)] | None = Field(None, description="Memory in GB.")


class Reproducibility(Section):
    deterministic: bool = Field(False, description="Only algorithms that give the same bits each time.")
    benchmark: bool = Field(False, description="Let cuDNN time its algorithms and take the fastest.")
