"""The documents of a file become recordings: records that belong together.

A document that holds a list of records (`Records` as CloudTrail delivers them, or
`events`) is one recording, and so is all that a file holds outside such documents. A
document that is an incident in our own schema passes as it is. A sample, which is one
event beside what its author says of it, is a recording of one record, and so is each
test of a rule that carries an event. Every record gets a log id that leads back to it:
`L7-2` is the third record of the document in line 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

from opensoc_env.telemetry.reader import MAX_TEXT, Document, Fault, read_documents

if TYPE_CHECKING:
    from collections.abc import Iterator

# Loose records are handed on in batches, so that a file may be larger than memory.
MAX_BATCH = 8192
_MAX_NAME = 128
_LISTS = ("events", "Records")
# What every event of our own schema has, and no telemetry.
_OWN_EVENT = frozenset({"event_type", "log_id", "fields"})


# A row of a data set that holds one event says one of these beside it.
_SAMPLE_MARKS = ("expected", "product")


@dataclass(frozen=True, slots=True)
class Published:
    """What the author of a recording says of it; nothing of it reaches the verifier.

    Attributes:
        product: Product or log that it comes from; empty if it says none.
        is_attack: True or False if it says so.
        tactics: ATT&CK tactics by their short names.
        techniques: ATT&CK technique ids.
    """

    product: str = ""
    is_attack: bool | None = None
    tactics: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()


NOTHING_PUBLISHED = Published()


@dataclass(frozen=True, slots=True)
class Record:
    """One recorded event as it was written; its log id is ours."""

    log_id: str
    raw: Any


@dataclass(frozen=True, slots=True)
class Recording:
    """Records of one origin, in the order of the file.

    Attributes:
        name: What the recording calls itself, or else where it stands.
        line: Where it begins.
        key: Tells the recordings of one file apart; batches share it.
        context: The estate that it brings, unchecked; None if it brings none.
        is_part: True for one of several batches.
        published: What its author says of it.
    """

    name: str
    line: int
    key: str
    records: tuple[Record, ...]
    context: Any = None
    is_part: bool = False
    published: Published = NOTHING_PUBLISHED


@dataclass(frozen=True, slots=True)
class OwnIncident:
    """A document in our own incident schema, unchecked."""

    name: str
    line: int
    key: str
    document: dict[str, Any]


def read_recordings(
    stream: BinaryIO, name: str
) -> Iterator[Recording | OwnIncident | Fault]:
    """The recordings of a file; `name` stands for those that have none."""
    loose = _Loose(name)
    for item in read_documents(stream):
        if isinstance(item, Fault):
            yield item
            continue
        for position, value in enumerate(_parts(item)):
            place = f"L{item.line}-{position}"
            at = f"{name}:{item.line}"
            whole = _whole(value, at, item.line, place)
            if whole is None:
                loose.add(Record(place, value), item)
            else:
                yield whole
            if loose.is_full:
                yield loose.take(is_last=False)
    if loose.records:
        yield loose.take(is_last=True)


def _parts(document: Document) -> list[Any]:
    value = document.value
    items = value if isinstance(value, list) else [value]
    return list(chain.from_iterable(map(_tests, items)))


def _tests(value: Any) -> list[Any]:
    """The tests of a rule, each with the rule's product; or else the value itself."""
    tests = value.get("tests") if isinstance(value, dict) else None
    if not isinstance(tests, list) or not tests or not all(map(_is_sample, tests)):
        return [value]
    products = value.get("log_types")
    product = products[0] if isinstance(products, list) and products else ""
    return [{**test, "product": product} for test in tests]


def _is_sample(value: Any) -> bool:
    """True for one event and what is said of it, where the event is not the whole."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("event"), dict)
        and any(mark in value for mark in _SAMPLE_MARKS)
        and "@timestamp" not in value
    )


def _whole(value: Any, at: str, line: int, key: str) -> Recording | OwnIncident | None:
    """The recording that a value holds; None if it is a single record."""
    if not isinstance(value, dict):
        return None
    name = _name(value) or at
    # Data sets hold an incident beside its label.
    for document in (value, value.get("incident")):
        if isinstance(document, dict) and _is_own(document.get("events")):
            return OwnIncident(name, line, key, document)
    published = _published(value)
    if _is_sample(value):
        sample = (Record(key, value["event"]),)
        return Recording(name, line, key, sample, published=published)
    found = next((value[n] for n in _LISTS if isinstance(value.get(n), list)), None)
    if found is None:
        return None
    records = (Record(f"L{line}-{i}", raw) for i, raw in enumerate(found))
    context = value.get("context")
    return Recording(name, line, key, tuple(records), context, published=published)


def _published(value: dict[str, Any]) -> Published:
    tactics = _texts(value.get("published_tactics"))
    expected = value.get("expected")
    return Published(
        product=str(value.get("product") or "")[:_MAX_NAME],
        is_attack=expected if isinstance(expected, bool) else bool(tactics) or None,
        tactics=tactics,
        techniques=_texts(value.get("published_techniques")),
    )


def _texts(value: Any) -> tuple[str, ...]:
    items = value if isinstance(value, list) else ()
    return tuple(item for item in items if isinstance(item, str))


def _is_own(events: Any) -> bool:
    first = events[0] if isinstance(events, list) and events else None
    return isinstance(first, dict) and first.keys() >= _OWN_EVENT


def _name(value: dict[str, Any]) -> str:
    names = (value.get("incident_id"), value.get("id"))
    found = next((name for name in names if isinstance(name, str) and name), "")
    return found[:_MAX_NAME]


class _Loose:
    """Collects the records that stand alone in a file."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._size = 0
        self._is_first = True
        self.records: list[Record] = []

    @property
    def is_full(self) -> bool:
        """True if the batch must be taken before more is added."""
        return len(self.records) >= MAX_BATCH or self._size >= MAX_TEXT

    def add(self, record: Record, document: Document) -> None:
        """Add a record; the whole size of its document counts for it."""
        if not isinstance(document.value, list):
            self._size += document.size
        self.records.append(record)

    def take(self, *, is_last: bool) -> Recording:
        """The records so far, as a batch."""
        line = int(self.records[0].log_id[1:].partition("-")[0])
        is_part = not (is_last and self._is_first)
        records = tuple(self.records)
        self.records, self._size, self._is_first = [], 0, False
        return Recording(self._name, line, "", records, is_part=is_part)
