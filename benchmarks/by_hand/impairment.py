"""Rules about scripts, and about sensors and logs that are weakened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.by_hand import tables as k
from benchmarks.by_hand.case import (
    DISMISS,
    ESCALATE,
    HASH,
    MONITOR,
    QUARANTINE,
    Case,
    Event,
    any_in,
    from_user_path,
    host,
    near,
    says,
    stopped,
)

if TYPE_CHECKING:
    from benchmarks.by_hand.estate import Estate


def scripts(case: Case, events: list[Event]) -> int:
    """Rules about the text of a script."""
    best, estate = DISMISS, case.estate
    for event in events:
        text = event["fields"]["script"]["content"].lower()
        dumps = any_in(k.DUMP_WORDS, text)
        weak = says(text, k.IMPAIR_SCRIPTS)
        other = says(text, k.LOADERS) or says(text, k.RECOVERY_SCRIPTS)
        if not (dumps or weak or other) or estate.approved(event, "none"):
            continue
        best = min(best, MONITOR)
        name = event["fields"]["host"]["name"]
        if stopped(event):
            continue
        if dumps:
            if estate.must_not_isolate(name):
                return ESCALATE
            best = QUARANTINE
        if weak and estate.is_tier_zero(name):
            return ESCALATE
    return best


def weak_events(case: Case) -> list[Event]:
    """Events that weaken sensors, the firewall or logs."""
    estate = case.estate
    found = [
        event
        for bits, event in case.bits
        if bits & k.IMPAIR and not estate.approved_command(event)
    ]
    for event in case.groups.get("script.start", ()):
        text = event["fields"]["script"]["content"].lower()
        if says(text, k.IMPAIR_SCRIPTS) and not estate.approved(event, "none"):
            found.append(event)
    for event in case.groups.get("registry.change", ()):
        path = event["fields"]["registry"]["path"].lower()
        if any_in(k.IMPAIR_KEYS, path) and not estate.approved(event, "none"):
            found.append(event)
    found += [
        event
        for event in case.groups.get("log.clear", ())
        if not approved_clearing(estate, event)
    ]
    return found


def approved_clearing(estate: Estate, event: Event) -> bool:
    """True if a record covers the clearing of a log."""
    fields = event["fields"]
    user = fields.get("user")
    return user is not None and estate.authorised(
        user["name"],
        fields["host"]["name"],
        "wevtutil.exe",
        "none",
        event["timestamp"],
    )


def exploits(case: Case, _events: list[Event]) -> int:
    """Something untrusted ran on a machine that was weakened."""
    weak = weak_events(case)
    if not weak:
        return DISMISS
    best, estate = DISMISS, case.estate
    for bits, run in case.bits:
        process = run["fields"]["process"]
        is_bad = bits & k.LOLBIN or from_user_path(process)
        if not is_bad and bits & HASH:
            is_bad = estate.known_bad(process["hash"]["sha256"])
        if not is_bad or stopped(run):
            continue
        for event in weak:
            if (
                event is run
                or stopped(event)
                or host(event) != host(run)
                or not near(run, event, k.LIMITS["impairment"]["run_within_seconds"])
                or estate.approved_command(run)
            ):
                continue
            if estate.must_not_isolate(event["fields"]["host"]["name"]):
                return ESCALATE
            best = QUARANTINE
    return best


def registry(case: Case, events: list[Event]) -> int:
    """Sensors that are switched off in the registry."""
    best, estate = DISMISS, case.estate
    for event in events:
        path = event["fields"]["registry"]["path"].lower()
        if not any_in(k.IMPAIR_KEYS, path) or estate.approved(event, "none"):
            continue
        best = MONITOR
        name = event["fields"]["host"]["name"]
        if not stopped(event) and estate.is_tier_zero(name):
            return ESCALATE
    return best


def cleared(case: Case, events: list[Event]) -> int:
    """A log was cleared."""
    best, estate = DISMISS, case.estate
    for event in events:
        if approved_clearing(estate, event):
            continue
        best = MONITOR
        name = event["fields"]["host"]["name"]
        if not stopped(event) and estate.is_tier_zero(name):
            return ESCALATE
    return best
