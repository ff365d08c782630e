"""Rules about files that are encrypted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.by_hand import tables as k
from benchmarks.by_hand.case import (
    DISMISS,
    ESCALATE,
    FILES,
    QUARANTINE,
    Case,
    Event,
    any_in,
    host,
    near,
    stopped,
)

if TYPE_CHECKING:
    from benchmarks.by_hand.estate import Estate

_RANSOM = k.LIMITS["ransomware"]


def encrypted(file: dict[str, Any]) -> bool:
    """True for a file that looks encrypted."""
    entropy, extension = file.get("entropy"), file.get("extension")
    if entropy is None:
        return extension in k.RANSOM
    is_dense = extension is None or extension in k.DENSE
    return not is_dense and entropy >= _RANSOM["min_entropy"]


def is_note(file: dict[str, Any]) -> bool:
    """True for a ransom note."""
    is_text = file.get("extension") in k.NOTE_EXTENSIONS
    return is_text and any_in(k.NOTES, file["path"].lower())


def ransom(case: Case, _events: list[Event]) -> int:
    """Many files were encrypted, or many notes left, in a short time."""
    events = [e for kind in FILES for e in case.groups.get(kind, ())]
    if len(events) < _RANSOM["min_notes"]:
        return DISMISS
    hits = []
    for event in events:
        file = event["fields"]["file"]
        if encrypted(file) or is_note(file):
            hits.append(event)
    if len(hits) < _RANSOM["min_notes"]:
        return DISMISS
    estate = case.estate
    hits = [
        event
        for event in hits
        if not stopped(event)
        and not estate.approved(event, "none")
        and "process" in event["fields"]
    ]
    machines: set[str] = set()
    best = DISMISS
    for first in events:
        burst = burst_from(first, hits)
        if massive(burst):
            best = QUARANTINE
            machines.add(host(first))
            if len(machines) > 1 or any(grave(estate, event) for event in burst):
                return ESCALATE
    return best


def burst_from(first: Event, hits: list[Event]) -> list[Event]:
    """The hits of one process that follow an event."""
    process = first["fields"].get("process")
    if process is None:
        return []
    name, machine = process["name"], host(first)
    return [
        event
        for event in hits
        if event["fields"]["process"]["name"] == name
        and host(event) == machine
        and near(event, first, _RANSOM["within_seconds"])
    ]


def massive(burst: list[Event]) -> bool:
    """True for many files or many notes."""
    if len(burst) < _RANSOM["min_notes"]:
        return False
    files = [event["fields"]["file"] for event in burst]
    if len({f["path"] for f in files if encrypted(f)}) >= _RANSOM["min_files"]:
        return True
    return len({f["path"] for f in files if is_note(f)}) >= _RANSOM["min_notes"]


def grave(estate: Estate, event: Event) -> bool:
    """True if a burst reached a file server, backups or a fragile machine."""
    name = event["fields"]["host"]["name"]
    if estate.must_not_isolate(name) or estate.has_role(
        name, ("file_server", "backup")
    ):
        return True
    return any_in(k.BACKUP_MARKS, event["fields"]["file"]["path"].lower())
