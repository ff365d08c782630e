"""Mapping files: how the records of one kind of telemetry become events.

Turns a YAML file that `mapping.schema.json` has accepted into a `Mapping` in which
every target is a leaf of the event schema, every conversion and table exists and every
pattern is compiled. `MappingError` lists all that is wrong with a file at once.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import re2

from opensoc_engine.errors import OpenSocError
from opensoc_env.telemetry.conversions import CONVERSIONS
from opensoc_env.telemetry.target import Leaf, event_shapes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping as Map

    from opensoc_env.telemetry.conversions import Conversion
    from opensoc_env.telemetry.target import Shape

# What a leaf of each JSON type is read with when a field names no conversion.
_DEFAULT = {"integer": "integer", "number": "integer", "boolean": "boolean"}
ANY_CODE = "*"


class MappingError(OpenSocError):
    """A mapping file that can't be used; `str()` has one line a fault."""


@dataclass(frozen=True, slots=True)
class FieldRule:
    """Where one field of an event comes from.

    Attributes:
        path: Names below `fields`.
        leaf: What the event schema allows there.
        sources: Names in the record, best first; empty for a constant.
        join: Joins the values of all sources into one; None to take the best.
        take: Pattern whose groups are the value, or None.
        conversions: Applied in order.
        table: Meaning of recorded values, keys in lower case, or None.
        otherwise: Value of what the table lacks, or None.
        missing: Value where the record has none, or None.
        constant: The value where there are no sources.
    """

    path: tuple[str, ...]
    leaf: Leaf
    sources: tuple[str, ...]
    join: str | None
    take: Any
    conversions: tuple[Conversion, ...]
    table: Map[str, Any] | None
    otherwise: Any
    missing: Any
    constant: Any

    @property
    def name(self) -> str:
        """The path with dots, as the mapping file writes it."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Condition:
    """One field of a record and what it must hold."""

    source: str
    values: frozenset[str]
    pattern: Any

    def holds(self, value: str) -> bool:
        """True if the recorded text is one of the values or matches the pattern."""
        if self.pattern is not None:
            return self.pattern.search(value) is not None
        return value.lower() in self.values


@dataclass(frozen=True, slots=True)
class EventRule:
    """One kind of record and the event that it becomes."""

    title: str
    event_type: str
    sensor: str
    shape: Shape
    conditions: tuple[Condition, ...]
    fields: tuple[FieldRule, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping file, checked and compiled.

    Attributes:
        rules: Kinds of record by channel (in lower case, "" outside Windows) and code.
        aside: Why records of a channel and code become no event, where that is known.
    """

    name: str
    version: str
    windows: bool
    code: str
    present: tuple[str, ...]
    providers: Map[str, str]
    absent: frozenset[str]
    timestamp: tuple[str, ...]
    rules: Map[tuple[str, str], tuple[EventRule, ...]]
    aside: Map[tuple[str, str], str]

    def rules_for(self, channel: str, code: str) -> tuple[EventRule, ...]:
        """The kinds of record with this channel and code, in the order of the file."""
        key = channel.lower()
        return self.rules.get((key, code)) or self.rules.get((key, ANY_CODE), ())

    def why_aside(self, channel: str, code: str) -> str:
        """Why such a record becomes no event; empty if the mapping does not know it."""
        return self.aside.get((channel.lower(), code), "")


def compile_mapping(document: Map[str, Any], file_name: str) -> Mapping:
    """The mapping of a document that its JSON Schema has accepted.

    Raises:
        MappingError: A target, conversion, table, group or pattern is wrong.
    """
    compiler = _Compiler(document)
    rules: dict[tuple[str, str], tuple[EventRule, ...]] = {}
    for position, entry in enumerate(document["events"]):
        rule = compiler.event(entry, f"events.{position} ({entry['title']})")
        for key in _keys(entry):
            rules[key] = (*rules.get(key, ()), *rule)
    if document["mapping"] != file_name:
        compiler.faults.append(f"mapping: must be `{file_name}`, the name of the file")
    if compiler.faults:
        raise MappingError("\n".join(f"{file_name}: {f}" for f in compiler.faults))
    return Mapping(
        name=document["mapping"],
        version=document["version"],
        windows=document["shape"] == "windows-event",
        code=document.get("code", ""),
        present=_names(document.get("present", ())),
        providers=document.get("providers", {}),
        absent=frozenset({"", *document.get("absent", ())}),
        timestamp=_names(document["timestamp"]),
        rules=rules,
        aside={
            key: entry["why"]
            for entry in document.get("aside", ())
            for key in _keys(entry)
        },
    )


class _Compiler:
    """Compiles the entries of one file and collects what is wrong with them."""

    def __init__(self, document: Map[str, Any]) -> None:
        self._document = document
        self._tables = {
            name: {str(key).lower(): value for key, value in table.items()}
            for name, table in document.get("tables", {}).items()
        }
        self.faults: list[str] = []

    def event(self, entry: Map[str, Any], at: str) -> tuple[EventRule, ...]:
        """The rule of an entry; nothing if its event type is unknown."""
        shape = event_shapes().get(entry["event_type"])
        if shape is None:
            self._fault(at, "event type", entry["event_type"], event_shapes())
            return ()
        fields = self._fields(entry, shape, at)
        self._require(shape, (), {rule.path for rule in fields}, at)
        rule = EventRule(
            title=entry["title"],
            event_type=entry["event_type"],
            sensor=entry.get("sensor", self._document["sensor"]),
            shape=shape,
            conditions=tuple(
                self._condition(source, test, at)
                for source, test in entry.get("when", {}).items()
            ),
            fields=fields,
        )
        return (rule,)

    def _fields(
        self, entry: Map[str, Any], shape: Shape, at: str
    ) -> tuple[FieldRule, ...]:
        specs: dict[str, Any] = {}
        groups = self._document.get("groups", {})
        for name in _names(entry.get("use", ())):
            if name not in groups:
                self._fault(at, "group", name, groups)
            specs |= groups.get(name, {})
        specs |= entry["fields"]
        rules = (self._field(name, spec, shape, at) for name, spec in specs.items())
        return tuple(rule for rule in rules if rule)

    def _field(self, name: str, spec: Any, shape: Shape, at: str) -> FieldRule | None:
        path = tuple(name.split("."))
        leaf = shape.leaf(path)
        if leaf is None:
            self._fault(at, "field", name, map(".".join, shape.leaves()))
            return None
        spec = spec if isinstance(spec, dict) else {"from": spec}
        table = self._table(spec, leaf, f"{at}: {name}")
        return FieldRule(
            path=path,
            leaf=leaf,
            sources=_names(spec.get("from", ())),
            join=spec.get("join"),
            take=self._pattern(spec.get("take"), at),
            conversions=self._conversions(spec, leaf, at),
            table=table,
            otherwise=spec.get("otherwise"),
            missing=spec.get("missing"),
            constant=spec.get("value"),
        )

    def _table(self, spec: Map[str, Any], leaf: Leaf, at: str) -> Map[str, Any] | None:
        name = spec.get("table")
        if name is not None and name not in self._tables:
            self._fault(at, "table", name, self._tables)
        table = self._tables.get(name) if name is not None else None
        named = (spec.get(key) for key in ("value", "otherwise", "missing"))
        constants = [*(table or {}).values(), *named]
        item = leaf.items or leaf
        self.faults += [
            f"{at}: the event schema has no room for `{constant}`"
            for constant in constants
            if constant is not None and item.fit(constant).value != constant
        ]
        return table

    def _conversions(
        self, spec: Map[str, Any], leaf: Leaf, at: str
    ) -> tuple[Conversion, ...]:
        default = "text" if "table" in spec else _default_conversion(leaf)
        names = _names(spec.get("as", default))
        for name in names:
            if name not in CONVERSIONS:
                self._fault(at, "conversion", name, CONVERSIONS)
        return tuple(CONVERSIONS[name] for name in names if name in CONVERSIONS)

    def _condition(self, source: str, test: Any, at: str) -> Condition:
        if isinstance(test, list):
            return Condition(source, frozenset(v.lower() for v in test), None)
        return Condition(source, frozenset(), self._pattern(test["matches"], at))

    def _pattern(self, pattern: str | None, at: str) -> Any:
        try:
            return None if pattern is None else re2.compile(pattern, _quiet())
        except re2.error as error:
            why = error.args[0]
            text = why.decode() if isinstance(why, bytes) else why
            self.faults.append(f"{at}: `{pattern}` is no RE2 pattern: {text}")
            return None

    def _require(
        self,
        shape: Shape,
        at: tuple[str, ...],
        written: set[tuple[str, ...]],
        entry: str,
    ) -> None:
        for name in sorted(shape.required):
            node, path = shape.members[name], (*at, name)
            if not isinstance(node, Leaf):
                self._require(node, path, written, entry)
            elif path not in written:
                self.faults.append(f"{entry}: no source for `{'.'.join(path)}`")

    def _fault(self, at: str, kind: str, name: str, known: Iterable[str]) -> None:
        near = difflib.get_close_matches(name, list(known), n=1)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        self.faults.append(f"{at}: unknown {kind} `{name}`{hint}")


def _quiet() -> Any:
    options = re2.Options()
    options.log_errors = False
    return options


def _default_conversion(leaf: Leaf) -> str:
    if leaf.items is not None:
        return "ip_list" if leaf.items.is_ip else "one_item"
    return "ip" if leaf.is_ip else _DEFAULT.get(leaf.type, "text")


def _names(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _keys(entry: Map[str, Any]) -> list[tuple[str, str]]:
    codes = entry["code"] if isinstance(entry["code"], list) else [entry["code"]]
    channels = _names(entry.get("channel", ("",)))
    return [(channel.lower(), str(code)) for channel in channels for code in codes]
