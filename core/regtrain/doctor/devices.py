"""The devices that torch can use; looked for in a child, because torch takes seconds to import and may not import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from regtrain.doctor.rows import Row, failed
from regtrain.errors import Guard
from regtrain.hardware import Hardware, detect

__all__ = ["find", "gpu_row"]

_CUDA = "install a torch built for CUDA (pytorch.org/get-started), or a driver that is new enough for it"


def find(request: Mapping[str, Any]) -> Sequence[Row]:
    """Rows `cpu`, `gpu` and `device`; `device` of the request is what the config asks for."""
    import torch

    hardware = detect()
    cuda = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    usable = {"cpu": True, "cuda": bool(cuda), "mps": torch.backends.mps.is_available()}
    rows = [_tried("cpu", f"{hardware.cpus} cores of {hardware.machine}, {torch.get_num_threads()} threads of torch")]
    if cuda:
        rows += [_tried(f"cuda:{number}", _described(number)) for number in range(len(cuda))]
    elif usable["mps"]:
        rows.append(_tried("mps", "the GPU of this Mac"))
    else:
        rows.append(gpu_row(hardware, torch.version.cuda))
    wanted = str(request.get("device") or "auto").partition(":")[0]
    if not usable.get(wanted, True):
        message = f"the config asks for {request['device']}, which torch does not find"
        rows.append(Row("device", "failure", message, "set training.device: auto, or run where there is one"))
    return rows


def gpu_row(hardware: Hardware, built_for: str | None) -> Row:
    """The row where torch sees no GPU. `built_for`: the version of CUDA that torch was built for."""
    if not hardware.gpus:
        return Row("gpu", "ok", "none; runs take the CPU")
    names = ", ".join(gpu.name for gpu in hardware.gpus)
    reason = f"was built for CUDA {built_for} and cannot use it" if built_for else "was built without CUDA"
    return Row("gpu", "warning", f"there is {names}, but torch {reason}", _CUDA)


def _described(number: int) -> str:
    import torch

    of = torch.cuda.get_device_properties(number)
    free, whole = torch.cuda.mem_get_info(number)
    return f"{of.name}, {free / 1e9:.1f} of {whole / 1e9:.1f} GB free, compute capability {of.major}.{of.minor}"


def _tried(device: str, message: str) -> Row:
    """The row of a device, after it has computed something."""
    import torch

    total = 0.0
    with Guard() as call:
        total = float((torch.ones(8, device=device) * 2).sum())
    if call.problem is not None:
        return failed(device, call.problem)
    return Row(device, "ok", message) if total == 16.0 else Row(device, "failure", f"computes 8 × 2 = {total}", _CUDA)
