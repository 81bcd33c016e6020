"""Wrong keys and values: file, line, the key as written, what is allowed, and the nearest right spelling."""

from __future__ import annotations

from pathlib import Path

import pytest

from regtrain.config import from_mapping, load
from regtrain.errors import ConfigKeyError, ConfigValueError, RegtrainError


def problem(text: str, folder: Path) -> RegtrainError:
    """The error that a config file of this text gives."""
    (folder / "run.yaml").write_text(text)
    with pytest.raises(RegtrainError) as caught:
        load(folder / "run.yaml", environ={})
    return caught.value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\ntraning: {epochs: 3}", "2: no such key traning. Did you mean training, tuning or pruning?"),
        ("training:\n  epoch_s: 3", "2: no such key training.epoch_s. Did you mean training.epoch"),
        ("training: {lrr: 3}", "1: no such key training.lrr. Did you mean training.lr"),
        ("checkpointing: {keep_top: 3}", "1: no such key checkpointing.keep_top. Did you mean checkpointing.keep_top_k"),
        ("evaluation: {freqency: 3}", "no such key evaluation.freqency. Did you mean evaluation.frequency?"),
        ("data: {augmentation: {flip: true}}", "no such key data.augmentation.flip. The keys there are random_flip, random_crop"),
        ("gpu: {usee: 0}", "no such key gpu.usee. Did you mean gpu.use?"),
        ("gpu: 3", "no such key gpu. Did you mean gpu.use, gpu.mixed_precision or gpu.precision?"),
        ("gpus: 3", "no such key gpus. Did you mean gpu?"),
        ("patience: 3", "no such key patience. Did you mean early_stopping.patience or tuning.pruning.patience?"),
        ("export: {zzz: 1}", "no such key export.zzz. The keys there are formats, options."),
        ("zzz: 1", "no such key zzz. The keys there are experiment, model, data, loss, training,"),
        ("search_space: {learning_rat: [1, 2]}", "no such key search_space.learning_rat. Did you mean learning_rate"),
        ("search_space: {training: [1, 2]}", 'no such key search_space.training'),
        ("stage: {training: {lrr: 1}}", "no such key stage.training.lrr. Did you mean stage.training.lr"),
    ],
)  # fmt: skip
def test_a_wrong_key_names_the_nearest_right_one(text: str, said: str, tmp_path: Path) -> None:
    """In the words and at the level of the user's own file."""
    error = problem(text, tmp_path)
    assert isinstance(error, ConfigKeyError)
    assert said in error.message
    assert error.message.startswith(f"{tmp_path}/run.yaml:")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epochs: '10'", 'epochs must be a whole number of at least 1, got "10" (the quotes make it text: write 10 without'),
        ("\n\ntraining: {epochs: 0}", "3: training.epochs must be a whole number of at least 1, got 0"),
        ("epochs: true", "epochs must be a whole number of at least 1, got true"),
        ("epochs: 3.0", "epochs must be a whole number of at least 1, got 3.0"),
        ("epochs: [3]", "epochs must be a whole number of at least 1, got [3]"),
        ("epochs: {a: 3}", 'training.epochs must be a whole number of at least 1, got {"a": 3}'),
        ("lr: true", "lr must be a number of at least 0, got true"),
        ("lr: -1", "lr must be a number of at least 0, got -1"),
        ("lr: .nan", "lr must be a finite number, got NaN"),
        ("lr: -.inf", "lr must be a finite number, got -Infinity"),
        ("model: {x: [1, {y: .inf}]}", "model.x must be a finite number, got"),
        ("gradient_clip: 0", "gradient_clip must be a number above 0, got 0"),
        ("debug: yes", 'debug must be true or false, got "yes" (write true or false, without quotes)'),
        ("debug: 1", "debug must be true or false, got 1"),
        ("experiment_name: 2024", 'experiment_name must be text, got 2024 (put quotes around it: "2024")'),
        ("training: {device: gpu}", 'training.device must be one of auto, cpu, cuda, mps, got "gpu"'),
        ("gpu: {precision: 8}", "gpu.precision: choose from auto, 32, 16-mixed, bf16-mixed"),
        ("gpu: {use: all}", 'gpu.use: write GPU indices as "0,1", 0 or [0, 1]; got "all"'),
        ("launcher: {walltime: 30}", "launcher.walltime: write it as 24:00, 12:00:00 or 1-00:00:00"),
        ("launcher: {memory: 0}", "launcher.memory must be a number above 0, got 0"),
        ("distributed: {zero_stage: true}", "distributed.zero_stage must be a whole number from 0 to 3, got true"),
        ("distributed: {zero_stage: 4}", "distributed.zero_stage must be a whole number from 0 to 3, got 4"),
        ("evaluation: {metrics: accuracy}", 'evaluation.metrics must be a list, each text, got "accuracy"'),
        ("evaluation: {metrics: [1]}", "evaluation.metrics must be a list, each text, got [1]"),
        ("training: 5", "training must be a mapping with epochs, max_steps"),
        ("model: [a]", "model must be a mapping with name, target, args"),
        ("model: {args: 3}", "model.args must be a mapping, got 3"),
        ("trackers: {mlflow: hello}", 'trackers.mlflow must be a mapping with enabled, artifacts, args, got "hello"'),
        ("trackers: [1]", "trackers must be a mapping, got [1]"),
        ("search_space: {lr: 3}", "search_space.lr must be a mapping with type, low, high, choices, or a list, got 3"),
        ("search_space: {lr: {low: 1}}", "lacks type: one of uniform, loguniform, int, categorical"),
        ("search_space: {lr: {type: log}}", 'search_space.lr.type must be one of uniform, loguniform, int, categorical, got "log"'),
        ("registry: {uri: ['a://u:pw@h']}", 'registry.uri must be text, got ["a://u:***@h"]'),
    ],
)  # fmt: skip
def test_a_wrong_value_says_what_is_allowed(text: str, said: str, tmp_path: Path) -> None:
    """The type in plain words, bounds or choices, and what was found instead."""
    error = problem(text, tmp_path)
    assert isinstance(error, ConfigValueError)
    assert said in error.message
    assert len(error.message.splitlines()) == 1


def test_all_problems_of_a_file_come_at_once(tmp_path: Path) -> None:
    """One line each, keys before values, and no more lines than a screen holds."""
    lines = problem("training:\n  epochs: 0\n  lrr: 1\n  batch: x\n", tmp_path).message.splitlines()
    assert [line.split(": ")[0].rsplit(":", 1)[1] for line in lines] == ["3", "2", "4"]
    many = "".join(f"zzz{i}: 1\n" for i in range(500))
    assert len(problem(many, tmp_path).message.splitlines()) == 21


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("epochs=ten", 'epochs=ten: epochs must be a whole number of at least 1, got "ten"'),
        ("optimizer.lr=x", "optimizer.lr=x: optimizer.lr must be a number"),
        ("lrr=1", "lrr=1: no such key lrr. Did you mean lr"),
    ],
)
def test_an_override_is_quoted(override: str, said: str) -> None:
    """The command line has no line numbers."""
    with pytest.raises(RegtrainError) as caught:
        load(None, overrides=[override], environ={})
    assert caught.value.message.startswith(said)


def test_a_variable_and_a_flag_are_named() -> None:
    """Instead of a file and line."""
    with pytest.raises(ConfigValueError, match=r"^REGTRAIN_BATCH_SIZE: training\.batch_size must be"):
        load(None, environ={"REGTRAIN_BATCH_SIZE": "many"})
    with pytest.raises(ConfigValueError, match=r"^--epochs: training\.epochs must be"):
        load(None, flags={"training.epochs": 0}, environ={})


def test_a_secret_stays_out_of_sources_and_messages() -> None:
    """The text of an override is shown in several places."""
    resolved = load(None, overrides=["registry.uri=a://u:secret@h/d"], environ={})
    assert resolved.config.registry.uri == "a://u:secret@h/d"
    assert "secret" not in str(resolved.sources)
    with pytest.raises(ConfigKeyError) as caught:
        load(None, overrides=["registry.url_=a://u:secret@h/d"], environ={})
    assert "secret" not in str(caught.value)


def test_every_error_is_bad_input() -> None:
    """Exit code 2 for scripts."""
    with pytest.raises(ConfigKeyError) as caught:
        from_mapping({"zzz": 1}, environ={})
    assert caught.value.exit_code == 2
    assert caught.value.hint
