"""A document from outside becomes a normal incident, or a list of what is wrong.

A normal incident fits `incident.schema.json`, holds only finite numbers and text that
can be written as UTF-8, names every event by its own log id, and has its events in
total order: by instant, then by log id. Everything behind this border relies on that
and checks nothing again.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opensoc_engine import OpenSocError, Problem, validate_document
from opensoc_env.models import MAX_EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

INCIDENT_SCHEMA = "incident.schema.json"
ACTIONS_SCHEMA = "actions.schema.json"
# The schema's own limit; looked at first, so that a flood of events costs nothing.
MAX_INCIDENT_EVENTS = 512
_NANOSECONDS = 1_000_000_000
_SHOWN_PROBLEMS = 5
_MAX_KEY = 64


class IncidentError(OpenSocError):
    """An incident that can't be used.

    Attributes:
        problems: Every problem with its place and what was expected there.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(describe_problems(self.problems)))


def describe_problems(problems: Sequence[Problem]) -> list[str]:
    """The first problems as one line each, and how many more there are."""
    lines = [_describe(problem) for problem in problems[:_SHOWN_PROBLEMS]]
    rest = len(problems) - len(lines)
    return [*lines, f"and {rest} more"] if rest > 0 else lines


def place(path: Iterable[str | int]) -> str:
    """A path as people write it.

    >>> place(("events", 0, "fields"))
    'events[0].fields'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{_key(part)}"
    return text.removeprefix(".") or "the document"


def normalise_incident(document: Any) -> dict[str, Any]:
    """The incident, checked, with its events in order; the argument is left alone.

    Raises:
        IncidentError: It does not fit; `problems` names every place.
    """
    events = document.get("events") if isinstance(document, dict) else None
    _refuse_flood(events, MAX_INCIDENT_EVENTS)
    _refuse(validate_document(INCIDENT_SCHEMA, document))
    _refuse_unwritable(document)
    return {**document, "events": order_events(document["events"])}


def craft_incident(crafted: Any, estate: Mapping[str, Any]) -> dict[str, Any]:
    """A normal incident from what an attacker sent and an estate that is trusted.

    Raises:
        IncidentError: The attacker's part does not fit.
    """
    events = crafted.get("events") if isinstance(crafted, dict) else None
    _refuse_flood(events, MAX_EVENTS)
    document = {"craft_incident": crafted}
    problems = validate_document(ACTIONS_SCHEMA, document)
    _refuse([Problem(p.path[1:], p.message, p.expected) for p in problems])
    _refuse_unwritable(crafted)
    return {**crafted, "events": order_events(crafted["events"]), "context": estate}


def order_events(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events by instant, then by log id.

    Raises:
        IncidentError: Two events share a log id, or a time does not exist.
    """
    problems: list[Problem] = []
    first: dict[str, int] = {}
    keyed: list[tuple[tuple[int, str], dict[str, Any]]] = []
    for at, event in enumerate(events):
        log_id = event["log_id"]
        if first.setdefault(log_id, at) != at:
            problems.append(_duplicate(log_id, first[log_id], at))
        try:
            keyed.append(((instant(event["timestamp"]), log_id), event))
        except ValueError:
            problems.append(_no_such_time(event["timestamp"], at))
    _refuse(problems)
    keyed.sort(key=lambda pair: pair[0])
    return [event for _, event in keyed]


def instant(timestamp: str) -> int:
    """Nanoseconds since 1970 in UTC of an RFC 3339 time with an offset.

    >>> instant("1970-01-01T01:00:00.000000001+01:00")
    1

    Raises:
        ValueError: There is no such time, or it has no offset.
    """
    fraction = ""
    if "." in timestamp:
        head, tail = timestamp.split(".", 1)
        fraction = tail[: len(tail) - len(tail.lstrip("0123456789"))]
        timestamp = head + tail[len(fraction) :]
    moment = datetime.fromisoformat(timestamp)
    if moment.tzinfo is None:
        raise ValueError("a time without an offset names no instant")
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    seconds = since.days * 86_400 + since.seconds
    return seconds * _NANOSECONDS + int(fraction.ljust(9, "0")[:9] or "0")


def _refuse(problems: Sequence[Problem]) -> None:
    if problems:
        raise IncidentError(problems)


def _refuse_flood(events: Any, limit: int) -> None:
    if isinstance(events, list) and len(events) > limit:
        message = f"{len(events)} events are too many"
        raise IncidentError([Problem(("events",), message, f"at most {limit} events")])


def _refuse_unwritable(document: Any) -> None:
    """NaN, infinity and lone surrogates fit the schema but not JSON or UTF-8."""
    try:
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        message = "it holds a number that is not finite, or text that is not Unicode"
        expected = "finite numbers and text without lone surrogates"
        raise IncidentError([Problem((), message, expected)]) from None


def _duplicate(log_id: str, first: int, second: int) -> Problem:
    message = f"log id `{log_id}` names events[{first}] and events[{second}]"
    return Problem(("events", second, "log_id"), message, "a log id of its own")


def _no_such_time(timestamp: str, at: int) -> Problem:
    path = ("events", at, "timestamp")
    expected = "an RFC 3339 time with an offset, such as 2026-03-02T09:15:00Z"
    return Problem(path, f"there is no time `{timestamp}`", expected)


def _key(text: str) -> str:
    """A key in a place; one that a stranger made up is cut and quoted."""
    plain = text.replace("_", "").isalnum() and text.isascii()
    return text if plain and len(text) <= _MAX_KEY else json.dumps(text[:_MAX_KEY])


def _describe(problem: Problem) -> str:
    text = f"{place(problem.path)}: {problem.message}"
    return f"{text}; expected {problem.expected}" if problem.expected else text
