"""The context of an operation: the transaction that it is part of, the store, and the actor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from regtrain_registry.store.store import Store

__all__ = ["Actor", "Context"]


class Actor(NamedTuple):
    """The person or program that changes something, and the time of the change."""

    name: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Context:
    """What an operation inside one write transaction is given; `open_store` opens the store on its first call."""

    connection: Connection
    open_store: Callable[[], Store]
    actor: Actor

    @property
    def store(self) -> Store:
        """The store of the registry."""
        return self.open_store()

    @property
    def now(self) -> datetime:
        """The time of the change, the same for all that belongs to it."""
        return self.actor.now
