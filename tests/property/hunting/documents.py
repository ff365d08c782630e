"""Strategies of whole incidents: staged by the generator, mutated, or by schema."""

from __future__ import annotations

import copy
from functools import cache
from typing import TYPE_CHECKING, Any

from hunting.constants import numbers, texts
from hypothesis import reject
from hypothesis import strategies as st

from opensoc_engine.schema_store import default_store
from opensoc_env.generator import generate
from opensoc_env.incident import IncidentError, normalise_incident
from opensoc_env.models import TASKS

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

Incident = dict[str, Any]
Path = tuple[Any, ...]

# A schema's window holds more; small incidents shrink and run faster.
_MOST_EVENTS = 6
_TIMES = st.integers(0, 7200).map(
    lambda s: f"2026-03-02T{9 + s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}Z"
)
_FORMATS: dict[str, SearchStrategy[str]] = {
    "date-time": _TIMES,
    "ip-address": st.sampled_from(
        ("10.0.1.11", "10.0.1.12", "203.0.113.9", "198.51.100.3")
    ),
    "cidr": st.sampled_from(("10.0.0.0/8", "198.51.100.0/28")),
}


def staged() -> SearchStrategy[Incident]:
    """What the generator makes of a task, a seed and an index."""
    parts = (st.sampled_from(TASKS), st.integers(0, 10_000), st.integers(0, 3))
    return st.builds(generate, *parts).map(normalise_incident)


@st.composite
def mutated(draw: DrawFn) -> Incident:
    """A staged incident after one to four changes that the schema allows."""
    incident = copy.deepcopy(draw(staged()))
    for _ in range(draw(st.integers(1, 4))):
        draw(st.sampled_from((_set_leaf, _drop, _repeat, _move)))(draw, incident)
    return _normal(incident)


@st.composite
def whole(draw: DrawFn) -> Incident:
    """An estate of the generator and events that only the schema and rules shaped."""
    estate = draw(staged())["context"]
    events = draw(
        st.lists(
            _from_schema("event.schema.json", ""), min_size=1, max_size=_MOST_EVENTS
        )
    )
    named = [{**event, "log_id": f"L1-{at}"} for at, event in enumerate(events)]
    return _normal({"events": named, "context": estate})


def incidents() -> SearchStrategy[Incident]:
    """Any of the three kinds."""
    return staged() | mutated() | whole()


def _normal(incident: Incident) -> Incident:
    try:
        return normalise_incident(incident)
    except IncidentError:
        reject()


# ---- mutations: each changes the incident that it is given


def _set_leaf(draw: DrawFn, incident: Incident) -> None:
    path = draw(st.sampled_from(leaves(incident)))
    holder = incident
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = draw(_like(holder[path[-1]], path[-1]))


def _drop(draw: DrawFn, incident: Incident) -> None:
    events = incident["events"]
    if len(events) > 1:
        del events[draw(st.integers(0, len(events) - 1))]


def _repeat(draw: DrawFn, incident: Incident) -> None:
    events = incident["events"]
    again = copy.deepcopy(draw(st.sampled_from(events)))
    events.append({**again, "log_id": f"L2-{len(events)}"})


def _move(draw: DrawFn, incident: Incident) -> None:
    event = draw(st.sampled_from(incident["events"]))
    event["timestamp"] = draw(st.sampled_from(incident["events"]))["timestamp"]


def _like(value: Any, key: Any) -> SearchStrategy[Any]:
    """Values that may stand where a value stands."""
    if isinstance(value, bool):
        return st.booleans()
    if isinstance(value, int):
        return st.sampled_from(numbers())
    if key == "disposition":
        return st.sampled_from(("allowed", "blocked", "quarantined", "unknown"))
    return st.sampled_from(texts())


def leaves(value: Any, path: Path = ()) -> list[Path]:
    """Paths of the scalars of a document that are no time and no id."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [leaf for key, item in items for leaf in leaves(item, (*path, key))]
    kept = {"timestamp", "log_id", "event_type", "start", "end", "incident_id"}
    return [] if path[-1] in kept else [path]


# ---- a JSON Schema as a strategy


@cache
def _from_schema(file: str, pointer: str) -> SearchStrategy[Any]:
    node: Any = default_store().documents[file]
    for step in filter(None, pointer.split("/")):
        node = node[int(step)] if isinstance(node, list) else node[step]
    return st.deferred(lambda: _of(node, file))


def _of(node: dict[str, Any], file: str) -> SearchStrategy[Any]:
    if "$ref" in node:
        target, _, pointer = node["$ref"].partition("#")
        return _from_schema(target or file, pointer)
    if "oneOf" in node:
        return st.one_of([_of(branch, file) for branch in node["oneOf"]])
    if "const" in node or "enum" in node:
        return st.sampled_from(node.get("enum", [node.get("const")]))
    return _of_type(node, file)


def _of_type(node: dict[str, Any], file: str) -> SearchStrategy[Any]:
    match node.get("type"):
        case "object":
            return _object(node, file)
        case "array":
            most = min(node.get("maxItems", 2), 2)
            least = node.get("minItems", 0)
            return st.lists(_of(node["items"], file), min_size=least, max_size=most)
        case "boolean":
            return st.booleans()
        case "integer" | "number":
            low, high = node.get("minimum", 0), node.get("maximum", 2**31)
            return st.sampled_from([low, *(n for n in numbers() if low <= n <= high)])
    if node.get("format") in _FORMATS:
        return _FORMATS[node["format"]]
    if "pattern" in node:
        return st.from_regex(node["pattern"], fullmatch=True)
    most = node.get("maxLength", 128)
    return st.sampled_from([text for text in texts() if len(text) <= most] or ["x"])


def _object(node: dict[str, Any], file: str) -> SearchStrategy[dict[str, Any]]:
    parts = {name: _of(part, file) for name, part in node["properties"].items()}
    needed = set(node.get("required", ()))
    return st.fixed_dictionaries(
        {name: part for name, part in parts.items() if name in needed},
        optional={name: part for name, part in parts.items() if name not in needed},
    )
