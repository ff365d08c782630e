"""What all rules share: an incident while it is looked at, and small tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.by_hand import tables as k
from benchmarks.by_hand.estate import Estate, instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Event = dict[str, Any]
ESCALATE, QUARANTINE, BLOCK, MONITOR, DISMISS = range(5)
STOPPED = frozenset(("blocked", "quarantined"))
SECOND = 1_000_000_000
FILES = ("file.creation", "file.change")
# What a look at a process start says, beside the bits of `tables`.
DUMP_WORDS, REPLICATES, LOADS, OFFICE, HASH, SHELL = (1 << bit for bit in range(6, 12))


class Case:
    """An incident while it is looked at."""

    __slots__ = ("bits", "estate", "groups", "incident")

    def __init__(
        self, incident: Mapping[str, Any], groups: dict[str, list[Event]]
    ) -> None:
        self.incident = incident
        self.groups = groups
        self.estate = Estate(incident["context"])
        self.bits: list[tuple[int, Event]] = []


def stopped(event: Event) -> bool:
    """True if a control stopped it."""
    return event["fields"].get("disposition") in STOPPED


def host(event: Event) -> str:
    """The machine of an event, in small letters."""
    return str(event["fields"]["host"]["name"]).lower()


def says(text: str, table: Iterable[tuple[str, Any]]) -> bool:
    """True if a lower-case text holds all words of a row."""
    for word, rests in table:
        if word in text:
            for rest in rests:
                if all(other in text for other in rest):
                    return True
    return False


def any_in(parts: Iterable[str], text: str) -> bool:
    """True if a text holds a part."""
    for part in parts:  # noqa: SIM110 - faster than `any`
        if part in text:
            return True
    return False


def from_user_path(process: dict[str, Any]) -> bool:
    """True for an untrusted image in a path that users can write to."""
    path = process.get("executable")
    if path is None or not any_in(k.USER_WRITABLE, path.lower()):
        return False
    signature = process.get("code_signature")
    return signature is None or not signature["trusted"]


def original(process: dict[str, Any]) -> str | None:
    """The name that an image was built with."""
    pe = process.get("pe")
    return None if pe is None else pe["original_file_name"]


def near(later: Event, earlier: Event, seconds: int) -> bool:
    """True if an event follows another in time."""
    gap = instant(later["timestamp"]) - instant(earlier["timestamp"])
    return 0 <= gap <= seconds * SECOND
