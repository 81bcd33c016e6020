"""`regtrain doctor` as a person runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from regtrain.cli import doctor as command
from regtrain.doctor import Row
from support.cli.projects import Project
from support.host.packages import Package

CODE = """
import sys
from regtrain.cli import main
try:
    main()
finally:
    print("heavy:", *({"torch", "sqlalchemy", "numpy"} & set(sys.modules)), file=sys.stderr)
"""


def test_exit_codes_and_forms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure exits 1, a warning 0; text has a line for each row, JSON one document."""
    project = Project(tmp_path)
    found = [Row("a", "ok", "fine"), Row("b", "warning", "odd \x1b[31m[bold]", "look")]
    monkeypatch.setattr("regtrain.doctor.diagnose", lambda cwd, resolved: found)
    said = project("doctor")
    assert (said.code, said.out.splitlines()[-1]) == (0, r"b      warning  odd \x1b[31m[bold] → look")
    assert "2 checks: 0 failures, 1 warnings" in said.err
    found.append(Row("c", "failure", "broken", "mend"))
    said = project("doctor", "--json")
    assert said.code == 1
    assert said.json()["ok"] is False
    assert said.json()["checks"][2] == {"name": "c", "status": "failure", "message": "broken", "remedy": "mend"}


def test_a_table_for_terminals(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing in a message is taken for markup or obeyed by the terminal."""
    command._print_rich([Row("a", "failure", "odd \x1b[31m [bold]", "look")])
    assert r"odd \x1b[31m [bold]" in capsys.readouterr().out


def test_a_config_that_cannot_be_read_is_bad_input(tmp_path: Path) -> None:
    """It is refused as every command refuses it, before anything is checked."""
    project = Project(tmp_path)
    project.write("wrong.yaml", "optimiser: {name: SGD}\nmodl: {}\n")
    for config, word in (("nowhere.yaml", "nowhere.yaml"), ("wrong.yaml", "modl")):
        said = project("doctor", config)
        assert (said.code, word in said.err) == (2, True)


@pytest.mark.slow
def test_a_real_installation(tmp_path: Path) -> None:
    """With a plugin that hangs and a config whose names nobody offers: rows for both, and everything else is ok."""
    site = tmp_path / "site"
    site.mkdir()
    Package(
        "sleepy",
        "while True:\n    try:\n        __import__('time').sleep(9)\n    except BaseException:\n        pass\n",
    ).install(site)
    project = Project(tmp_path)
    project.config(optimizer={"name": "AdamWW"}, launcher={"name": "local"}, trackers={"lines": {}, "mlfow": {}})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REGTRAIN_PLUGIN_SECONDS", "1")
        patch.setenv("PYTHONPATH", str(site))
        argv = [sys.executable, "-c", CODE, "doctor", "run.yaml", "--json"]
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stderr.splitlines()[-1] == "heavy:"
    found = {row["name"]: row for row in json.loads(done.stdout)["checks"]}
    failures = {name for name, row in found.items() if row["status"] == "failure"}
    assert failures == {"plugin sleepy", "optimizer.name", "tracker mlfow"}
    assert "within 1 seconds" in found["plugin sleepy"]["message"]
    assert "nearest: AdamW" in found["optimizer.name"]["message"]
    for name in ("regtrain", "python", "torch", "packages", "cpu", "plugins", "registry", "store", "disk"):
        assert found[name]["status"] != "failure", found[name]
    assert found["tracker lines"]["status"] == "ok"
