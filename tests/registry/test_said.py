"""What is said of a version follows from the set of events about it, and from nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from regtrain_registry import VersionStatus
from regtrain_registry.domain.identities import Identity
from regtrain_registry.domain.said import Said, fold, in_order
from regtrain_registry.json_values import as_text
from regtrain_registry.refs import check_tag

UIDS = ("11111111-2222-3333-4444-555555555555", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NEXT = Identity(UIDS[0], "digits", "1.0.1", 2)
BEFORE = Said("made by hand", {"team": "vision", "a": "0"})


@dataclass(frozen=True)
class Event:
    """One that somebody told; its hash is where it stands."""

    kind: str
    facts: dict[str, Any]
    seq: int = 1
    at: datetime = NOON
    registry: str = UIDS[0]
    model: str = "digits"

    @property
    def hash(self) -> str:
        return f"{self.registry}/{self.seq}"


FACTS = st.one_of(
    st.tuples(st.just("tagged"), st.fixed_dictionaries({"tag": st.sampled_from("ab"), "value": st.sampled_from("123")})),
    st.tuples(st.just("untagged"), st.fixed_dictionaries({"tag": st.sampled_from("ab")})),
    st.tuples(st.just("described"), st.fixed_dictionaries({"text": st.sampled_from("xyz")})),
    st.tuples(
        st.just("deprecated"),
        st.fixed_dictionaries(
            {"reason": st.sampled_from("pq"), "successor_home": st.sampled_from((None, NEXT.to_json()))}
        ),
    ),
    st.tuples(st.just("archived"), st.fixed_dictionaries({"reason": st.sampled_from((None, "full"))})),
    st.tuples(st.just("restored"), st.fixed_dictionaries({"from": st.sampled_from(("archived", "expired", "archive"))})),
    st.tuples(st.sampled_from(("registered", "expired", "pinned", "imported")), st.just({})),
)  # fmt: skip


@st.composite
def lines(draw: st.DrawFn) -> list[Event]:
    """What two registries did: in each the events have their places, and a clock that anybody may set."""
    events = []
    for registry in UIDS:
        for seq, (kind, facts) in enumerate(draw(st.lists(FACTS, max_size=6)), start=1):
            at = NOON + timedelta(seconds=draw(st.integers(-3, 3)))
            events.append(Event(kind, facts, seq, at, registry))
    return events


@given(lines(), st.data())
def test_the_order_in_which_events_come_says_nothing(events: list[Event], data: st.DataObject) -> None:
    """Any two sets that make up the whole, in any order, with what both have."""
    whole = fold(BEFORE, events)
    assert fold(BEFORE, data.draw(st.permutations(events))) == whole
    left = data.draw(st.lists(st.sampled_from(events), max_size=8)) if events else []
    right = [event for event in events if event not in left] + left[:2]
    assert fold(BEFORE, [*left, *right]) == fold(BEFORE, [*right, *left]) == whole
    assert fold(whole, events) == whole


@given(lines())
def test_of_each_thing_the_last_one_is_right_who_spoke_of_it(events: list[Event]) -> None:
    """Held against the plainest way to find the last one."""

    def last(*kinds: str, **facts: Any) -> Event | None:
        spoken = [e for e in events if e.kind in kinds and facts.items() <= e.facts.items()]
        return max(spoken, key=lambda e: (moment(e), e.registry, e.seq), default=None)

    def moment(event: Event) -> datetime:
        return max(e.at for e in events if e.registry == event.registry and e.seq <= event.seq)

    said = fold(BEFORE, events)
    for name in "ab":
        event = last("tagged", "untagged", tag=name)
        assert said.tags.get(name) == (BEFORE.tags.get(name) if event is None else event.facts.get("value"))
    assert said.tags["team"] == "vision"
    described, deprecated = last("described"), last("deprecated")
    assert said.summary == (described.facts["text"] if described else BEFORE.summary)
    assert said.deprecation == (deprecated.facts["reason"] if deprecated else None)
    assert said.successor == (NEXT if deprecated and deprecated.facts["successor_home"] else None)
    put_away = [e for e in events if e.kind == "archived" or (e.kind == "restored" and e.facts["from"] == "archived")]
    lately = max(put_away, key=lambda e: (moment(e), e.registry, e.seq), default=None)
    assert said.archived == (lately is not None and lately.kind == "archived")
    assert said.why_archived == (lately.facts["reason"] if said.archived and lately else None)


@pytest.mark.parametrize(
    ("kinds", "status"),
    [
        ((), "ready"),
        (("deprecated",), "deprecated"),
        (("archived",), "archived"),
        (("deprecated", "archived", "restored"), "deprecated"),
        (("archived", "restored"), "ready"),
        (("archived", "deprecated"), "archived"),
        (("expired", "restored from expired"), "ready"),
        (("archived", "expired", "restored from expired"), "archived"),
    ],
)
def test_status_follows_from_what_was_done(kinds: tuple[str, ...], status: str) -> None:
    """Deprecated is never forgotten, archived stays until somebody restores it from there; what expired does not matter."""
    events = []
    for seq, name in enumerate(kinds, start=1):
        kind, _, state = name.partition(" from ")
        events.append(Event(kind, {"reason": "x", "from": state or "archived"}, seq))
    said = fold(BEFORE, events)
    assert said.status is VersionStatus(status)
    assert said.reason == (None if status == "ready" else "x")


def test_of_two_at_one_time_the_registry_decides() -> None:
    """Not who came first."""
    one, two = (Event("described", {"text": uid[:1]}, registry=uid) for uid in UIDS)
    assert fold(BEFORE, [one, two]).summary == fold(BEFORE, [two, one]).summary == "a"


def test_a_clock_that_was_set_back_does_not_turn_a_line_around() -> None:
    """What a registry said last, it says."""
    events = [
        Event("tagged", {"tag": "a", "value": "1"}, 1, NOON),
        Event("untagged", {"tag": "a"}, 2, NOON - timedelta(days=1)),
    ]
    assert fold(BEFORE, events).tags == {"team": "vision"}
    between = Event("tagged", {"tag": "a", "value": "2"}, 1, NOON - timedelta(hours=1), UIDS[1])
    assert fold(BEFORE, [*events, between]).tags == {"team": "vision"}


def test_what_no_event_speaks_of_stays() -> None:
    """A version that was archived, tagged and deprecated before there were events keeps all that."""
    before = Said("old", {"a": "0"}, archived=True, why_archived="full", deprecation="bad", successor=NEXT)
    assert fold(before, [Event("tagged", {"tag": "b", "value": "1"})]) == Said(
        "old", {"a": "0", "b": "1"}, archived=True, why_archived="full", deprecation="bad", successor=NEXT
    )
    assert fold(before, [Event("restored", {"from": "archived"})]).status is VersionStatus.DEPRECATED
    # A deprecation whose event does not say who the successor is.
    assert fold(before, [Event("deprecated", {"reason": "new", "successor": "digits@1.0.1"})]).successor == NEXT
    assert fold(before, [Event("deprecated", {"reason": "new", "successor": None})]).successor is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(("a", "archived", *UIDS)),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=4), children, max_size=3),
    max_leaves=6,
)  # fmt: skip
KEYS = ("tag", "value", "text", "reason", "successor_home", "successor", "from")
HOMES = st.fixed_dictionaries(dict.fromkeys(("registry", "model", "version", "number"), JSON))


@settings(max_examples=30)
@given(
    st.lists(
        st.builds(
            Event,
            st.sampled_from(("tagged", "untagged", "described", "deprecated", "archived", "restored", "merged", "?")),
            st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, JSON | HOMES)),
            st.integers(1, 3),
            st.datetimes(timezones=st.just(UTC)),
            st.sampled_from(UIDS),
        ),
        max_size=8,
    )
)
@example([Event("tagged", {"tag": ["a"], "value": {}})])
@example([Event("tagged", {"tag": "a b", "value": "1"}), Event("tagged", {"tag": "a", "value": "x" * 256}, 2)])
@example([Event("tagged", {"tag": "a\n", "value": "1"})])
@example([Event("untagged", {"tag": {}})])
@example([Event("restored", {"from": ["archived"]})])
@example([Event("deprecated", {"reason": "", "successor_home": NEXT.to_json() | {"number": True}})])
@example([Event("deprecated", {"reason": "", "successor_home": NEXT.to_json() | {"version": "1.0"}})])
@example([Event("deprecated", {"reason": "", "successor_home": NEXT.to_json() | {"model": "../x"}})])
@example([Event("deprecated", {"reason": "", "successor_home": NEXT.to_json() | {"registry": UIDS[0] + "\n"}})])
@example([Event("described", {"text": "zero\0 and \ud800"}, at=datetime.max.replace(tzinfo=UTC))])
def test_a_stranger_may_write_anything(events: list[Event]) -> None:
    """What does not read as one of ours says nothing; what does is as any of ours."""
    said = fold(BEFORE, events)
    for name, value in said.tags.items():
        assert check_tag(name, value) == (name, value)
    for text in (said.summary, said.why_archived, said.deprecation):
        assert text is None or text == as_text(text)
    if said.successor is not None:
        assert type(said.successor.number) is int
        assert all(
            type(part) is str for part in (said.successor.registry, said.successor.model, said.successor.version)
        )
    if not any(event.facts.get("successor_home") == NEXT.to_json() for event in events):
        assert said.successor is None


def test_an_event_counts_once() -> None:
    """However often it comes."""
    events = [Event("described", {"text": "x"}), Event("described", {"text": "y"}, 2)]
    assert in_order([*events, *reversed(events)]) == events
