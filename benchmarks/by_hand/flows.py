"""Rules about connections."""

from __future__ import annotations

from itertools import pairwise

from benchmarks.by_hand import tables as k
from benchmarks.by_hand.case import (
    BLOCK,
    DISMISS,
    ESCALATE,
    MONITOR,
    QUARANTINE,
    SECOND,
    Case,
    Event,
    from_user_path,
    near,
    stopped,
)
from benchmarks.by_hand.estate import Estate, instant
from benchmarks.by_hand.processes import sensitive

_BEACON, _EXFIL = k.LIMITS["beacon"], k.LIMITS["exfiltration"]


def flows(case: Case, events: list[Event]) -> int:
    """Replication of the directory, beacons, and data that leaves."""
    estate = case.estate
    for event in events:
        fields = event["fields"]
        protocol = fields.get("network", {}).get("protocol")
        if (
            protocol is not None
            and protocol.lower() == "drsuapi"
            and estate.is_controller(fields["destination"]["ip"])
            and not estate.is_controller(fields["source"]["ip"])
            and not stopped(event)
            and not estate.approved_flow(event)
        ):
            return ESCALATE
    best = exfiltration(estate, events)
    if best > ESCALATE and len(events) >= _BEACON["min_connections"]:
        best = min(best, beacons(estate, events))
    return best


def exfiltration(estate: Estate, events: list[Event]) -> int:
    """Much data left for an external address."""
    total = 0
    for event in events:
        total += event["fields"]["source"].get("bytes", 0)
    if total < _EXFIL["min_bytes"]:
        return DISMISS
    best = DISMISS
    pairs: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        fields = event["fields"]
        key = fields["source"]["ip"], fields["destination"]["ip"]
        pairs.setdefault(key, []).append(event)
    for (source, target), all_parts in pairs.items():
        if (
            sum(e["fields"]["source"].get("bytes", 0) for e in all_parts)
            < (_EXFIL["min_bytes"])
        ):
            continue
        if not estate.internal(source) or not estate.external(target):
            continue
        parts = [e for e in all_parts if not estate.approved_flow(e)]
        for first in all_parts:
            best = min(best, left(estate, first, parts, target))
    return best


def left(estate: Estate, first: Event, parts: list[Event], target: str) -> int:
    """What the data that left from one connection on asks for."""
    live = halted = 0
    for part in parts:
        if near(part, first, _EXFIL["within_seconds"]):
            sent = part["fields"]["source"].get("bytes", 0)
            if stopped(part):
                halted += sent
            else:
                live += sent
    if live >= _EXFIL["min_bytes"]:
        return ESCALATE if sensitive_source(estate, first) else QUARANTINE
    if halted >= _EXFIL["min_bytes"]:
        return MONITOR if estate.shared(target) else BLOCK
    return DISMISS


def sensitive_source(estate: Estate, flow: Event) -> bool:
    """True if a flow comes from restricted data, a leaver or a fragile machine."""
    ip = flow["fields"]["source"]["ip"]
    if sensitive(estate, flow) or estate.fragile_address(ip):
        return True
    return any(estate.named(ip, place) for place in estate.restricted())


def beacons(estate: Estate, events: list[Event]) -> int:
    """Calls at even intervals."""
    best = DISMISS
    found: dict[tuple[str, str, str], list[Event]] = {}
    for event in events:
        fields = event["fields"]
        image = fields.get("process", {}).get("name", "")
        key = fields["source"]["ip"], fields["destination"]["ip"], image
        found.setdefault(key, []).append(event)
    least = _BEACON["min_connections"]
    for (_, target, _), all_beats in found.items():
        if len(all_beats) < least or not estate.external(target):
            continue
        beats = [event for event in all_beats if not estate.approved_flow(event)]
        if len(beats) < least:
            continue
        if steady(beats):
            best = min(best, MONITOR)
            if all(map(stopped, beats)) and estate.blockable(target):
                best = min(best, BLOCK)
        live = [event for event in beats if not stopped(event)]
        if len(live) >= least and suspect(estate, live[0]) and steady(live):
            fields = live[0]["fields"]
            machine = fields.get("host")
            if estate.fragile_address(fields["source"]["ip"]) or (
                machine is not None and estate.must_not_isolate(machine["name"])
            ):
                return ESCALATE
            best = QUARANTINE
    return best


def steady(beats: list[Event]) -> bool:
    """True if most gaps are near the median one."""
    times = sorted(instant(beat["timestamp"]) for beat in beats)
    gaps = sorted(b - a for a, b in pairwise(times))
    median = gaps[len(gaps) // 2]
    if median < _BEACON["min_gap_seconds"] * SECOND:
        return False
    spread = median * _BEACON["gap_tolerance_percent"]
    near_it = sum(abs(gap - median) * 100 <= spread for gap in gaps)
    return near_it * 100 >= len(gaps) * _BEACON["steady_percent"]


def suspect(estate: Estate, first: Event) -> bool:
    """True for a known bad or rare address, or an untrusted process."""
    target = first["fields"]["destination"]
    indicators = [target["ip"]] + ([target["domain"]] if "domain" in target else [])
    if any(estate.known_bad(i) or estate.rare_and_new(i) for i in indicators):
        return True
    process = first["fields"].get("process")
    return process is not None and from_user_path(process)
