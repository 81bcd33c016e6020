"""Errors of arguments: text that cannot be parsed, and values of a wrong kind."""

from __future__ import annotations

from regtrain_registry.errors.registry_error import RegistryError

__all__ = [
    "ArgumentError",
    "DigestSyntaxError",
    "FilterSyntaxError",
    "NameNotAllowedError",
    "PolicyError",
    "RefSyntaxError",
    "RegistryUrlError",
    "TextTooLongError",
    "VersionSyntaxError",
]


class NameNotAllowedError(RegistryError):
    """A name of a model, an alias or an artifact that breaks the rule of names."""

    code = "name"


class TextTooLongError(RegistryError):
    """Text that is longer than its column."""

    code = "text_too_long"


class ArgumentError(RegistryError):
    """A value of a wrong kind, or out of its range."""

    code = "argument"


class RefSyntaxError(RegistryError):
    """Text that does not name a version in any of the accepted forms."""

    code = "ref"


class VersionSyntaxError(RegistryError):
    """Text that is not a semantic version, or not a range of them."""

    code = "version"


class FilterSyntaxError(RegistryError):
    """Text that is no filter or no order of a list; the hint has a caret under what is wrong."""

    code = "filter"


class DigestSyntaxError(RegistryError):
    """Text that is no digest of data, and too short for the beginning of one."""

    code = "digest"


class PolicyError(RegistryError):
    """A policy with a key or a value that is not one of a policy."""

    code = "policy"


class RegistryUrlError(RegistryError):
    """A database or store URL that cannot be parsed."""

    code = "registry_url"
