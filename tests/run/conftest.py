"""The small project of these tests."""

from support.cli.fixtures import project, trained

__all__ = ["project", "trained"]
