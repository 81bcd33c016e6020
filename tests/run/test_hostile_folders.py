"""A run folder from elsewhere is data: nothing in it names a place outside, or is believed about itself."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from regtrain.checkpoint.folder import read_checkpoint
from regtrain.errors import CheckpointDamagedError
from support.cli.projects import CONFIG, Project

CONTENTS = {"empty": "{}", "a list": "[]", "deep": "[" * 3000, "nothing": "", "binary": "\x00\x01"}


def copied(result: dict[str, Any], folder: Path) -> Path:
    return Path(shutil.copytree(result["run_dir"], folder, symlinks=True))


def checkpoint_of(folder: Path) -> Path:
    return next(path for path in sorted((folder / "checkpoints").glob("step-*")) if path.is_dir())


def test_files_that_are_damaged_are_one_clear_error(trained: tuple[Project, dict[str, Any]], tmp_path: Path) -> None:
    """Outcome, metadata and manifest of any content: no trace, no fault of the program, nothing registered."""
    project, result = trained
    wrong = []
    for file in ("outcome.json", "metadata.json", "settled.json", "manifest.json"):
        for name, content in CONTENTS.items():
            folder = copied(result, tmp_path / f"{file}-{name}")
            places = (
                [folder / file] if file != "manifest.json" else list(folder.glob("checkpoints/step-*/manifest.json"))
            )
            for place in places:
                place.write_text(content)
            said = project("models", "register", folder, "--model", "hostile")
            if said.code not in (2, 4) or "fault of regtrain" in said.err or not said.err.startswith("error: "):
                wrong.append((file, name, said))
    assert wrong == []
    assert project("models", "show", "hostile").code == 2


# file → places in it, and values that no run writes there
ODD_VALUES: dict[str, list[tuple[str, Any]]] = {
    "outcome.json": [
        ("error", {"a": 1}),
        ("error", {"code": "x", "message": "x", "hint": "x", "exit_code": "1"}),
        ("epochs", 10**400),
        ("steps", -1),
        ("recipe", {"a": 1}),
        ("recipe", {"data": "x"}),
    ],
    "settled.json": [
        ("values", {"training.precision": [1]}),
        ("values", {"training.device": "x"}),
        ("values", {"training.device": {"a": 1}}),
        ("values", {"x": 1}),
    ],
}


def test_values_that_no_run_writes(trained: tuple[Project, dict[str, Any]], tmp_path: Path) -> None:
    """Files of the right form that were edited are bad input, too."""
    project, result = trained
    wrong = []
    for file, changes in ODD_VALUES.items():
        for number, (key, value) in enumerate(changes):
            folder = copied(result, tmp_path / f"{file}-{number}")
            content = json.loads((folder / file).read_text())
            (folder / file).write_text(json.dumps({**content, key: value}))
            said = project("models", "register", folder, "--model", "hostile")
            if said.code != 2 or "fault of regtrain" in said.err:
                wrong.append((file, key, value, said))
    assert wrong == []


def test_a_manifest_names_every_file(trained: tuple[Project, dict[str, Any]], tmp_path: Path) -> None:
    """Damaged weights are not resumed or registered because a manifest leaves them out."""
    project, result = trained
    wrong = []
    for name in ("all of them", "the weights", "a file that is gone"):
        folder = copied(result, tmp_path / name.replace(" ", "-"))
        for place in folder.glob("checkpoints/step-*/manifest.json"):
            manifest = json.loads(place.read_bytes())
            if name == "all of them":
                manifest["files"] = {}
            elif name == "the weights":
                del manifest["files"]["model.safetensors"]
            else:
                (place.parent / "state.json").unlink()
            place.write_text(json.dumps(manifest))
            (place.parent / "model.safetensors").chmod(0o644)
            with (place.parent / "model.safetensors").open("r+b") as weights:
                weights.seek(-1, os.SEEK_END)
                weights.write(b"\xff")
        for command in (
            ("models", "register", folder, "--model", "hostile"),
            ("run", folder / "config.yaml", "epochs=9"),
        ):
            said = project(*command)
            if said.code != 4 and "no checkpoint" not in said.err:
                wrong.append((name, command[0], said))
    assert wrong == []


def test_links_are_not_followed(trained: tuple[Project, dict[str, Any]], tmp_path: Path) -> None:
    """No foreign file comes into the registry by a link, and none is written through one."""
    project, result = trained
    secret = tmp_path / "secret.txt"
    secret.write_text("the user's own\n")
    wrong = []
    for place in ("logs/train.log", "code/notes.py", "requirements.txt", "metadata.json"):
        folder = copied(result, tmp_path / place.replace("/", "-"))
        (folder / place).unlink(missing_ok=True)
        (folder / place).symlink_to(secret)
        said = project("models", "register", folder, "--model", "hostile")
        if said.code != 2 or ("secret.txt" not in said.err and "cannot be read" not in said.err):
            wrong.append((place, said))
    for place in ("requirements.txt", "checkpoints", "logs", "plan.json", "outcome.json"):
        folder = copied(result, tmp_path / f"ring-{place}")
        shutil.move(folder / place, tmp_path / f"moved-{place}")
        (folder / place).symlink_to(folder / place)
        said = project("models", "register", folder, "--model", "hostile")
        if said.code != 2 or "fault of regtrain" in said.err:
            wrong.append((place, "to itself", said))
    behind = copied(result, tmp_path / "behind")
    shutil.move(behind / "logs", tmp_path / "logs-elsewhere")
    (behind / "logs").symlink_to(tmp_path / "logs-elsewhere")
    if project("models", "register", behind, "--model", "hostile").code != 2:
        wrong.append(("logs", "a folder behind a link was taken"))
    assert wrong == []
    written = copied(result, tmp_path / "written")
    (written / "metrics.json").unlink()
    (written / "metrics.json").symlink_to(secret)
    said = project("models", "register", written, "--model", "fine")
    assert said.code == 0, said.err
    assert secret.read_text() == "the user's own\n"
    assert not (written / "metrics.json").is_symlink()


def test_a_link_in_place_of_a_folder_reaches_no_other_run(
    trained: tuple[Project, dict[str, Any]], tmp_path: Path
) -> None:
    """Checkpoints of another run are neither pruned nor resumed, and its logs are not shown, by way of a link."""
    project, result = trained
    victim, hostile = copied(result, tmp_path / "victim"), copied(result, tmp_path / "hostile")
    newest = checkpoint_of(victim)
    for step in range(90, 94):
        shutil.copytree(newest, newest.with_name(f"step-{step:08d}"))
    before = sorted((victim / "checkpoints").iterdir())
    shutil.rmtree(hostile / "checkpoints")
    (hostile / "checkpoints").symlink_to(victim / "checkpoints")
    wrong = []
    for command in (
        ("checkpoints", "prune", hostile),
        ("checkpoints", "list", hostile),
        ("run", "run.yaml", "epochs=9", "--resume", hostile),
        ("models", "register", hostile, "--model", "hostile"),
    ):
        said = project(*command)
        if said.code != 2 or "is a link to" not in said.err:
            wrong.append((command[:2], said))
    assert wrong == []
    assert sorted((victim / "checkpoints").iterdir()) == before


def test_another_users_umask_leaves_the_folder_closed(project: Project) -> None:
    """With umask 000 nobody else may write into a run folder, and a config with passwords is read by its owner only."""
    before = os.umask(0)
    try:
        folder = Path(project.train()["run_dir"])
    finally:
        os.umask(before)
    open_to_others = [
        path for path in (folder, *folder.rglob("*")) if not path.is_symlink() and path.stat().st_mode & 0o002
    ]
    assert open_to_others == []
    assert [(folder / name).stat().st_mode & 0o077 for name in ("config.yaml", "plan.json")] == [0, 0]


def test_the_umask_of_a_notebook_leaves_the_folder_closed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python interface is not started by our command line; its umask is the caller's, also afterwards."""
    from regtrain import Trainer

    monkeypatch.chdir(project.folder)
    before = os.umask(0)
    try:
        sections = {key: value for key, value in CONFIG.items() if key != "launcher"}
        folder = Trainer(sections).train().run_dir
        after = os.umask(0)
    finally:
        os.umask(before)
    assert after == 0
    assert [p for p in (folder, *folder.rglob("*")) if not p.is_symlink() and p.stat().st_mode & 0o002] == []


def test_a_checkpoint_is_taken_whole_and_alone(trained: tuple[Project, dict[str, Any]], tmp_path: Path) -> None:
    """What is resumed from brings its own regular files, none by a link, and is not registered in another size."""
    project, result = trained
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("the user's own\n")
    folder = copied(result, tmp_path / "linked")
    checkpoint_of(folder).joinpath("more").symlink_to(secret)
    shutil.rmtree(project.folder / "runs-of-links", ignore_errors=True)
    said = project("run", "run.yaml", "--resume", folder, "epochs=9", "--output-dir", "runs-of-links")
    assert "fault of regtrain" not in said.err
    assert not list((project.folder / "runs-of-links").rglob("key"))
    large = copied(result, tmp_path / "large")
    for place in large.glob("checkpoints/step-*/model.safetensors"):
        place.chmod(0o644)
        os.truncate(place, 1 << 40)
    said = project("models", "register", large, "--model", "hostile")
    assert (said.code, "bytes, expected" in said.err) == (4, True)


BAD_WORDS: dict[str, tuple[tuple[str, ...], int]] = {
    "dots": (("plan", "run.yaml", "." * 5000 + "=1"), 2),
    "the root": (("run", "run.yaml", "--resume", "/"), 2),
    "another user": (("run", "run.yaml", "--resume", "~nosuchuser/x"), 2),
    "a folder of another user": (("plan", "run.yaml", "--data-dir", "~nosuchuser/x"), 2),
    "an empty resume": (("plan", "run.yaml", "--resume", ""), 0),
    "an empty name": (("plan", "run.yaml", "--name", ""), 0),
    "an empty launcher": (("plan", "run.yaml", "--launcher", ""), 0),
    "an empty section": (("plan", "run.yaml", "--section", ""), 0),
    "a name that is too long": (("run", "run.yaml", "--resume", "a" * 5000), 2),
    "a run of another user": (("runs", "show", "~nosuchuser/x"), 2),
}


def test_words_that_no_one_would_mean(project: Project) -> None:
    """One clear error, or an empty value that counts as none."""
    wrong = []
    for name, (words, code) in BAD_WORDS.items():
        said = project(*words)
        if said.code != code or "fault of regtrain" in said.err:
            wrong.append((name, said.code, said.err[:300]))
    assert wrong == []


def test_a_link_to_itself(project: Project) -> None:
    """As a run folder, a checkpoint, a config or a file of code: bad input, not a fault of the program."""
    (project.folder / "ring").symlink_to("ring")
    (project.folder / "ring.py").symlink_to("ring.py")
    wrong = []
    for words in (
        ("run", "run.yaml", "--resume", "ring"),
        ("plan", "ring"),
        ("plan", "run.yaml", "model.target=./ring.py:build"),
        ("runs", "sync", "ring"),
        ("runs", "show", "ring"),
        ("checkpoints", "list", "ring"),
        ("models", "register", "ring", "--model", "x"),
    ):
        said = project(*words)
        if said.code != 2 or "fault of regtrain" in said.err:
            wrong.append((words, said.code, said.err[:300]))
    assert wrong == []


def test_a_home_of_no_user(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """REGTRAIN_HOME may name a user that is not there."""
    monkeypatch.setenv("REGTRAIN_HOME", "~nosuchuser/x")
    said = project("models", "list")
    assert (said.code, "REGTRAIN_HOME" in said.err) == (2, True)


def test_a_store_of_no_user(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """REGTRAIN_STORE_URI, too."""
    monkeypatch.setenv("REGTRAIN_STORE_URI", "~nosuchuser/x")
    said = project("run", "run.yaml")
    assert (said.code, "the store is '~nosuchuser/x'" in said.err) == (2, True)


def test_a_clock_far_in_the_future(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the year 2262 Python cannot read the clock: that is the machine's, not a fault of the program."""

    def late() -> None:
        raise OverflowError("timestamp too large to convert to C _PyTime_t")

    monkeypatch.setattr("regtrain.cli.runs.open_registry", lambda *_, **__: late())
    said = project("runs", "list", "--json")
    assert (said.code, said.error()["code"], said.error()["hint"]) == (5, "environment", "set the clock")


def test_an_empty_option_leaves_the_config_as_it_is(project: Project) -> None:
    """`--output-dir "$UNSET"` and `--name ""` are as if they were not there."""
    plain = project("plan", "run.yaml", "--json").json()
    asked = project("plan", "run.yaml", "--name", "", "--output-dir", "", "--optimizer", "", "--json").json()
    assert asked == plain
    assert project.train("--output-dir", "", "--name", "")["version"] == "1.0.0"
    assert [folder.parent.name for folder in project.run_folders()] == ["runs"]


def _hole(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


ENDLESS: dict[str, Callable[[Path], None]] = {
    "a FIFO": os.mkfifo,
    "a terabyte of nothing": _hole,
    "a device": lambda path: path.symlink_to("/dev/zero"),
}


def test_what_would_be_read_for_ever_is_not_read(trained: tuple[Project, dict[str, Any]], tmp_path: Path) -> None:
    """In place of a checkpoint's files, of a log, or of a key."""
    project, result = trained
    wrong = []
    for what, make in ENDLESS.items():
        for file in ("state.json", "manifest.json", "model.safetensors", "train.log"):
            folder = copied(result, tmp_path / f"{what}-{file}")
            for place in [path for path in folder.rglob(file) if not path.parent.is_symlink()]:
                place.unlink()
                make(place)
            said = project("models", "register", folder, "--model", "hostile")
            left_out = file == "train.log" and said.code == 0 and what != "a terabyte of nothing"
            if not left_out and (said.code not in (2, 4) or "fault of" in said.err):
                wrong.append((what, file, "register", said))
            if file != "train.log":
                with pytest.raises(CheckpointDamagedError):
                    read_checkpoint(checkpoint_of(folder))
        key = tmp_path / f"{what}.pem"
        make(key)
        for command in ("sign", "verify"):
            said = project("models", command, "tiny", "--key", key)
            if said.code != 2 or "cannot be used as a key" not in said.err:
                wrong.append((what, command, said))
    assert wrong == []


def test_a_deep_state_is_a_damaged_checkpoint(trained: tuple[Project, dict[str, Any]], tmp_path: Path) -> None:
    """Also with the right digest: whoever writes the file writes the manifest."""
    _, result = trained
    place = checkpoint_of(copied(result, tmp_path / "deep"))
    (place / "state.json").chmod(0o644)
    (place / "state.json").write_text("[" * 3000 + "]" * 3000)
    manifest = json.loads((place / "manifest.json").read_bytes())
    digest = "sha256:" + hashlib.sha256((place / "state.json").read_bytes()).hexdigest()
    manifest["files"]["state.json"] = {"digest": digest, "size": 6000}
    (place / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointDamagedError, match="cannot be read"):
        read_checkpoint(place)
