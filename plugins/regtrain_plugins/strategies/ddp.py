"""The whole model in each of several processes; gradients are averaged (torch's DistributedDataParallel)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Self

from regtrain.hookspecs import hookimpl
from regtrain.types import Place
from regtrain.types.strategy import moved

if TYPE_CHECKING:
    from torch import nn

    from regtrain.types import Engine, EngineSetup, Register

NEEDED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


class Ddp:
    """Several processes that torchrun or a launcher started: gloo on CPUs, nccl on GPUs.

    Raises:
        ValueError: the variables that torchrun sets are missing.
    """

    def __init__(self, device: str, backend: str | None = None) -> None:
        import torch

        missing = [name for name in NEEDED if name not in os.environ]
        if missing:
            raise ValueError(
                f"strategy ddp needs the variables of torchrun, and {', '.join(missing)} is not set: "
                "start it with --nproc 2, or with torchrun"
            )
        rank = int(os.environ["RANK"])
        local = int(os.environ.get("LOCAL_RANK", rank))
        self.place = Place(rank, local, int(os.environ["WORLD_SIZE"]))
        kind = device.partition(":")[0]
        self.device = torch.device(f"cuda:{local}" if kind == "cuda" else device)
        self._backend = backend or ("nccl" if kind == "cuda" else "gloo")
        self._stays = kind == "cpu"

    def __enter__(self) -> Self:
        import torch
        import torch.distributed as dist

        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)
        device = self.device if self.device.type == "cuda" else None
        dist.init_process_group(self._backend, device_id=device)
        return self

    def __exit__(self, *exception: object) -> None:
        import torch.distributed as dist

        if dist.is_initialized():
            dist.destroy_process_group()

    def prepare(self, setup: EngineSetup) -> Engine:
        import torch.distributed as dist
        from torch.nn.parallel import DistributedDataParallel

        setup.trainable.to(self.device)
        for parameter in setup.trainable.parameters():  # also those that are not trained
            dist.broadcast(parameter.data, 0)
        parts = setup.make_optimizers()
        if not any(parameter.requires_grad for parameter in setup.trainable.parameters()):
            return setup.engine(setup, parts)
        wrapped = DistributedDataParallel(setup.trainable, gradient_as_bucket_view=False)
        return setup.engine(
            setup,
            parts,
            call=wrapped,
            no_sync=wrapped.no_sync,
            before_eval=lambda: self._share_buffers(setup.trainable),
        )

    def _share_buffers(self, modules: nn.Module) -> None:
        """Each process has seen other batches: those of rank 0 are evaluated and saved, as in the forward pass."""
        import torch.distributed as dist

        for buffer in modules.buffers():
            dist.broadcast(buffer, 0)

    def to_device(self, batch: Any) -> Any:
        """The batch with every tensor on the device; containers keep their type where they are dict, list or tuple."""
        return batch if self._stays else moved(batch, self.device)

    def any(self, flag: bool) -> bool:
        import torch
        import torch.distributed as dist

        found = torch.tensor([int(flag)], device=self._carrier)
        dist.all_reduce(found, dist.ReduceOp.MAX)
        return bool(found.item())

    def gather(self, value: Any) -> list[Any]:
        import torch
        import torch.distributed as dist

        if isinstance(value, torch.Tensor):
            mine = value.detach().to(self._carrier).contiguous()
            found = [torch.empty_like(mine) for _ in range(self.place.world_size)]
            dist.all_gather(found, mine)
            return [tensor.to(value.device) for tensor in found]
        objects: list[Any] = [None] * self.place.world_size
        dist.all_gather_object(objects, value)
        return objects

    def broadcast(self, value: Any) -> Any:
        import torch.distributed as dist

        values = [value]
        dist.broadcast_object_list(values, 0)
        return values[0]

    def barrier(self) -> None:
        import torch.distributed as dist

        dist.barrier()

    @property
    def _carrier(self) -> str:
        """Where tensors are exchanged: nccl takes those of GPUs only."""
        return "cpu" if self._backend == "gloo" else str(self.device)


@hookimpl
def regtrain_register_strategies(register: Register) -> None:
    register("ddp", Ddp, traits={"processes": "many"})
