"""Conformance classes for plugin authors: inherit one, say what your plugin offers, run pytest.

```python
from regtrain.testing import OptimizerConformance

class TestSignum(OptimizerConformance):
    module = "regtrain_signum.optimizer"
    offers = "Signum"
    args = {"lr": 0.01}
```

Each class asks for the plugin by its name in a host of its own, as a run does. pytest is imported here and nowhere else
in regtrain.
"""

import pytest

MODULES = (
    *(
        "offered",
        "plugin",
        "optimizers",
        "schedulers",
        "data",
        "measures",
        "callbacks",
        "places",
        "trackers",
        "commands",
    ),
    "exporters",
)
pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in MODULES))

from regtrain.testing.callbacks import CallbackConformance  # noqa: E402
from regtrain.testing.commands import CommandConformance  # noqa: E402
from regtrain.testing.data import DatasetConformance, ModelConformance, TaskConformance  # noqa: E402
from regtrain.testing.exporters import ExporterConformance  # noqa: E402
from regtrain.testing.measures import EvaluatorConformance  # noqa: E402
from regtrain.testing.offered import plugin_points  # noqa: E402
from regtrain.testing.optimizers import OptimizerConformance  # noqa: E402
from regtrain.testing.places import LauncherConformance, StrategyConformance  # noqa: E402
from regtrain.testing.plugin import PluginConformance  # noqa: E402
from regtrain.testing.schedulers import SchedulerConformance  # noqa: E402
from regtrain.testing.trackers import TrackerConformance  # noqa: E402

__all__ = [
    "CallbackConformance",
    "CommandConformance",
    "DatasetConformance",
    "EvaluatorConformance",
    "ExporterConformance",
    "LauncherConformance",
    "ModelConformance",
    "OptimizerConformance",
    "PluginConformance",
    "SchedulerConformance",
    "StrategyConformance",
    "TaskConformance",
    "TrackerConformance",
    "plugin_points",
]
