"""The small project of these tests."""

from cli.fixtures import project, trained

__all__ = ["project", "trained"]
