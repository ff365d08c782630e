"""Rules about a process start, which a look at names and words sorts first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.by_hand import tables as k
from benchmarks.by_hand.case import (
    DISMISS,
    DUMP_WORDS,
    ESCALATE,
    FILES,
    HASH,
    LOADS,
    MONITOR,
    OFFICE,
    QUARANTINE,
    REPLICATES,
    SHELL,
    Case,
    Event,
    any_in,
    from_user_path,
    host,
    near,
    original,
    says,
    stopped,
)

if TYPE_CHECKING:
    from benchmarks.by_hand.estate import Estate

_IMAGES_GET = k.IMAGES.get
_COMMAND = (
    k.TRANSFER | k.ARCHIVE | k.RECOVERY | k.DUMP | k.IMPAIR | k.LOLBIN
    | DUMP_WORDS | REPLICATES | LOADS | OFFICE
)  # fmt: skip


def start_bits(event: Event) -> int:
    """What a look at a process says about it."""
    process = event["fields"]["process"]
    command = process.get("command_line")
    bits = 0
    name = process["name"]
    rows = _IMAGES_GET(name)
    pe = process.get("pe")
    if pe is not None:
        more = _IMAGES_GET(pe["original_file_name"])
        if more is not None and more is not rows:
            rows = more if rows is None else rows + more
    if command is not None:
        text = command.lower()
        if "::" in text or "-" in text:
            if any_in(k.DUMP_WORDS, text):
                bits |= DUMP_WORDS
            if any_in(k.REPLICATION_WORDS, text):
                bits |= REPLICATES
        if says(text, k.LOADERS):
            bits |= LOADS
    else:
        text = ""
    if rows is not None:
        for bit, needs in rows:
            if not bits & bit:
                for need in needs:
                    if need not in text:
                        break
                else:
                    bits |= bit
    parent = process.get("parent")
    if parent is not None:
        parent_name = parent["name"]
        if parent_name in k.OFFICE and (
            name in k.SHELLS_OR_LOLBINS
            or (pe is not None and pe["original_file_name"] in k.SHELLS_OR_LOLBINS)
        ):
            bits |= OFFICE
        if parent_name in k.PARENTS and (
            name in k.SHELLS
            or (pe is not None and pe["original_file_name"] in k.SHELLS)
        ):
            bits |= SHELL
    return bits | (HASH if "hash" in process else 0)


def starts(case: Case, events: list[Event]) -> int:
    """Rules about a process start alone; what others need is put down in `bits`."""
    best, estate = DISMISS, case.estate
    for event in events:
        bits = start_bits(event)
        if bits:
            best = min(best, start(estate, event, bits))
            if best == ESCALATE:
                return ESCALATE
        case.bits.append((bits, event))
    return best


def start(estate: Estate, event: Event, bits: int) -> int:
    """The strongest action that one process start asks for."""
    fields = event["fields"]
    is_bad = bool(bits & OFFICE)
    if not is_bad and bits & HASH:
        is_bad = estate.known_bad(fields["process"]["hash"]["sha256"])
    if not (bits & _COMMAND or is_bad) or estate.approved_command(event):
        return DISMISS
    best = MONITOR if bits & (k.ARCHIVE | k.RECOVERY | k.IMPAIR | k.LOLBIN) else DISMISS
    if bits & LOADS or is_bad or bits & (k.DUMP | DUMP_WORDS | k.TRANSFER):
        best = MONITOR
    if stopped(event):
        return best
    name = fields["host"]["name"]
    if bits & REPLICATES:
        return ESCALATE
    if bits & (k.LOLBIN | k.IMPAIR) and estate.is_tier_zero(name):
        return ESCALATE
    if bits & (k.DUMP | DUMP_WORDS) or is_bad:
        return ESCALATE if estate.must_not_isolate(name) else QUARANTINE
    if bits & k.TRANSFER:
        return ESCALATE if sensitive(estate, event) else QUARANTINE
    return best


def sensitive(estate: Estate, event: Event) -> bool:
    """True if restricted data, a leaver or a fragile machine is involved."""
    fields = event["fields"]
    user, machine = fields.get("user"), fields.get("host")
    if user is not None and estate.is_leaver(user["name"]):
        return True
    if machine is None:
        return False
    name = machine["name"]
    return estate.must_not_isolate(name) or name.lower() in {
        place.lower() for place in estate.restricted()
    }


def widespread(case: Case, events: list[Event]) -> int:
    """The same bad image on several machines."""
    if len(events) < k.LIMITS["malware"]["widespread_hosts"]:
        return DISMISS
    hosts: dict[str, set[str]] = {}
    estate = case.estate
    for bits, event in case.bits:
        process = event["fields"]["process"]
        if not bits & HASH or stopped(event):
            continue
        sha = process["hash"]["sha256"]
        is_bad = bits & OFFICE or estate.known_bad(sha)
        if not is_bad and not ("code_signature" in process and from_user_path(process)):
            continue
        if not estate.approved_command(event):
            hosts.setdefault(sha, set()).add(host(event))
    least = k.LIMITS["malware"]["widespread_hosts"]
    return ESCALATE if any(len(names) >= least for names in hosts.values()) else DISMISS


def ran(case: Case, use: Event, run: Event) -> bool:
    """True if a run is of what a use brought."""
    process = run["fields"]["process"]
    if not from_user_path(process) or host(use) != host(run) or stopped(run):
        return False
    if not near(run, use, k.LIMITS["lolbin"]["run_within_seconds"]):
        return False
    path = process["executable"].lower()
    if path in use["fields"]["process"].get("command_line", "").lower():
        return True
    for kind in FILES:
        for drop in case.groups.get(kind, ()):
            fields = drop["fields"]
            writer = fields.get("process")
            if (
                writer is not None
                and fields["file"]["path"].lower() == path
                and (writer["name"] in k.LOLBINS or original(writer) in k.LOLBINS)
                and host(drop) == host(use)
            ):
                return True
    return False


def payloads(case: Case, events: list[Event]) -> int:
    """What a program of the system brought was run."""
    if len(events) < 2:  # noqa: PLR2004 - a use and a run
        return DISMISS
    best, estate = DISMISS, case.estate
    for bits, use in case.bits:
        if not bits & k.LOLBIN or stopped(use) or estate.approved_command(use):
            continue
        for _, run in case.bits:
            if run is not use and ran(case, use, run):
                if estate.must_not_isolate(use["fields"]["host"]["name"]):
                    return ESCALATE
                best = QUARANTINE
    return best
