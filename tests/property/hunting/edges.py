"""Incidents at the edges of rules: one to four facts set to what the rules turn on.

Each is staged by the generator, or taken from a case, and then changed. A number is
set to a constant or to its neighbours, a text to one that a rule compares that field
with, or to a near miss of it; an event is repeated about as often, and as far apart, as
a constant says; a fact of the estate is turned; a record of authorised work is made to
fit an event, but for at most one binding.
"""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, TypeAlias

from hunting.cases import proven
from hunting.compared import values_of_fields
from hunting.constants import numbers
from hunting.documents import leaves, staged
from hypothesis import strategies as st

from opensoc_env.incident import IncidentError, normalise_incident
from opensoc_env.models import MAX_EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import DrawFn, SearchStrategy

Incident: TypeAlias = dict[str, Any]
Event: TypeAlias = dict[str, Any]
_DAY = 86_400
_BINDINGS = ("actor", "asset", "tool", "destination")


@st.composite
def edged(draw: DrawFn, start: SearchStrategy[Incident] | None = None) -> Incident:
    """An incident after one to four changes; a change that does not fit is left out."""
    incident: Incident = draw(staged() | proven() if start is None else start)
    for change in draw(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=4)):
        changed = copy.deepcopy(incident)
        change(draw, changed)
        incident = _if_it_fits(changed, incident)
    return incident


def near(value: Any) -> SearchStrategy[Any]:
    """A constant, or what lies just beside it."""
    if isinstance(value, bool):
        return st.booleans()
    if isinstance(value, str):
        network = _network(value)
        texts = (value, f"{value}x", f"x{value}", value[:-1], value.upper())
        return st.sampled_from(network or texts)
    return st.sampled_from((int(value) - 1, int(value), int(value) + 1))


def suffix(path: tuple[Any, ...]) -> str:
    """The last two names of a path, as `values_of_fields` has them."""
    return ".".join([step for step in path if isinstance(step, str)][-2:])


def _if_it_fits(changed: Incident, before: Incident) -> Incident:
    if not 0 < len(changed["events"]) <= MAX_EVENTS:
        return before
    try:
        return normalise_incident(changed)
    except IncidentError:
        return before


def _network(text: str) -> tuple[str, ...]:
    """Both ends of a network, and the addresses beside them; empty if it is none."""
    if "/" not in text:
        return ()
    try:
        network = ip_network(text)
    except ValueError:
        return ()
    low, high = network[0], network[-1]
    ends = [str(low), str(high)]
    if int(low) > 0:
        ends.append(str(low - 1))
    if int(high) < 2**network.max_prefixlen - 1:
        ends.append(str(high + 1))
    return tuple(ends)


# ---- changes of events


def _set_compared(draw: DrawFn, incident: Incident) -> None:
    """A field gets a value that some rule compares it with, or one beside it."""
    known = values_of_fields()
    places = [path for path in leaves(incident) if suffix(path) in known]
    if places:
        path = draw(st.sampled_from(places))
        value = draw(near(draw(st.sampled_from(known[suffix(path)]))))
        _put(incident, path, value)


def _set_number(draw: DrawFn, incident: Incident) -> None:
    """A number gets any constant, for amounts that rules add up."""
    places = [path for path in leaves(incident) if type(_at(incident, path)) is int]
    if places:
        _put(incident, draw(st.sampled_from(places)), draw(st.sampled_from(numbers())))


def _repeat(draw: DrawFn, incident: Incident) -> None:
    """An event is there so often, so far apart."""
    event = draw(st.sampled_from(incident["events"]))
    free = MAX_EVENTS - len(incident["events"])
    times = draw(st.sampled_from([n for n in numbers() if n <= max(free, 0)]))
    gap = draw(st.sampled_from([n for n in numbers() if n * times <= _DAY]))
    for at in range(1, times + 1):
        again = copy.deepcopy(event)
        again["log_id"] = f"R{len(incident['events'])}-{at}"
        again["timestamp"] = later(event["timestamp"], at * gap)
        incident["events"].append(again)


def _drop(draw: DrawFn, incident: Incident) -> None:
    events = incident["events"]
    del events[draw(st.integers(0, len(events) - 1))]


def _move(draw: DrawFn, incident: Incident) -> None:
    """An event happens so long before or after another."""
    moved, other = (draw(st.sampled_from(incident["events"])) for _ in range(2))
    gap = draw(st.sampled_from([n for n in numbers() if n <= _DAY]))
    sign = draw(st.sampled_from((1, -1)))
    moved["timestamp"] = later(other["timestamp"], sign * gap)


def _flip_disposition(draw: DrawFn, incident: Incident) -> None:
    events = [e for e in incident["events"] if "disposition" in e["fields"]]
    if events:
        event = draw(st.sampled_from(events))
        other = ("allowed", "blocked", "quarantined", "unknown")
        event["fields"]["disposition"] = draw(st.sampled_from(other))


# ---- changes of the estate


def _flip_fact(draw: DrawFn, incident: Incident) -> None:
    """A machine or an account of the incident becomes another kind of one."""
    context = incident["context"]
    flags = [
        (item, name)
        for item in (*context["hosts"], *context["users"], *context["sensor_health"])
        for name, value in item.items()
        if isinstance(value, bool)
    ]
    if flags:
        item, name = draw(st.sampled_from(flags))
        item[name] = not item[name]


def _set_tier(draw: DrawFn, incident: Incident) -> None:
    hosts = incident["context"]["hosts"]
    if hosts:
        draw(st.sampled_from(hosts))["tier"] = draw(st.sampled_from(("T0", "T1", "T2")))


def _drop_fact(draw: DrawFn, incident: Incident) -> None:
    lists = [v for v in incident["context"].values() if isinstance(v, list) and v]
    facts = draw(st.sampled_from(lists))
    del facts[draw(st.integers(0, len(facts) - 1))]


def _record(draw: DrawFn, incident: Incident) -> None:
    """A record covers an event to the second, but for at most one binding."""
    event = draw(st.sampled_from(incident["events"]))
    kinds = draw(st.sampled_from(_kinds(incident)))
    slack = draw(st.sampled_from((0, 1, 60, -1)))
    record = {
        "id": f"HUNT-{len(incident['context']['authorisations'])}",
        "kind": kinds,
        **bindings_of(event["fields"]),
        "start": later(event["timestamp"], -slack),
        "end": later(event["timestamp"], slack),
    }
    missed = draw(st.sampled_from((None, *_BINDINGS)))
    if missed:
        record[missed] = "other"
    incident["context"]["authorisations"].append(record)


def _kinds(incident: Incident) -> list[str]:
    known = values_of_fields().get("authorisations.kind", ())
    used = [record["kind"] for record in incident["context"]["authorisations"]]
    return sorted({*known, *used, "change"})


_Change: TypeAlias = "Callable[[DrawFn, Incident], None]"
EVENT_CHANGES: tuple[_Change, ...] = (_repeat, _drop, _move, _flip_disposition)
CHANGES: tuple[_Change, ...] = (
    *EVENT_CHANGES,
    _set_compared,
    _set_number,
    _flip_fact,
    _set_tier,
    _drop_fact,
    _record,
)


def bindings_of(fields: dict[str, Any]) -> dict[str, str]:
    """Who did it, where, with what and to whom, as a record writes it."""
    to = fields.get("destination", {})
    return {
        "actor": fields.get("user", {}).get("name", "nobody"),
        "asset": fields.get("host", {}).get("name", "none"),
        "tool": fields.get("process", {}).get("name", "none"),
        "destination": to.get("domain") or to.get("ip") or "none",
    }


def later(timestamp: str, seconds: int) -> str:
    """A time so many seconds after another."""
    moment = datetime.fromisoformat(timestamp) + timedelta(seconds=seconds)
    return moment.isoformat().replace("+00:00", "Z")


def _at(document: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        document = document[step]
    return document


def _put(document: Any, path: tuple[Any, ...], value: Any) -> None:
    _at(document, path[:-1])[path[-1]] = value
