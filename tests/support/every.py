"""One test over a whole table, which reports every row that does not hold."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any


def for_every(cases: Iterable[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Call the test with each case as its first argument. The other arguments are fixtures that all cases share."""
    table = list(cases)
    assert table, "no case"

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @wraps(test)
        def run(**fixtures: Any) -> None:
            failed = []
            for case in table:
                try:
                    test(case, **fixtures)
                except Exception as error:
                    failed.append(f"{case}: {type(error).__name__}: {error}")
            assert not failed, f"{len(failed)} of {len(table)} do not hold:\n" + "\n".join(failed)

        _, *others = inspect.signature(test).parameters.values()
        run.__signature__ = inspect.Signature(others)  # type: ignore[attr-defined]
        return run

    return decorate
