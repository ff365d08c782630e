"""One recorded JSON object becomes one event of our schema, or a reason why not.

What a record does not say stays absent: no field is guessed. A recorded value that the
event schema has no room for is left out, and text longer than the schema allows is cut;
both are noted. A record that lacks a required field is skipped under a named reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opensoc_env.telemetry.conversions import is_naive, text, timestamp
from opensoc_env.telemetry.record import look_up, windows_record
from opensoc_env.telemetry.target import place

if TYPE_CHECKING:
    from collections.abc import Mapping as Map
    from collections.abc import Sequence

    from opensoc_env.telemetry.mapping import Condition, EventRule, FieldRule, Mapping

NAIVE_NOTE = "time without a zone, read as UTC"


@dataclass(frozen=True, slots=True)
class Normalised:
    """A record that became an event.

    Attributes:
        event: Valid against `event.schema.json`.
        mapping: Name of the mapping that knew the record.
        notes: What was left out or cut, a line each.
    """

    event: dict[str, Any]
    mapping: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record that became no event, and why; reasons are countable, not unique.

    Attributes:
        mapping: Name of the mapping that knows the record and sets it aside; empty if
            none does.
    """

    reason: str
    mapping: str = ""


def normalise(
    raw: Map[str, Any], log_id: str, mappings: Sequence[Mapping]
) -> Normalised | Skipped:
    """The event of a record, by the first of the mappings that knows its kind."""
    windows = windows_record(raw)
    if windows is not None:
        return _normalise_windows(windows, log_id, mappings)
    for mapping in mappings:
        if not mapping.windows and all(look_up(raw, p) for p in mapping.present):
            return _normalise(raw, log_id, mapping, "", _code(raw, mapping))
    names = ", ".join(mapping.name for mapping in mappings)
    return Skipped(f"not recognised as {names}")


def _code(raw: Map[str, Any], mapping: Mapping) -> str:
    return " ".join(map(str, _items(look_up(raw, mapping.code))))


def _items(value: Any) -> Sequence[Any]:
    """The items of a recorded list; a value that is none is its only item."""
    return value if isinstance(value, list) else [value]


def _normalise_windows(
    values: Map[str, Any], log_id: str, mappings: Sequence[Mapping]
) -> Normalised | Skipped:
    channel, code = str(values.get("System.Channel", "")), str(values["System.EventID"])
    provider = str(values.get("System.Provider", ""))
    for mapping in mappings:
        known = channel or mapping.providers.get(provider, "")
        if mapping.windows and _knows(mapping, known, code):
            return _normalise(values, log_id, mapping, known, code)
    return Skipped(_unmapped(channel or provider, code))


def _normalise(
    values: Map[str, Any], log_id: str, mapping: Mapping, channel: str, code: str
) -> Normalised | Skipped:
    rules = mapping.rules_for(channel, code)
    reader = _Reader(values, mapping.absent)
    rule = next((rule for rule in rules if reader.satisfies(rule)), None)
    if rule is not None:
        return reader.event(rule, log_id, mapping)
    if why := mapping.why_aside(channel, code):
        return Skipped(f"set aside: {why}", mapping.name)
    unmapped = _unmapped(channel or mapping.name, code)
    return Skipped(f"{unmapped} with these values" if rules else unmapped)


def _knows(mapping: Mapping, channel: str, code: str) -> bool:
    return bool(mapping.rules_for(channel, code) or mapping.why_aside(channel, code))


def _unmapped(origin: str, code: str) -> str:
    # Both come from the record: a hostile name must not flood the summary, and one
    # channel that is written in two ways is one channel.
    return f"no mapping for {origin[:80].lower()} {code[:40]}"


class _Reader:
    """Reads the fields of one record and notes what it leaves out."""

    def __init__(self, values: Map[str, Any], absent: frozenset[str]) -> None:
        self._values = values
        self._absent = absent
        self._notes: list[str] = []

    def satisfies(self, rule: EventRule) -> bool:
        """True if the record is of this kind."""
        return all(map(self._holds, rule.conditions))

    def _holds(self, condition: Condition) -> bool:
        items = _items(self._present(condition.source))
        return any(condition.holds(text(item) or "") for item in items)

    def event(
        self, rule: EventRule, log_id: str, mapping: Mapping
    ) -> Normalised | Skipped:
        """The record as an event of this kind."""
        fields: dict[str, Any] = {}
        for field in rule.fields:
            value = self._field(field)
            if value is not None:
                place(fields, field.path, value)
        missing = rule.shape.prune(fields, self._notes)
        if missing:
            return Skipped(f"{rule.event_type} needs {missing}, and it is not recorded")
        moment = self._moment(mapping.timestamp)
        if moment is None:
            return Skipped("no readable timestamp")
        event = {
            "event_type": rule.event_type,
            "source": rule.sensor,
            "timestamp": moment,
            "log_id": log_id,
            "fields": fields,
        }
        return Normalised(event, mapping.name, tuple(self._notes))

    def _present(self, source: str) -> Any:
        value = look_up(self._values, source)
        if isinstance(value, str) and value.strip() in self._absent:
            return None
        return value

    def _field(self, rule: FieldRule) -> Any:
        if not rule.sources:
            return rule.constant
        recorded = False
        for recorded_value in self._candidates(rule):
            value = self._taken(rule, recorded_value)
            if value is None:
                continue
            recorded = True
            fit = rule.leaf.fit(_converted(rule, value))
            if fit.value is not None:
                self._notes += [f"cut: {rule.name}"] if fit.cut else []
                return fit.value
        self._notes += [f"left out: {rule.name}"] if recorded else []
        return rule.missing

    def _candidates(self, rule: FieldRule) -> list[Any]:
        """The recorded values, best first; or else all of them as one."""
        values = [self._present(source) for source in rule.sources]
        if rule.join is None:
            return values
        parts = [text(value) for value in values]
        known = [part for part in parts if part is not None]
        return [rule.join.join(known)] if len(known) == len(parts) else []

    def _taken(self, rule: FieldRule, value: Any) -> Any:
        if rule.take is None or value is None:
            return value
        match = rule.take.search(text(value) or "")
        if match is None:
            return None
        taken = " ".join(group for group in match.groups() if group).strip()
        return None if taken in self._absent else taken

    def _moment(self, times: tuple[str, ...]) -> str | None:
        for source in times:
            value = self._present(source)
            moment = None if value is None else timestamp(value)
            if moment is not None:
                self._notes += [NAIVE_NOTE] if is_naive(value) else []
                return moment
        return None


def _converted(rule: FieldRule, value: Any) -> Any:
    for conversion in rule.conversions:
        if value is None:
            return None
        value = conversion(value)
    if rule.table is None or value is None:
        return value
    if isinstance(value, list):
        return [_meaning(rule, item) for item in value]
    return _meaning(rule, value)


def _meaning(rule: FieldRule, value: Any) -> Any:
    assert rule.table is not None
    return rule.table.get(str(value).strip().lower(), rule.otherwise)
