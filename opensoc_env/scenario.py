"""Scenario files become scenarios, and a scenario with a key becomes a scene.

A file is data alone: facts that are drawn once (`cast`), events with slots such as
`${victim.name}`, twists that change one fact, and variants that name twists. Expansion
fills slots by name and evaluates nothing. The same scenario, twists and key give the
same scene; and because each fact has its own stream of draws, two scenes that differ
by one twist differ by that fact alone. Whether a scene is an attack is not known here:
that is the verifier's to say.
"""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache, cached_property
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.errors import OpenSocError
from opensoc_engine.loader import read_source
from opensoc_engine.policy.schema_validator import validate_node
from opensoc_engine.policy.yaml_reader import read_yaml, to_plain
from opensoc_engine.render import render_text
from opensoc_engine.schema_store import default_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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

_SLOT = re.compile(r"\$\{([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)\}")


class ScenarioError(OpenSocError):
    """A scenario file that can't be used; the text names the place and the remedy."""


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


@dataclass(frozen=True)
class Scenario:
    """One template; `spec` is what the file says, valid against the schema."""

    category: str
    name: str
    spec: Mapping[str, Any]
    variants: tuple[Variant, ...]

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
    decoys: tuple[Mapping[str, Any], ...] = ()
    pools: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


@cache
def load_library(folder: Path = FOLDER) -> Library:
    """The scenarios of a folder, in the order of file names.

    Raises:
        ScenarioError: A file is not valid; the text names each place.
    """
    scenarios: list[Scenario] = []
    decoys: list[Mapping[str, Any]] = []
    pools: dict[str, tuple[Any, ...]] = {}
    for path in sorted(folder.glob("*.yaml")):
        document = read_scenario_file(path)
        decoys += document.get("decoys", [])
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
    if not way or (isinstance(value, str) and _SLOT.fullmatch(value)):
        return True
    return isinstance(value, dict) and way[0] in value and _has(value[way[0]], way[1:])


def _paths(value: Any, before: str = "") -> Iterator[str]:
    """The path of each field inside."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield f"{before}{key}"
            yield from _paths(item, f"{before}{key}.")


def fill(value: Any, names: Mapping[str, Any], place: str) -> Any:
    """A value with its slots filled; a slot that is all of a text keeps its type.

    Raises:
        ScenarioError: A slot names nothing.
    """
    if isinstance(value, str):
        return _fill_text(value, names, place) if "$" in value else value
    if isinstance(value, list):
        return [fill(item, names, place) for item in value]
    if isinstance(value, dict):
        return {key: fill(item, names, place) for key, item in value.items()}
    return value


def _fill_text(text: str, names: Mapping[str, Any], place: str) -> Any:
    whole = _SLOT.fullmatch(text)
    if whole:
        value = _look_up(whole[1], names, place)
        return copy.deepcopy(value) if isinstance(value, dict | list) else value
    return _SLOT.sub(lambda slot: str(_look_up(slot[1], names, place)), text)


def _look_up(path: str, names: Mapping[str, Any], place: str) -> Any:
    value: Any = names
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            raise ScenarioError(f"{place}: no value for the slot `${{{path}}}`")
        value = value[name]
    return value


def slots(value: Any) -> Iterator[str]:
    """The first name of each slot in a value."""
    if isinstance(value, str):
        yield from (slot.partition(".")[0] for slot in _SLOT.findall(value))
    elif isinstance(value, list):
        yield from (name for item in value for name in slots(item))
    elif isinstance(value, dict):
        yield from (name for item in value.values() for name in slots(item))
