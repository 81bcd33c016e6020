"""The small project of these tests."""

from support.cli.fixtures import bare_project, project, trained

__all__ = ["bare_project", "project", "trained"]
