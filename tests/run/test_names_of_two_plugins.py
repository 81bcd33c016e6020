"""Two plugins that offer one name: the run says which it takes."""

from __future__ import annotations

from support.cli.projects import Project

RIVAL = """
from regtrain.hookspecs import hookimpl

def slow(params, lr):
    import torch
    return torch.optim.SGD(params, lr=lr / 2)

@hookimpl
def regtrain_register_optimizers(register):
    register("sgd", slow)

@hookimpl
def regtrain_register_callbacks(register):
    register("progress", lambda context: 1 / 0)

@hookimpl
def regtrain_register_commands(register):
    import click
    register("run", lambda: click.Command("run", callback=lambda: click.echo("rival")))
"""


def test_a_run_says_which_of_two_it_takes(project: Project) -> None:
    """Refused before anything is built; with the distribution before the name it is that one. What nobody asked for,
    such as the progress of the run, is regtrain's own."""
    project.write("site/rival.py", RIVAL)
    project.write("site/rival-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: rival\nVersion: 1.0\n")
    project.write("site/rival-1.0.dist-info/entry_points.txt", "[regtrain]\nrival = rival\n")
    refused = project("plan", "run.yaml", "--json")
    assert (refused.code, refused.error()["code"]) == (2, "plugin")
    assert refused.error()["hint"] == "say which one: regtrain:SGD or rival:sgd"
    versions = [project.train(f"optimizer.name={name}")["version"] for name in ("regtrain:SGD", "RIVAL:SGD")]
    assert versions == ["1.0.0", "1.1.0"]
    shown = project("config", "show", "run.yaml", "optimizer.name=rival:sgd")
    assert "rival:sgd" in shown.out
    listed = {one["name"]: one for one in project("plugins", "list", "--json").json()}
    assert "optimizer 'SGD' is also offered by plugin 'optimizers-torch' of regtrain" in listed["rival"]["clashes"]
    assert "CLASH: optimizer 'sgd' is also offered by plugin 'rival' of rival" in " ".join(
        project("plugins", "list").out.split()
    )
    assert project("rival:run").out == "rival\n"
    asked = project("run", "run.yaml", "--json", "callbacks.progress.enabled=true", "optimizer.name=rival:sgd")
    assert asked.error()["hint"] == "say which one: regtrain:progress or rival:progress"
