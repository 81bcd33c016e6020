"""Defaults < file < overlays < environment < command line, and the source of each value."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regtrain.config import Config, Source, from_mapping, load
from regtrain.config.layers import RESERVED_VARIABLES, detect_cluster, overlay_paths
from regtrain.config.leaves import dotted, split_dotted
from regtrain.errors import ConfigFileError, ConfigKeyError, ConfigValueError
from regtrain.redact import redact_text

SLURM = {"SLURM_JOB_ID": "7"}


def write(folder: Path, **files: str) -> Path:
    """Files by stem; the folder's run.yaml is the config."""
    for stem, text in files.items():
        (folder / f"{stem}.yaml").write_text(text)
    return folder / "run.yaml"


def test_each_layer_wins_over_the_one_before(tmp_path: Path) -> None:
    """Five keys, each given in one layer more than the last, show the whole order."""
    keys = ["training.epochs", "training.batch_size", "training.max_steps", "data.num_workers", "experiment.seed"]
    file = tmp_path / "run.yaml"
    documents = [
        "training: {epochs: 1, batch_size: 1, max_steps: 1}\ndata: {num_workers: 1}\nexperiment: {seed: 1}\n",
        "training: {batch_size: 2, max_steps: 2}\ndata: {num_workers: 2}\nexperiment: {seed: 2}\n",
        "training: {max_steps: 3}\ndata: {num_workers: 3}\nexperiment: {seed: 3}\n",
    ]
    write(tmp_path, run=documents[0], cluster_run=documents[1], slurm_run=documents[2])
    environ = {**SLURM, "REGTRAIN_DATA__NUM_WORKERS": "4", "REGTRAIN_EXPERIMENT__SEED": "4"}
    resolved = load(file, environ=environ, flags={"experiment.seed": 5})
    config = resolved.config
    values = [config.training.epochs, config.training.batch_size, config.training.max_steps]
    assert [*values, config.data.num_workers, config.experiment.seed] == [1, 2, 3, 4, 5]
    assert [resolved.sources[key] for key in keys] == [
        Source("file", "run.yaml:1"),
        Source("overlay", "cluster_run.yaml:1"),
        Source("overlay", "slurm_run.yaml:1"),
        Source("environment", "REGTRAIN_DATA__NUM_WORKERS"),
        Source("command line", "--seed"),
    ]
    assert resolved.sources["training.precision"] == Source("default", "default")


def test_an_override_says_itself_where_it_came_from() -> None:
    """Its source is its text, in the spelling that was used."""
    assert load(None, overrides=["epochs=3"], environ={}).sources["training.epochs"].text == "epochs=3"


@pytest.mark.parametrize(
    ("environ", "cluster"),
    [
        ({}, None),
        ({"SLURM_JOB_ID": "1"}, "slurm"),
        ({"SLURM_CLUSTER_NAME": "x"}, "slurm"),
        ({"LSB_JOBID": "1"}, "lsf"),
        ({"SLURM_JOB_ID": ""}, None),
    ],
)
def test_a_cluster_is_known_by_its_variables(environ: dict[str, str], cluster: str | None) -> None:
    """An empty variable is none."""
    assert detect_cluster(environ) == cluster


@pytest.mark.parametrize(("command", "cluster"), [("sbatch", "slurm"), ("bsub", "lsf"), ("other", None)])
def test_a_cluster_is_known_by_its_submit_command(command: str, cluster: str | None, tmp_path: Path) -> None:
    """On a login node only PATH tells; inside a job of another system the job does."""
    (tmp_path / command).touch(mode=0o755)
    assert detect_cluster({"PATH": str(tmp_path)}) == cluster
    assert detect_cluster({"PATH": str(tmp_path), "LSB_JOBID": "1"}) == "lsf"


def test_only_the_given_path_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without PATH does not fall back to that of the process."""
    (tmp_path / "sbatch").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert detect_cluster({}) is None
    assert detect_cluster({"PATH": ""}) is None


@pytest.mark.parametrize(
    ("files", "environ", "names"),
    [
        (["cluster_config", "slurm_config", "lsf_config"], {}, []),
        (["cluster_config", "slurm_config", "lsf_config"], SLURM, ["cluster_config", "slurm_config"]),
        (["cluster_config", "slurm_config", "lsf_config"], {"LSB_JOBID": "1"}, ["cluster_config", "lsf_config"]),
        (["cluster_config", "cluster_run", "slurm_run"], SLURM, ["cluster_run", "slurm_run"]),
        (["slurm_config"], SLURM, ["slurm_config"]),
    ],
)
def test_overlays_beside_the_file(files: list[str], environ: dict[str, str], names: list[str], tmp_path: Path) -> None:
    """The file's own overlay wins over the folder's; elsewhere than on a cluster there is none."""
    path = write(tmp_path, run="", **dict.fromkeys(files, ""))
    assert [overlay.stem for overlay in overlay_paths(path, environ)] == names


def test_a_file_is_not_its_own_overlay(tmp_path: Path) -> None:
    """`regtrain run slurm_config.yaml` on SLURM reads it once."""
    write(tmp_path, slurm_config="seed: 1", cluster_config="seed: 2")
    assert [p.stem for p in overlay_paths(tmp_path / "slurm_config.yaml", SLURM)] == ["cluster_config"]


def test_an_error_in_an_overlay_names_the_overlay(tmp_path: Path) -> None:
    """Not the file beside it."""
    path = write(tmp_path, run="seed: 1", slurm_run="\nepoch: x\n")
    with pytest.raises(ConfigValueError, match=r"slurm_run\.yaml:2: epoch must be a whole number"):
        load(path, environ=SLURM)


def test_an_overlay_may_change_the_chosen_stage(tmp_path: Path) -> None:
    """Other stages of the overlay are left alone, and nobody has to choose again."""
    stages = "a: {training: {lr: 1}}\nb: {training: {lr: 2}}\n"
    path = write(tmp_path, run=stages, slurm_run="b: {training: {lr: 3}}\na: {training: {lr: 4}}\n")
    assert load(path, section="b", environ=SLURM).config.optimizer.lr == 3


@pytest.mark.parametrize("prefix", ["REGTRAIN", "RAT"])
def test_the_three_short_variables(prefix: str) -> None:
    """Both prefixes are understood."""
    environ = {f"{prefix}_DATA_DIR": "/d", f"{prefix}_OUTPUT_DIR": "/o", f"{prefix}_BATCH_SIZE": "16"}
    config = load(None, environ=environ).config
    assert (config.data.data_dir, config.experiment.output_dir, config.training.batch_size) == ("/d", "/o", 16)


def test_values_of_variables_are_yaml() -> None:
    """Numbers, lists and mappings; text keys take the text as it stands; empty means not set."""
    environ = {
        "REGTRAIN_OPTIMIZER__LR": "1e-4",
        "REGTRAIN_optimizer__Args": "{betas: [0.9, 0.99]}",
        "REGTRAIN_EXPERIMENT__NAME": "2024",
        "REGTRAIN_EXPERIMENT__DESCRIPTION": "fix #3: all",
        "REGTRAIN_TRAINING__EPOCHS": "",
        "REGTRAIN_CHECKPOINT__RESUME_FROM": "null",
    }
    config = load(None, environ=environ).config
    assert (config.optimizer.lr, config.optimizer.args) == (1e-4, {"betas": [0.9, 0.99]})
    assert (config.experiment.name, config.experiment.description) == ("2024", "fix #3: all")
    assert (config.training.epochs, config.checkpoint.resume_from) == (None, None)


def test_an_empty_variable_does_not_override(tmp_path: Path) -> None:
    """Shell scripts export empty variables for what they do not set."""
    path = write(tmp_path, run="batch: 3")
    assert load(path, environ={"REGTRAIN_BATCH_SIZE": " "}).config.training.batch_size == 3


def test_text_that_is_no_yaml_is_still_text() -> None:
    """A key that takes text takes any."""
    assert load(None, overrides=["description=@home: [x"], environ={}).config.experiment.description == "@home: [x"


def test_variables_that_steer_the_program_are_no_keys() -> None:
    """They and other programs' variables change nothing."""
    environ = dict.fromkeys([*RESERVED_VARIABLES, "PATH", "RAT_NOISE", "regtrain_epochs", "RANK"], "x")
    assert load(None, environ=environ).config == Config()


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("REGTRAIN_BATCHSIZE", "REGTRAIN_BATCH_SIZE"),
        ("REGTRAIN_TRAINING__EPOCS", "REGTRAIN_TRAINING__EPOCHS"),
        ("REGTRAIN_TRAINING_EPOCHS", "REGTRAIN_TRAINING__EPOCHS"),
        ("REGTRAIN_HOM", "REGTRAIN_HOME"),
        ("REGTRAIN_", "REGTRAIN_"),
        ("REGTRAIN_QQQQQQQQQQQQQQQQQQQQQQ", "two underscores"),
        ("REGTRAIN___LR", "REGTRAIN_"),
    ],
)
def test_another_variable_is_an_error(name: str, near: str) -> None:
    """With the nearest variable that exists."""
    with pytest.raises(ConfigKeyError, match=name) as caught:
        load(None, environ={name: "3"})
    assert near in caught.value.hint


def test_two_variables_may_not_contradict_each_other() -> None:
    """Neither is the later one, so that neither can win."""
    environ = {"RAT_BATCH_SIZE": "1", "REGTRAIN_TRAINING__BATCH_SIZE": "2"}
    with pytest.raises(ConfigValueError, match=r"REGTRAIN_TRAINING__BATCH_SIZE: .* RAT_BATCH_SIZE"):
        load(None, environ=environ)


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("optimizer.args.x=1e-4", 1e-4),
        ("+optimizer.x=1", 1),
        ("optimizer.x=[1, 2]", [1, 2]),
        ("optimizer.x={a: no}", {"a": "no"}),
        ("optimizer.x=null", None),
        ("optimizer.x=", None),
        ("optimizer.x=a=b", "a=b"),
        ("optimizer.x='1'", "1"),
    ],
)
def test_overrides_are_yaml(override: str, value: object) -> None:
    """What stands behind the first = is one YAML value; a mapping in `optimizer` is a group's."""
    config = load(None, overrides=[override], environ={}).config
    if isinstance(value, dict):
        assert config.optimizer.groups["x"].args == value
    else:
        assert config.optimizer.args == {"x": value}


@pytest.mark.parametrize("override", ["epochs", "=3", ".a=3", "a..b=3", 'a"b=3', 'optimizer."x=3'])
def test_what_is_no_override_is_refused(override: str) -> None:
    """The message quotes it."""
    with pytest.raises(ConfigValueError, match=r"Write key=value"):
        load(None, overrides=[override], environ={})


def test_a_broken_value_is_refused() -> None:
    """With the override's own text."""
    with pytest.raises(ConfigValueError, match=r"epochs=\[1: not a YAML value"):
        load(None, overrides=["epochs=[1"], environ={})


def test_the_later_word_of_a_command_line_wins() -> None:
    """Flags come before key=value arguments, and those in their order."""
    flags = {"training.epochs": 1, "optimizer.lr": None}
    assert load(None, flags=flags, overrides=["epoch=2", "max_epochs=3"], environ={}).config.training.epochs == 3


FILE = """
optimizer: {name: AdamW, lr: 0.1, betas: [0.9, 0.99], groups: {enc: {type: Lion, lr: 0.2, x: 1}}}
scheduler: {name: OneCycleLR, interval: step, max_lr: 1, warmup_steps: 5}
model: {target: './net.py:build', width: 3, pretrained: true}
loss: {temperature: 0.5}
evaluator: {name: a, k: 1}
"""


def test_another_name_drops_the_arguments_of_the_first(tmp_path: Path) -> None:
    """A new optimizer, scheduler, model or evaluator does not inherit arguments meant for the old one."""
    path = write(tmp_path, run=FILE)
    overrides = ["optimizer.momentum=0.9", "optimizer=SGD", "model=mlp", "scheduler.name=StepLR", "evaluator=b"]
    config = load(path, overrides=overrides, environ={}).config
    assert (config.optimizer.lr, config.optimizer.args) == (0.1, {"momentum": 0.9})
    assert config.optimizer.groups["enc"].model_dump() == {"name": None, "lr": 0.2, "args": {}, "scheduler": None}
    assert config.scheduler is not None
    assert (config.scheduler.args, config.scheduler.interval, config.scheduler.warmup_steps) == ({}, None, 5)
    assert (config.model.target, config.model.args, config.model.pretrained) == (None, {}, True)
    assert config.evaluation.evaluator.args == {}


def test_the_same_name_and_a_first_name_drop_nothing(tmp_path: Path) -> None:
    """Letter case does not make another optimizer, and a loss without a name had no other one."""
    path = write(tmp_path, run=FILE)
    config = load(path, overrides=["optimizer=adamw", "loss=InfoNCE"], environ={}).config
    assert config.optimizer.args == {"betas": [0.9, 0.99]}
    assert config.loss.args == {"temperature": 0.5}


def test_null_clears_what_earlier_layers_gave(tmp_path: Path) -> None:
    """A whole section, or its arguments."""
    path = write(tmp_path, run=FILE)
    config = load(path, overrides=["scheduler=null", "optimizer.args=null"], environ={}).config
    assert config.scheduler is None
    assert config.optimizer.args == {}


def test_mappings_merge_and_lists_replace(tmp_path: Path) -> None:
    """One argument more keeps the others."""
    path = write(tmp_path, run="optimizer: {betas: [0.9, 0.99], eps: 1e-8}")
    config = load(path, overrides=["optimizer.args={betas: [0.5]}"], environ={}).config
    assert config.optimizer.args == {"betas": [0.5], "eps": 1e-8}


def test_an_empty_mapping_keeps_what_is_there(tmp_path: Path) -> None:
    """It adds nothing; null is the word that clears."""
    path = write(tmp_path, run="model: {width: 3}")
    assert load(path, overrides=["model.args={}", "model={}"], environ={}).config.model.args == {"width": 3}


def test_a_range_replaces_a_list_of_choices(tmp_path: Path) -> None:
    """Values of different shape do not mix."""
    path = write(tmp_path, run="search_space: {lr: [1, 2]}")
    config = load(path, overrides=["search_space.lr={type: uniform, low: 1, high: 2}"], environ={}).config
    assert config.tuning is not None
    assert config.tuning.model_dump()["search_space"]["optimizer.lr"]["type"] == "uniform"


def test_relative_paths_start_beside_the_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`base_dir` is absolute, also for a config named by a relative path, and the working directory without one."""
    write(tmp_path, run="")
    monkeypatch.chdir(tmp_path)
    assert load(Path("run.yaml"), environ={}).base_dir == tmp_path
    assert load(None, environ={}).base_dir == tmp_path
    assert load(None, environ={}).path is None
    assert from_mapping({}, environ={}, base_dir=tmp_path / "x").base_dir == tmp_path / "x"


def test_the_environment_of_the_process_counts_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only tests and the launched side hand in another one."""
    monkeypatch.setenv("REGTRAIN_BATCH_SIZE", "77")
    assert load(None).config.training.batch_size == 77
    assert from_mapping({"batch": 3}).config.training.batch_size == 77


def test_a_config_may_be_given_as_mapping_config_or_path(tmp_path: Path) -> None:
    """The Python API takes all three, tuples and paths included."""
    path = write(tmp_path, run="optimizer: {betas: [0.9, 0.99]}\ndata_dir: /d\n")
    expected = load(path, environ={}).config
    mapping = {"optimizer": {"betas": (0.9, 0.99)}, "data_dir": Path("/d")}
    for given_config in (mapping, expected, path, str(path)):
        assert from_mapping(given_config, environ={}).config == expected


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"model": {"layer": object()}}, r"model\.layer is a object"),
        ({"model": {1: 2}}, "key 1, which is not text"),
        ({"model": {"x": "\ud800"}}, "not Unicode"),
        ({"seed": 2**64}, "64 bits"),
        (["a"], "a config is a mapping, not list"),
    ],
)
def test_what_a_file_could_not_say_is_refused(mapping: object, message: str) -> None:
    """A config has to be saved with the run."""
    with pytest.raises(ConfigValueError, match=message):
        from_mapping(mapping, environ={})  # type: ignore[arg-type]


def test_a_mapping_that_contains_itself_is_refused() -> None:
    """Nesting ends at 32 levels, so that this ends at all."""
    endless: dict[str, object] = {}
    endless["model"] = endless
    with pytest.raises(ConfigValueError, match="32 levels"):
        from_mapping(endless, environ={})


@given(st.lists(st.text(), min_size=1, max_size=4).map(tuple))
def test_dotted_keys_split_into_what_they_were(path: tuple[str, ...]) -> None:
    """Names with dots, quotes or nothing in them survive."""
    assert split_dotted(dotted(path)) == path


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://u:p@h/db", "postgresql://u:***@h/db"),
        ("registry.uri=postgresql+psycopg://u:p:/@x@h:5432/db", "registry.uri=postgresql+psycopg://u:***@h:5432/db"),
        ("mysql://h/db?user=u&password=p&x=1", "mysql://h/db?user=u&password=***&x=1"),
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
        ("sqlite:///C:/x@y", "sqlite:///C:/x@y"),
        ("http://localhost:5000", "http://localhost:5000"),
    ],
)
def test_passwords_in_urls_are_hidden(text: str, shown: str) -> None:
    """Ports and paths are not passwords."""
    assert redact_text(text) == shown


def test_a_missing_file_is_a_config_error(tmp_path: Path) -> None:
    """Bad input, exit code 2."""
    with pytest.raises(ConfigFileError) as caught:
        load(tmp_path / "x.yaml", environ={})
    assert caught.value.exit_code == 2
