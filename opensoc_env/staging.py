"""A scenario, its twists and a key become a scene: timed events and a changed estate.

What a twist changes is one fact. Events carry seconds since the start, not times, and
have no ids yet: the generator mixes in decoys before it names anything.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from opensoc_env import places
from opensoc_env.scenario import ADDS, BINDINGS, EventSpec, Scenario
from opensoc_env.templates import ScenarioError, Template

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from opensoc_env.casting import Cast
    from opensoc_env.estate import Estate

LEAD_UP = "long"
"""The twist that adds the events that lead up to a scene."""

_YEAR_START = datetime(2026, 1, 5, tzinfo=UTC)
_NOTHING = Template(None)
_NETWORK_LISTS = ("shared_egress", "internal")


@dataclass(frozen=True, slots=True)
class Moment:
    """An event without a name: what happened so many seconds after the start."""

    offset: int
    label: str
    event: dict[str, Any]


@dataclass(slots=True)
class Scene:
    """What happened, in which organisation.

    Attributes:
        cast: Facts, and the machines and accounts that must be shown.
        start: When the first second is.
    """

    cast: Cast
    start: datetime
    moments: list[Moment] = field(default_factory=list)

    @property
    def estate(self) -> Estate:
        """The organisation with what the twists changed."""
        return self.cast.estate

    def time(self, offset: int) -> str:
        """The time so many seconds after the start."""
        at = self.start + timedelta(seconds=offset)
        return f"{at.isoformat().removesuffix('+00:00')}Z"

    def stage(self, specs: Iterable[EventSpec], twists: frozenset[str]) -> None:
        """Add the events that the twists leave in."""
        for spec in specs:
            if spec.is_in(twists):
                self.moments += self._moments(spec)

    def _moments(self, spec: EventSpec) -> Iterator[Moment]:
        label, cast = spec.label, self.cast
        offset = self._between(spec.at, label, "at")
        values = spec.each or [_NOTHING] * int(cast.filled(spec.count))
        for turn, value in enumerate(values):
            if turn:
                offset += self._between(spec.gap, label, "gap", turn - 1)
            fields = cast.filled(spec.fields, each=cast.filled(value), i=turn)
            event = {"event_type": spec.type, "source": spec.source, "fields": fields}
            yield Moment(offset, label, event)

    def _between(self, bounds: Sequence[int], *name: str | int) -> int:
        """A number from the stream of a name; a stream takes time, so none in vain."""
        least, most = bounds
        return least if least == most else self.cast.stream(*name).randint(least, most)


def perform(scenario: Scenario, twists: tuple[str, ...], cast: Cast) -> Scene:
    """The scene that a scenario makes of its cast, with some twists in force.

    Raises:
        ScenarioError: The scenario names something that is not there.
    """
    parts = [scenario.twist(name) for name in twists if name != LEAD_UP]
    scene = Scene(cast, _start(cast))
    for record in scenario.spec.get("estate", ()):
        _add(scene, record)
    scene.stage(scenario.events, frozenset(twists))
    for part in parts:
        _change(scene, part)
    if "authorised" in twists:
        ticket = scenario.spec["authorisation"]
        scene.estate["authorisations"].append(_ticket(scene, ticket, frozenset(twists)))
    return scene


def _start(cast: Cast) -> datetime:
    draw = cast.stream("start")
    day, second = draw.randrange(350), draw.randrange(86_400)
    return _YEAR_START + timedelta(days=day, seconds=second)


def _change(scene: Scene, twist: Mapping[str, Any]) -> None:
    new = scene.cast.fill(dict(twist.get("set", {})))
    if "host" in twist:
        scene.cast.host(twist["host"]).update(new)
    if "user" in twist:
        scene.cast.user(twist["user"]).update(new)
    if "add" in twist:
        _add(scene, twist)
    if "event" in twist:
        _change_events(scene, twist["event"], new)


def _change_events(scene: Scene, label: str, new: Mapping[str, Any]) -> None:
    found = [moment for moment in scene.moments if moment.label == label]
    if not found:
        raise ScenarioError(f"{scene.cast.place}: no event `{label}` to change")
    for moment in found:
        for path, value in new.items():
            *way, last = path.removeprefix(ADDS).split(".")
            node = moment.event["fields"]
            for name in way:
                node = node.setdefault(name, {})
            node[last] = copy.deepcopy(value)


def _add(scene: Scene, record: Mapping[str, Any]) -> None:
    item, where = scene.cast.fill(record["item"]), record["add"]
    if where in _NETWORK_LISTS:
        scene.estate["networks"][where].append(item)
    elif where == "baselines":
        # One thing has one usual amount: the new one takes the place of the old one.
        kept = [b for b in scene.estate[where] if not _same_measure(b, item)]
        scene.estate[where] = [*kept, item]
    else:
        scene.estate[where].append(item)


def _same_measure(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one[key] == other[key] for key in ("entity", "measure"))


def _ticket(
    scene: Scene, spec: Mapping[str, Any], twists: frozenset[str]
) -> dict[str, Any]:
    """The record that allows the scene, but for the binding that a twist spoils."""
    draw = scene.cast.stream("ticket")
    bound = scene.cast.fill({name: spec[name] for name in BINDINGS})
    for name in BINDINGS:
        if f"wrong_{name}" in twists:
            bound[name] = _other(scene, name, str(bound[name]))
    begin = -draw.randrange(1_800, 7_200, 300)
    end = draw.randrange(14_400, 28_800, 900)
    shift = -draw.randrange(36_000, 100_000, 900) if "expired" in twists else 0
    number = draw.randrange(1_000, 10_000)
    return {
        "id": f"{spec['kind'][:3].upper()}-{number}",
        "kind": spec["kind"],
        **bound,
        "start": scene.time(begin + shift),
        "end": scene.time(end + shift),
    }


def _other(scene: Scene, binding: str, value: str) -> str:
    """Another value of the same kind, so that only a reader of the record notices."""
    cast = scene.cast
    draw = cast.stream("other", binding)
    host = next((h for h in scene.estate["hosts"] if h["name"] == value), None)
    if binding == "actor":
        return cast.free_user(draw, "service" if value.startswith("svc-") else "staff")
    if host is not None:
        return str(cast.another_host(draw, host["os"])["name"])
    if value[0].isdigit():
        return cast.free_address(draw)
    if places.is_country(value):
        return places.far(draw, value).country
    if binding == "asset":
        return f"{value}-staging"
    if binding == "destination" and value.isupper():
        return f"{value[:-4]}{draw.randrange(1_000, 10_000)}"
    pool = cast.pools["tools" if binding == "tool" else "vendors"]
    return str(draw.choice([item for item in pool if item != value]))
