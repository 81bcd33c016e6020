"""One offer for people: signature, documentation, requirement and traits of its factory."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Any

from regtrain.errors import Guard
from regtrain.host.loading import limited
from regtrain.host.offers import Offer

__all__ = ["describe"]


class _Bare(str):
    """An annotation that is shown as it was written, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def describe(offer: Offer) -> dict[str, Any]:
    """The offer as JSON values; `signature` and `arguments` are None and `doc` empty where the factory cannot be asked.

    The factory is asked, not called. That may import the package which it requires, within the time limit of an import.
    """
    signature, arguments, doc, source = None, None, "", ""
    with Guard(), limited(offer.name):
        factory = inspect.unwrap(offer.factory)
        source = _source(factory)
        doc = inspect.getdoc(factory) or ""
        found = _signature(factory)
        signature, arguments = str(found), [str(parameter) for parameter in found.parameters.values()]
    return {
        "kind": offer.kind,
        "name": offer.name,
        "plugin": offer.plugin,
        "distribution": offer.distribution,
        "signature": signature,
        "arguments": arguments,
        "doc": doc,
        "requires": offer.requires or None,
        "missing": offer.missing() or None,
        "traits": json.loads(json.dumps(dict(offer.traits), default=str)),
        "source": source,
    }


def _source(factory: Callable[..., Any]) -> str:
    """`module:name` of the factory, or of its class where it is an object."""
    named = factory if hasattr(factory, "__qualname__") else type(factory)
    return f"{named.__module__}:{named.__qualname__}"


def _signature(factory: Callable[..., Any]) -> inspect.Signature:
    found = inspect.signature(factory)
    parameters = [parameter.replace(annotation=_bare(parameter.annotation)) for parameter in found.parameters.values()]
    # `__init__` returns None, but calling its class does not
    returned = inspect.Signature.empty if isinstance(factory, type) else _bare(found.return_annotation)
    return found.replace(parameters=parameters, return_annotation=returned)


def _bare(annotation: Any) -> Any:
    return _Bare(annotation) if isinstance(annotation, str) else annotation
