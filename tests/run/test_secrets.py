"""One public copy of the config, made once: no secret leaves the run folder."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from regtrain.redact import redact, redact_word
from support.cli.projects import Project

SECRET = "hunter2"


def test_no_secret_leaves_the_run_folder(project: Project) -> None:
    """Not into database, store, checkpoints, logs or metadata; the folder's own config and plan keep it."""
    project.config(
        trackers={
            "lines": {"path": f"https://me:{SECRET}@host/x"},
            "other": {"enabled": False, "api_token": SECRET, "password": SECRET},
        },
        loss={"name": "CrossEntropyLoss"},
    )
    project.write("records", "")
    folder = Path(
        project.train(
            "trackers.lines.path=records.txt", f"trackers.third={{enabled: false, key: x, api_key: {SECRET}}}"
        )["run_dir"]
    )
    holders = {
        path.relative_to(project.folder).as_posix()
        for path in project.folder.rglob("*")
        if path.is_file() and SECRET.encode() in path.read_bytes()
    }
    run = folder.relative_to(project.folder).as_posix()
    assert holders == {"run.yaml", f"{run}/config.yaml", f"{run}/plan.json"}
    dump = "\n".join(sqlite3.connect(project.folder / ".regtrain/registry.db").iterdump())
    assert SECRET not in dump
    assert "***" in dump
    shown = project("models", "show", "tiny", "--json").out + project("runs", "show", folder.name, "--json").out
    assert SECRET not in shown


def test_what_is_hidden() -> None:
    """Passwords in URLs, and keys that hold a secret; not what only sounds like one."""
    config = {
        "trackers": {"mlflow": {"args": {"token": "a", "uri": "http://u:p@h", "tracking_token": "b"}}},
        "model": {"args": {"eos_token": "</s>", "max_tokens": 5, "secret": "c", "api_key": 7}},
        "registry": {"uri": "postgresql://me:pw@h/d?password=x", "model": "m"},
    }
    assert redact(config) == {
        "trackers": {"mlflow": {"args": {"token": "***", "uri": "http://u:***@h", "tracking_token": "***"}}},
        "model": {"args": {"eos_token": "</s>", "max_tokens": 5, "secret": "***", "api_key": "***"}},
        "registry": {"uri": "postgresql://me:***@h/d?password=***", "model": "m"},
    }
    assert redact_word("trackers.mlflow.token=abc") == "trackers.mlflow.token=***"
    assert redact_word("optimizer.lr=0.1") == "optimizer.lr=0.1"
    assert redact_word("registry.uri=postgresql://me:pw@h/d") == "registry.uri=postgresql://me:***@h/d"
