"""Small real distributions in a folder: a module, its metadata and its entry point, as pip would leave them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

HEAD = "from regtrain.hookspecs import hookimpl\n"


@dataclass(frozen=True)
class Package:
    """A distribution `name` 1.2.3 with one module and one plugin. `word` is what the report of its fault must hold."""

    name: str
    code: str
    word: str = ""
    plugin: str = ""
    value: str = ""
    offers: bool = True
    """Its model `from-NAME` is known although it is left out."""

    @property
    def module(self) -> str:
        return self.name.replace("-", "_")

    @property
    def model(self) -> str:
        return f"from-{self.name}"

    def install(self, folder: Path) -> None:
        """Write the package into a folder that is on the path."""
        (folder / f"{self.module}.py").write_text(HEAD + dedent(self.code).replace("MODEL", self.model))
        info = folder / f"{self.module}-1.2.3.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {self.name}\nVersion: 1.2.3\n")
        place = self.value or self.module
        (info / "entry_points.txt").write_text(f"[regtrain]\n{self.plugin or self.name} = {place}\n")


OFFERS_MODEL = """
@hookimpl
def regtrain_register_models(register):
    register("MODEL", lambda: None)
"""

GOOD = Package("good-package", OFFERS_MODEL)

BROKEN = (
    Package(
        "import-raises", OFFERS_MODEL + "raise RuntimeError('no such card')", "RuntimeError: no such card", offers=False
    ),
    Package("import-exits", OFFERS_MODEL + "raise SystemExit(3)", "SystemExit: 3", offers=False),
    Package("import-key", OFFERS_MODEL + "{}['HOME_OF_DATA']", "KeyError: 'HOME_OF_DATA'", offers=False),
    Package("import-missing", "import not_there_at_all" + OFFERS_MODEL, "not_there_at_all", offers=False),
    Package("import-syntax", OFFERS_MODEL + "def (", "SyntaxError", offers=False),
    Package(
        "import-abort",
        OFFERS_MODEL + "class Abort(BaseException): ...\nraise Abort('stop')",
        "Abort: stop",
        offers=False,
    ),
    Package("no-attribute", OFFERS_MODEL, "AttributeError", value="no_attribute:plugin", offers=False),
    Package("no-hooks", "def regtrain_register_models(register): ...", "@hookimpl missing", offers=False),
    Package(
        "wrong-argument",
        OFFERS_MODEL + "@hookimpl\ndef regtrain_run_finished(run, colour): ...",
        "{'colour'} are declared in the hookimpl but can not be found in the hookspec",
    ),
    Package(
        "wrong-register",
        "@hookimpl\ndef regtrain_register_models(registry):\n    registry('MODEL', print)",
        "{'registry'} are declared",
    ),
    Package(
        "unknown-hook", OFFERS_MODEL + "@hookimpl\ndef regtrain_run_done(run): ...", "unknown hook 'regtrain_run_done'"
    ),
    Package(
        "name-with-colon",
        OFFERS_MODEL + "@hookimpl\ndef regtrain_register_optimizers(register):\n    register('regtrain:adamw', print)",
        "offers the optimizer 'regtrain:adamw': a colon separates distribution and name",
    ),
    Package(
        "name-twice",
        OFFERS_MODEL.replace(
            "lambda: None)", "lambda: None)\n    register('Model', print)\n    register('mOdel', print)"
        ),
        "offers the model 'mOdel' twice",
    ),
    Package(
        "no-callable",
        OFFERS_MODEL + "@hookimpl\ndef regtrain_register_trackers(register):\n    register('paper', 'pencil')",
        "offers a tracker 'paper' that is not a name with a callable",
    ),
    Package(
        "no-text",
        OFFERS_MODEL + "@hookimpl\ndef regtrain_register_trackers(register):\n    register(None, print)",
        "offers a tracker None that is not a name with a callable",
    ),
    Package(
        "register-raises",
        OFFERS_MODEL + "@hookimpl\ndef regtrain_register_trackers(register):\n    raise OSError('no licence')",
        "regtrain_register_trackers failed: OSError: no licence",
    ),
    Package(
        "register-exits",
        OFFERS_MODEL + "@hookimpl\ndef regtrain_register_trackers(register):\n    raise SystemExit('bye')",
        "regtrain_register_trackers failed: SystemExit: bye",
    ),
    Package(
        "wraps-hooks",
        OFFERS_MODEL + "@hookimpl(wrapper=True)\ndef regtrain_run_finished(run):\n    return (yield)",
        "regtrain_run_finished is a wrapper",
    ),
    Package(
        "plugin-taken", OFFERS_MODEL, "another plugin is already called 'optimizers-torch'", plugin="optimizers-torch"
    ),
    Package(
        "same-module",
        "",
        "the same object as plugin 'optimizers-torch'",
        value="regtrain_plugins.optimizers.torch_optim",
        offers=False,
    ),
)


def regtrain(site: Path, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, with the packages of `site` installed."""
    environment = {**os.environ, "PYTHONPATH": str(site), "COLUMNS": "4000"}
    argv = [sys.executable, "-c", "from regtrain.cli import main; main()", *arguments]
    return subprocess.run(argv, env=environment, cwd=cwd, capture_output=True, text=True, check=False)
