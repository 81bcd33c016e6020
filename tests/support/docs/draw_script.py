"""docs/draw.py as a module: it lies outside of every package."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path


def pictures(root: Path) -> dict[str, str]:
    """Name → SVG, as the script draws them now."""
    spec = importlib.util.spec_from_file_location("regtrain_docs_draw", root / "docs" / "draw.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return {"layers": module.layers().svg(), "run": module.run().svg()}
