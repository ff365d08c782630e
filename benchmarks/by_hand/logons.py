"""Rules about logons, and about what they brought."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.by_hand import tables as k
from benchmarks.by_hand.case import (
    BLOCK,
    DISMISS,
    ESCALATE,
    MONITOR,
    QUARANTINE,
    SECOND,
    SHELL,
    Case,
    Event,
    host,
    near,
    stopped,
)
from benchmarks.by_hand.estate import Estate, instant, is_local, is_machine

if TYPE_CHECKING:
    from collections.abc import Iterable

_BRUTE = k.LIMITS["brute_force"]
_REMOTE = frozenset(("network", "network_cleartext", "remote_interactive"))


def guesses(case: Case, events: list[Event]) -> list[Event]:
    """Failed logons that nobody explained."""
    found = []
    for event in events:
        fields = event["fields"]
        attempt = fields["event"]
        if attempt["outcome"] != "failure" or "source" not in fields:
            continue
        if attempt.get("reason", "").lower() not in k.IGNORED_FAILURES:
            found.append(event)
    if len(found) < _BRUTE["min_failures"]:
        return []
    return [event for event in found if not approved_logon(case.estate, event)]


def approved_logon(estate: Estate, event: Event) -> bool:
    """True if a record covers a logon."""
    fields = event["fields"]
    if "source" not in fields or "host" not in fields:
        return False
    for record in estate.context["authorisations"]:
        target = record["destination"]
        if (
            record["tool"].lower() == "logon"
            and estate.authorised(
                fields["user"]["name"],
                fields["host"]["name"],
                "logon",
                target,
                event["timestamp"],
            )
            and estate.named(fields["source"]["ip"], target)
        ):
            return True
    return False


def brute_force(case: Case, events: list[Event]) -> int:
    """Many failed logons from one address, and perhaps a success."""
    if len(events) < _BRUTE["min_failures"]:
        return DISMISS
    best, estate, found = DISMISS, case.estate, guesses(case, events)
    by_source: dict[str, list[tuple[int, Event]]] = {}
    for event in found:
        pair = instant(event["timestamp"]), event
        by_source.setdefault(event["fields"]["source"]["ip"], []).append(pair)
    for first in events:
        source = first["fields"].get("source")
        if source is None:
            continue
        tries = by_source.get(source["ip"], ())
        if len(tries) < _BRUTE["min_failures"]:
            continue
        best = min(best, tried(estate, first, source["ip"], tries))
        if best == ESCALATE:
            return ESCALATE
    return best


def tried(
    estate: Estate, first: Event, ip: str, tries: Iterable[tuple[int, Event]]
) -> int:
    """What the tries around one logon ask for."""
    at, fields = instant(first["timestamp"]), first["fields"]
    window = _BRUTE["within_seconds"] * SECOND
    least, best = _BRUTE["min_failures"], DISMISS
    if sum(0 <= when - at <= window for when, _ in tries) >= least:
        if estate.fragile_address(ip):
            return ESCALATE
        if estate.internal(ip):
            best = QUARANTINE
        elif estate.external(ip):
            best = MONITOR if estate.shared(ip) else BLOCK
    if fields["event"]["outcome"] == "success":
        window = _BRUTE["success_within_seconds"] * SECOND
        before = [event for when, event in tries if 0 <= at - when <= window]
        names = {event["fields"]["user"]["name"].lower() for event in before}
        if len(before) >= least and fields["user"]["name"].lower() in names:
            return ESCALATE
    return best


def moves(case: Case, events: list[Event]) -> int:
    """A service or shell started right after a network logon."""
    begun = [event for bits, event in case.bits if bits & SHELL and not stopped(event)]
    begun += case.groups.get("service.creation", ())
    if not begun:
        return DISMISS
    best, estate = DISMISS, case.estate
    reached: dict[str, set[str]] = {}
    for logon in events:
        fields = logon["fields"]
        source = fields.get("source")
        if (
            fields["event"]["outcome"] != "success"
            or fields.get("logon_type") not in _REMOTE
            or source is None
            or is_machine(fields["user"]["name"])
        ):
            continue
        ip = source["ip"]
        for event in begun:
            if not arrived(estate, logon, ip, event):
                continue
            name = event["fields"]["host"]["name"]
            if estate.is_tier_zero(name) or estate.fragile_address(ip):
                return ESCALATE
            best = QUARANTINE
            reached.setdefault(ip, set()).add(name.lower())
            if len(reached[ip]) >= k.LIMITS["lateral"]["spreading_hosts"]:
                return ESCALATE
    return best


def arrived(estate: Estate, logon: Event, ip: str, event: Event) -> bool:
    """True if a logon brought what was started."""
    fields = event["fields"]
    machine = fields["host"]["name"]
    if (
        host(logon) != machine.lower()
        or not near(event, logon, k.LIMITS["lateral"]["logon_within_seconds"])
        or is_local(ip)
        or estate.named(ip, machine)
    ):
        return False
    image = fields.get("process", {}).get("name", "none")
    tool = fields.get("service", {}).get("name", image)
    user, at = logon["fields"]["user"]["name"], event["timestamp"]
    return not any(
        estate.named(ip, record["destination"])
        and estate.authorised(user, machine, tool, record["destination"], at)
        for record in estate.context["authorisations"]
    )
