"""A recording becomes verdicts of the verifier, with an account of every record.

A recording with more events than an incident may have is cut into windows of that many
consecutive events, and each gets a verdict of its own: evidence that is spread over two
windows is not put together. Records that became no event are counted under their
reason. Only events and the estate reach the verifier: no title, claim or story does.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from opensoc_engine.schema_store import validate_document
from opensoc_env.incident import (
    MAX_INCIDENT_EVENTS,
    IncidentError,
    describe_problems,
    normalise_incident,
)
from opensoc_env.telemetry.estate_defaults import default_estate
from opensoc_env.telemetry.normaliser import Normalised, Skipped, normalise
from opensoc_env.telemetry.reader import Fault
from opensoc_env.telemetry.record import windows_record
from opensoc_env.telemetry.recordings import (
    NOTHING_PUBLISHED,
    OwnIncident,
    Record,
    Recording,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from opensoc_engine.decision import Decision, Finding
    from opensoc_env.judge import Judge
    from opensoc_env.telemetry.mapping import Mapping
    from opensoc_env.telemetry.recordings import Published

ESTATE_SCHEMA = "estate.schema.json"
OWN_SCHEMA = "opensoc"
_UNFIT = "its incident does not fit the schema"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one record."""

    record: Record
    result: Normalised | Skipped


@dataclass(frozen=True, slots=True)
class Label:
    """The verdict on one window of a recording.

    Attributes:
        name: Name of the recording.
        key: Tells the recordings of one file apart.
        is_window: True if the recording was cut.
        outcomes: What became of each record, in the order of the file.
        incident: What the verifier saw; None if there was nothing to see.
        decision: The verdict; None without an incident.
        published: What the author of the recording says of it.
    """

    name: str
    line: int
    key: str
    is_window: bool
    outcomes: tuple[Outcome, ...]
    incident: dict[str, Any] | None
    decision: Decision | None
    published: Published

    @property
    def records(self) -> int:
        """How many records were read."""
        return len(self.outcomes)

    @property
    def events(self) -> int:
        """How many of them became events."""
        return self.records - self.skipped.total()

    @property
    def skipped(self) -> Counter[str]:
        """The reasons of the others; with `events` they add up to `records`."""
        results = (outcome.result for outcome in self.outcomes)
        return Counter(item.reason for item in results if isinstance(item, Skipped))

    @property
    def aside(self) -> int:
        """How many of the others a mapping knows and sets aside."""
        results = (outcome.result for outcome in self.outcomes)
        return sum(isinstance(r, Skipped) and bool(r.mapping) for r in results)

    @property
    def is_windows(self) -> bool:
        """True if the first record is a Windows event, known or not."""
        first = self.outcomes[0].record.raw if self.outcomes else None
        return isinstance(first, dict) and windows_record(first) is not None

    @property
    def span(self) -> tuple[str, ...]:
        """Log ids of the first and the last record."""
        ends = (*self.outcomes[:1], *self.outcomes[1:][-1:])
        return tuple(outcome.record.log_id for outcome in ends)

    @property
    def notes(self) -> Counter[str]:
        """What was left out of events or cut."""
        return Counter(chain.from_iterable(item.notes for item in self._normalised()))

    @property
    def telemetry(self) -> tuple[str, ...]:
        """The mappings that knew the records, sorted."""
        names = {outcome.result.mapping for outcome in self.outcomes}
        return tuple(sorted(names - {""}))

    @property
    def evidence(self) -> tuple[str, ...]:
        """Log ids that prove the action: those of the rules that lead to it."""
        found = (finding.evidence for finding in self._leading())
        return tuple(dict.fromkeys(chain.from_iterable(found)))

    @property
    def techniques(self) -> tuple[str, ...]:
        """ATT&CK techniques of the rules that lead to the action."""
        return _techniques(self._leading())

    @property
    def all_techniques(self) -> tuple[str, ...]:
        """ATT&CK techniques of every rule that fired."""
        return _techniques(self.decision.findings if self.decision else ())

    def to_json(self, path: str, *, with_events: bool = False) -> dict[str, Any]:
        """The label as JSON values; on request with the incident and its records."""
        decision = self.decision
        findings = decision.findings if decision else ()
        line: dict[str, Any] = {
            "recording": self.name,
            "path": path,
            "line": self.line,
            "span": list(self.span),
            "telemetry": list(self.telemetry),
            "action": decision.outcome if decision else None,
            "evidence": list(self.evidence),
            "techniques": list(self.techniques),
            "rules": [finding.to_json() for finding in findings],
            "policy_set": decision.policy_set if decision else None,
            "version": decision.version if decision else None,
            "digest": decision.digest if decision else None,
            "account": self._account(),
        }
        if with_events:
            line["incident"] = self.incident
            line["raw"] = [_raw_json(outcome) for outcome in self.outcomes]
        return line

    def _account(self) -> dict[str, Any]:
        return {
            "records": self.records,
            "events": self.events,
            "aside": self.aside,
            "skipped": dict(sorted(self.skipped.items())),
            "notes": dict(sorted(self.notes.items())),
        }

    def _normalised(self) -> Iterator[Normalised]:
        results = (outcome.result for outcome in self.outcomes)
        return (item for item in results if isinstance(item, Normalised))

    def _leading(self) -> list[Finding]:
        if self.decision is None:
            return []
        action = self.decision.outcome
        return [f for f in self.decision.findings if f.outcome == action]


def _techniques(findings: Iterable[Finding]) -> tuple[str, ...]:
    attacks = (finding.metadata.get("attack", {}) for finding in findings)
    found = (attack.get("techniques", ()) for attack in attacks)
    return tuple(dict.fromkeys(chain.from_iterable(found)))


def label_recording(
    item: Recording | OwnIncident, mappings: Sequence[Mapping], judge: Judge
) -> Iterator[Label | Fault]:
    """The verdicts on a recording, by the first mapping that knows each record.

    A fault comes before the label that has no verdict because of it.
    """
    if isinstance(item, OwnIncident):
        yield from _label_own(item, judge)
        return
    problem = _context_problem(item)
    if problem:
        yield Fault(item.line, f"{item.name}: {problem}")
        reason = "the estate of its recording does not fit the schema"
        yield _label(item, [Outcome(r, Skipped(reason)) for r in item.records])
        return
    windows = list(_windows(item.records, mappings))
    is_window = item.is_part or len(windows) > 1
    for outcomes in windows:
        yield from _judge(item, outcomes, judge, is_window=is_window)


def _context_problem(recording: Recording) -> str:
    if recording.context is None:
        return ""
    problems = validate_document(ESTATE_SCHEMA, recording.context)
    return "; ".join(f"context: {line}" for line in describe_problems(problems))


def _windows(
    records: Sequence[Record], mappings: Sequence[Mapping]
) -> Iterator[list[Outcome]]:
    window: list[Outcome] = []
    events = 0
    for record in records:
        result = _normalise(record, mappings)
        if isinstance(result, Normalised):
            if events == MAX_INCIDENT_EVENTS:
                yield window
                window, events = [], 0
            events += 1
        window.append(Outcome(record, result))
    yield window


def _normalise(record: Record, mappings: Sequence[Mapping]) -> Normalised | Skipped:
    if not isinstance(record.raw, dict):
        return Skipped("not a JSON object")
    return normalise(record.raw, record.log_id, mappings)


def _judge(
    item: Recording, outcomes: list[Outcome], judge: Judge, *, is_window: bool
) -> Iterator[Label | Fault]:
    results = [outcome.result for outcome in outcomes]
    events = [result.event for result in results if isinstance(result, Normalised)]
    if not events:
        yield _label(item, outcomes, is_window=is_window)
        return
    context = item.context or default_estate(events)
    try:
        incident = normalise_incident({"events": events, "context": context})
    except IncidentError as error:
        yield Fault(item.line, f"{item.name}: {error}")
        lost = [Outcome(o.record, _lost(o.result)) for o in outcomes]
        yield _label(item, lost, is_window=is_window)
        return
    yield _label(item, outcomes, incident, judge.truth(incident), is_window=is_window)


def _lost(result: Normalised | Skipped) -> Skipped:
    return result if isinstance(result, Skipped) else Skipped(_UNFIT)


def _label_own(item: OwnIncident, judge: Judge) -> Iterator[Label | Fault]:
    """The verdict on an incident in our own schema, whose log ids stay."""
    try:
        incident = _seen(item.document)
    except IncidentError as error:
        yield Fault(item.line, f"{item.name}: {error}")
        yield _label(item, _all_lost(item))
        return
    outcomes = [
        Outcome(Record(event["log_id"], event), Normalised(event, OWN_SCHEMA, ()))
        for event in incident["events"]
    ]
    yield _label(item, outcomes, incident, judge.truth(incident))


def _seen(document: dict[str, Any]) -> dict[str, Any]:
    """The events and the estate of a document; the default estate if it has none."""
    context = document.get("context", default_estate(()))
    normal = normalise_incident({**document, "context": context})
    events = normal["events"]
    if "context" not in document:
        context = default_estate(events)
    return {"events": events, "context": context}


def _all_lost(item: OwnIncident) -> list[Outcome]:
    events = enumerate(item.document["events"])
    records = (Record(f"L{item.line}-{at}", event) for at, event in events)
    return [Outcome(record, Skipped(_UNFIT)) for record in records]


def _label(
    item: Recording | OwnIncident,
    outcomes: Sequence[Outcome],
    incident: dict[str, Any] | None = None,
    decision: Decision | None = None,
    *,
    is_window: bool = False,
) -> Label:
    return Label(
        item.name,
        item.line,
        item.key,
        is_window,
        tuple(outcomes),
        incident,
        decision,
        NOTHING_PUBLISHED if isinstance(item, OwnIncident) else item.published,
    )


def _raw_json(outcome: Outcome) -> dict[str, Any]:
    line = {"log_id": outcome.record.log_id, "record": outcome.record.raw}
    if isinstance(outcome.result, Skipped):
        line["skipped"] = outcome.result.reason
    return line
