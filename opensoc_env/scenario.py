"""Scenario files become scenarios, and a scenario with a key becomes a scene.

A file is data alone: facts that are drawn once (`cast`), events with slots such as
`${victim.name}`, twists that change one fact, and variants that name twists. Expansion
fills slots by name and evaluates nothing. The same scenario, twists and key give the
same scene; and because each fact has its own stream of draws, two scenes that differ
by one twist differ by that fact alone. Whether a scene is an attack is not known here:
that is the verifier's to say.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache, cached_property
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.loader import read_source
from opensoc_engine.policy.schema_validator import validate_node
from opensoc_engine.policy.yaml_reader import read_yaml, to_plain
from opensoc_engine.render import render_text
from opensoc_engine.schema_store import default_store
from opensoc_env.templates import SLOT, ScenarioError, Template

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SCHEMA = "scenario.schema.json"
FOLDER = Path(__file__).parent / "scenarios"
BINDINGS = ("actor", "asset", "tool", "destination")
TICKET_FACTS = {
    "authorised": "a record allows the activity",
    "expired": "the record had expired",
    **{f"wrong_{name}": f"the record names another {name}" for name in BINDINGS},
}
ADDS = "+"
"""What the path of a field that a twist adds begins with."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A way that a scenario can go.

    Attributes:
        expect: The action that the author expects; it balances choices, no more.
        twists: The twists in force.
        stages: Numbers of the stages that use it.
        unseen: True if only hold-out seeds use it.
        evasion: True if it does the same thing in another way, to slip by a rule.
    """

    name: str
    expect: str
    twists: tuple[str, ...]
    stages: frozenset[int]
    unseen: bool
    evasion: bool


@dataclass(frozen=True, slots=True)
class EventSpec:
    """An event of a story, or a series of them, as its file says it.

    Attributes:
        label: What twists call it.
        at: Seconds after the start, from the least to the most; `gap` is the time
            between two of a series.
        count: How many there are, unless it happens once for `each` of some values.
        only_with: It happens if one of these twists is in force; always if it is None.
        not_with: It does not happen if one of these is.
    """

    label: str
    type: str
    source: str
    at: tuple[int, int]
    gap: tuple[int, int]
    count: Template
    each: tuple[Template, ...]
    fields: Template
    only_with: frozenset[str] | None
    not_with: frozenset[str]

    def is_in(self, twists: frozenset[str]) -> bool:
        """True if it happens with some twists in force."""
        wanted = self.only_with is None or not self.only_with.isdisjoint(twists)
        return wanted and self.not_with.isdisjoint(twists)


@dataclass(frozen=True, slots=True)
class Decoy:
    """A benign story; `spec` is what the file says."""

    spec: Mapping[str, Any]
    events: tuple[EventSpec, ...]


@dataclass(frozen=True)
class Scenario:
    """One template; `spec` is what the file says, valid against the schema."""

    category: str
    name: str
    spec: Mapping[str, Any]
    variants: tuple[Variant, ...]

    @cached_property
    def events(self) -> tuple[EventSpec, ...]:
        """What happens, without the changes of twists."""
        return event_specs(self.spec["events"])

    @cached_property
    def text(self) -> str:
        """All that the file says, to look for words in."""
        return json.dumps(self.spec)

    @property
    def twist_names(self) -> tuple[str, ...]:
        """All twists: those of the file, then those that a ticket brings."""
        ticket = TICKET_FACTS if "authorisation" in self.spec else ()
        return (*self.spec.get("twists", {}), *ticket)

    def allows(self, twist: str, others: tuple[str, ...]) -> bool:
        """True if a twist means something beside others."""
        needs = self.twist(twist).get("after", ())
        return all(name in others for name in needs)

    def recast(self, twists: tuple[str, ...]) -> dict[str, Any]:
        """The facts that twists draw in another way, and that way."""
        parts = [self.twist(name) for name in twists]
        return {part["cast"]: part["to"] for part in parts if "cast" in part}

    def fact(self, twist: str) -> str:
        """What a twist changes, in words."""
        return str(self.twist(twist)["fact"])

    def twist(self, name: str) -> Mapping[str, Any]:
        """A twist of the file; the twists of a ticket have an empty one.

        Raises:
            ScenarioError: There is no such twist.
        """
        found = self.spec.get("twists", {}).get(name)
        if found is not None:
            return dict(found)
        if "authorisation" in self.spec and name in TICKET_FACTS:
            after = () if name == "authorised" else ("authorised",)
            return {"fact": TICKET_FACTS[name], "after": after}
        known = ", ".join(self.twist_names)
        raise ScenarioError(f"{self.name}: no twist `{name}`; there are: {known}")


@dataclass(frozen=True, slots=True)
class Library:
    """Everything that the scenario files hold.

    Attributes:
        pools: Values that scenarios share, by the name of the pool.
    """

    scenarios: tuple[Scenario, ...] = ()
    decoys: tuple[Decoy, ...] = ()
    pools: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


@cache
def load_library(folder: Path = FOLDER) -> Library:
    """The scenarios of a folder, in the order of file names.

    Raises:
        ScenarioError: A file is not valid; the text names each place.
    """
    scenarios: list[Scenario] = []
    decoys: list[Decoy] = []
    pools: dict[str, tuple[Any, ...]] = {}
    for path in sorted(folder.glob("*.yaml")):
        document = read_scenario_file(path)
        stories = document.get("decoys", [])
        decoys += [Decoy(story, event_specs(story["events"])) for story in stories]
        pools |= {k: tuple(v) for k, v in document.get("pools", {}).items()}
        category = document.get("category", "")
        made = [_scenario(category, s) for s in document.get("scenarios", [])]
        for scenario in made:
            _check_paths(scenario, path)
        scenarios += made
    return Library(tuple(scenarios), tuple(decoys), pools)


def read_scenario_file(path: Path) -> dict[str, Any]:
    """The plain values of a file that is valid against the schema.

    Raises:
        ScenarioError: It is not; the text shows the lines.
    """
    collector = DiagnosticCollector()
    source = read_source(path, collector)
    node = source and read_yaml(source, collector)
    if node and validate_node(node, SCHEMA, default_store(), collector):
        return dict(_plain(to_plain(node)))
    raise ScenarioError(render_text(collector.sorted()))


def event_specs(specs: Iterable[Mapping[str, Any]]) -> tuple[EventSpec, ...]:
    """The events of a story; one without a label is called by its number."""
    return tuple(_event_spec(spec, str(at)) for at, spec in enumerate(specs))


def _event_spec(spec: Mapping[str, Any], number: str) -> EventSpec:
    repeat = spec.get("repeat", {"count": 1, "gap": (1, 1)})
    wanted = spec.get("only_with")
    return EventSpec(
        label=spec.get("as", number),
        type=spec["type"],
        source=spec["source"],
        at=tuple(spec["at"]),
        gap=tuple(repeat["gap"]),
        count=Template(repeat["count"]),
        each=tuple(map(Template, spec.get("each", ()))),
        fields=Template(spec["fields"]),
        only_with=None if wanted is None else frozenset(wanted),
        not_with=frozenset(spec.get("not_with", ())),
    )


def _plain(value: Any) -> Any:
    """Values as JSON has them: an exact decimal becomes a number."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | None) else float(value)


def _scenario(category: str, spec: Mapping[str, Any]) -> Scenario:
    stages = frozenset(spec.get("stages", (1, 2, 3, 4)))
    variants = tuple(
        Variant(
            name,
            variant["expect"],
            tuple(variant.get("with", ())),
            frozenset(variant.get("stages", stages)) & stages,
            variant.get("unseen", False),
            variant.get("evasion", False),
        )
        for name, variant in spec["variants"].items()
    )
    scenario = Scenario(category, spec["name"], spec, variants)
    for variant in variants:
        _check_twists(scenario, variant)
    return scenario


def _check_twists(scenario: Scenario, variant: Variant) -> None:
    for name in variant.twists:
        if not scenario.allows(name, variant.twists):
            needs = ", ".join(scenario.twist(name)["after"])
            place = f"{scenario.name}, variant `{variant.name}`"
            raise ScenarioError(f"{place}: twist `{name}` also needs {needs}")


def _check_paths(scenario: Scenario, file: Path) -> None:
    """Refuse a twist that sets a field which its event lacks, or adds one it has."""
    events: dict[str, list[Mapping[str, Any]]] = {}
    for number, event in enumerate(scenario.spec["events"]):
        events.setdefault(event.get("as", str(number)), []).append(event["fields"])
    for name, twist in scenario.spec.get("twists", {}).items():
        label = twist.get("event", "")
        for fields, path in product(events.get(label, ()), twist.get("set", ())):
            problem = _path_problem(fields, path)
            if problem:
                place = f"{file}: {scenario.name}, twist `{name}`, event `{label}`"
                raise ScenarioError(f"{place}: {problem}")


def _path_problem(fields: Mapping[str, Any], path: str) -> str:
    """What is wrong with a path of an event; empty if nothing is."""
    plain = path.removeprefix(ADDS)
    has = _has(fields, plain.split("."))
    if has and plain != path:
        return f"there is a field `{plain}`; write it without `{ADDS}` to change it"
    if has or plain != path:
        return ""
    near = get_close_matches(plain, list(_paths(fields)), 1)
    hint = f"did you mean `{near[0]}`? " if near else ""
    return f"no field `{plain}`; {hint}`{ADDS}{plain}` adds one"


def _has(value: Any, way: list[str]) -> bool:
    """True if a way leads somewhere; what a slot will hold is not known yet."""
    if not way or (isinstance(value, str) and SLOT.fullmatch(value)):
        return True
    return isinstance(value, dict) and way[0] in value and _has(value[way[0]], way[1:])


def _paths(value: Any, before: str = "") -> Iterator[str]:
    """The path of each field inside."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield f"{before}{key}"
            yield from _paths(item, f"{before}{key}.")
