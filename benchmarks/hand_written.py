"""The verifier rules as plain Python, written to be as fast as we can make it.

An incident becomes an action; nothing else is worked out. Events are grouped by type
once, a look at names and words says which rules can matter, and what is dear (records,
addresses, joins) is done only for what is left, and remembered for the incident. The
benchmark compares every label with the engine's. Nobody should have to maintain this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks import hand_tables as k
from benchmarks.hand_estate import Estate, instant, is_local, is_machine, url_hosts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Event = dict[str, Any]
ESCALATE, QUARANTINE, BLOCK, MONITOR, DISMISS = range(5)
ACTIONS = ("escalate", "quarantine_host", "block_ip", "monitor", "dismiss")
STOPPED = frozenset(("blocked", "quarantined"))
SECOND = 1_000_000_000
FILES = ("file.creation", "file.change")
REMOTE = frozenset(("network", "network_cleartext", "remote_interactive"))

_BRUTE, _BEACON, _EXFIL = (
    k.LIMITS[n] for n in ("brute_force", "beacon", "exfiltration")
)
_RANSOM, _CLOUD, _PHISH = (k.LIMITS[n] for n in ("ransomware", "cloud", "phishing"))
_IMAGES_GET = k.IMAGES.get
# Bits of a process start beside those of `hand_tables`.
_DUMP_WORDS, _REPLICATES, _LOADS = (1 << bit for bit in range(6, 9))
_OFFICE, _HASH, _SHELL = (1 << bit for bit in range(9, 12))


def label(incident: Mapping[str, Any]) -> str:
    """The action that the rules say is right."""
    groups: dict[str, list[Event]] = {}
    for event in incident["events"]:
        kind = event["event_type"]
        if kind in groups:
            groups[kind].append(event)
        else:
            groups[kind] = [event]
    case = Case(incident, groups)
    best = DISMISS
    for kind, rules in RULES:
        if kind in groups:
            for rule in rules:
                found = rule(case, groups[kind])
                if found < best:
                    if found == ESCALATE:
                        return "escalate"
                    best = found
    return ACTIONS[best]


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
                bits |= _DUMP_WORDS
            if any_in(k.REPLICATION_WORDS, text):
                bits |= _REPLICATES
        if says(text, k.LOADERS):
            bits |= _LOADS
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
            bits |= _OFFICE
        if parent_name in k.PARENTS and (
            name in k.SHELLS
            or (pe is not None and pe["original_file_name"] in k.SHELLS)
        ):
            bits |= _SHELL
    return bits | (_HASH if "hash" in process else 0)


def starts(case: Case, events: list[Event]) -> int:
    """Rules about a process start alone; what others need is put down in `bits`."""
    best, estate = DISMISS, case.estate
    for event in events:
        bits = start_bits(event)
        if bits:
            best = min(best, start(case, estate, event, bits))
            if best == ESCALATE:
                return ESCALATE
        case.bits.append((bits, event))
    return best


_COMMAND = (
    k.TRANSFER | k.ARCHIVE | k.RECOVERY | k.DUMP | k.IMPAIR | k.LOLBIN
    | _DUMP_WORDS | _REPLICATES | _LOADS | _OFFICE
)  # fmt: skip


def start(case: Case, estate: Estate, event: Event, bits: int) -> int:
    """The strongest action that one process start asks for."""
    fields = event["fields"]
    is_bad = bool(bits & _OFFICE)
    if not is_bad and bits & _HASH:
        is_bad = estate.known_bad(fields["process"]["hash"]["sha256"])
    if not (bits & _COMMAND or is_bad) or estate.approved_command(event):
        return DISMISS
    best = MONITOR if bits & (k.ARCHIVE | k.RECOVERY | k.IMPAIR | k.LOLBIN) else DISMISS
    if bits & _LOADS or is_bad or bits & (k.DUMP | _DUMP_WORDS | k.TRANSFER):
        best = MONITOR
    if stopped(event):
        return best
    name = fields["host"]["name"]
    if bits & _REPLICATES:
        return ESCALATE
    if bits & (k.LOLBIN | k.IMPAIR) and estate.is_tier_zero(name):
        return ESCALATE
    if bits & (k.DUMP | _DUMP_WORDS) or is_bad:
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
        if not bits & _HASH or stopped(event):
            continue
        sha = process["hash"]["sha256"]
        is_bad = bits & _OFFICE or estate.known_bad(sha)
        if not is_bad and not ("code_signature" in process and from_user_path(process)):
            continue
        if not estate.approved_command(event):
            hosts.setdefault(sha, set()).add(host(event))
    least = k.LIMITS["malware"]["widespread_hosts"]
    return ESCALATE if any(len(names) >= least for names in hosts.values()) else DISMISS


def near(later: Event, earlier: Event, seconds: int) -> bool:
    """True if an event follows another in time."""
    gap = instant(later["timestamp"]) - instant(earlier["timestamp"])
    return 0 <= gap <= seconds * SECOND


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
    for event in case.groups.get("log.clear", ()):
        if not approved_clearing(estate, event):
            found.append(event)
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
        instant(event["timestamp"]),
    )


def exploits(case: Case, events: list[Event]) -> int:
    """Something untrusted ran on a machine that was weakened."""
    weak = weak_events(case)
    if not weak:
        return DISMISS
    best, estate = DISMISS, case.estate
    for bits, run in case.bits:
        process = run["fields"]["process"]
        is_bad = bits & k.LOLBIN or from_user_path(process)
        if not is_bad and bits & _HASH:
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


def harmful(command: str) -> bool:
    """True for a command that runs from a user's path, or runs text."""
    lowered = command.lower()
    return any_in(k.USER_WRITABLE, lowered) or any_in(k.INLINE, lowered)


def leaves_behind(event: Event) -> bool:
    """True for an autostart, a task, a service or a remote-support agent."""
    fields = event["fields"]
    match event["event_type"]:
        case "registry.change":
            key = fields["registry"]
            if not any_in(k.AUTOSTART, key["path"].lower()):
                return False
            data = key.get("data")
            return data is not None and harmful(data)
        case "scheduled_job.creation":
            command = fields["job"].get("command_line")
            if command is None:
                return False
            lowered = command.lower()
            return any_in(k.USER_WRITABLE, lowered) or says(lowered, k.LOADERS)
        case "service.creation":
            command = fields["service"].get("command_line")
            if command is None:
                return False
            return harmful(command) or any_in(k.RMM, command.lower())
    file = fields["file"]
    return (
        file.get("extension") in k.RUNNABLE
        and not stopped(event)
        and any_in(k.STARTUP, file["path"].lower())
    )


def kept_command(event: Event) -> str:
    """What a foothold will run."""
    fields = event["fields"]
    parts = (("registry", "data"), ("job", "command_line"), ("service", "command_line"))
    texts = [fields.get(one, {}).get(other, "") for one, other in parts]
    return " ".join([*texts, fields.get("file", {}).get("path", "")]).lower()


def footholds(case: Case, events: list[Event]) -> int:
    """Something is left behind that runs again, and perhaps ran."""
    best, estate = DISMISS, case.estate
    for hold in events:
        if not leaves_behind(hold) or estate.approved(hold, "none"):
            continue
        best = min(best, MONITOR)
        for run in case.groups.get("process.start", ()):
            process = run["fields"]["process"]
            path = process.get("executable")
            signature = process.get("code_signature")
            if (
                path is None
                or (signature is not None and signature["trusted"])
                or path.lower() not in kept_command(hold)
                or host(run) != host(hold)
                or stopped(run)
                or not near(run, hold, k.LIMITS["persistence"]["run_within_seconds"])
            ):
                continue
            if estate.must_not_isolate(hold["fields"]["host"]["name"]):
                return ESCALATE
            best = QUARANTINE
    return best


def web_shells(case: Case, events: list[Event]) -> int:
    """A program that answers web requests wrote a script."""
    for event in events:
        fields = event["fields"]
        if fields["file"].get("extension") not in k.WEB_SCRIPTS:
            continue
        writer = fields.get("process")
        if (
            writer is not None
            and (writer["name"] in k.SERVERS or original(writer) in k.SERVERS)
            and not stopped(event)
            and not case.estate.approved(event, "none")
        ):
            return ESCALATE
    return DISMISS


def changes(case: Case, events: list[Event]) -> int:
    """A group, or the policy, was changed."""
    best, estate = DISMISS, case.estate
    for event in events:
        fields = event["fields"]
        change = fields["change"]
        action = change["action"]
        if fields.get("outcome", "success") != "success":
            continue
        at = instant(event["timestamp"])
        if action in ("group_member_added", "role_granted"):
            group = change.get("group")
            if group is None or group.lower() not in k.PRIVILEGED:
                continue
            target = change.get("target_user", "none")
            user = fields["user"]["name"]
            if not estate.authorised(user, target, group, "none", at):
                return ESCALATE
        elif action == "policy_changed" and not is_machine(fields["user"]["name"]):
            machine, user = fields.get("host"), fields["user"]["name"]
            if machine is None or not estate.authorised(
                user, machine["name"], "policy", "none", at
            ):
                best = MONITOR
    return best


def guesses(case: Case, events: list[Event]) -> list[Event]:
    """Failed logons that nobody explained."""
    found = []
    for event in events:
        fields = event["fields"]
        if fields["outcome"] != "failure" or "source" not in fields:
            continue
        if fields.get("failure_reason", "").lower() not in k.IGNORED_FAILURES:
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
        if record["tool"].lower() == "logon" and estate.authorised(
            fields["user"]["name"],
            fields["host"]["name"],
            "logon",
            target,
            instant(event["timestamp"]),
        ):
            if estate.named(fields["source"]["ip"], target):
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
    if fields["outcome"] == "success":
        window = _BRUTE["success_within_seconds"] * SECOND
        before = [event for when, event in tries if 0 <= at - when <= window]
        names = {event["fields"]["user"]["name"].lower() for event in before}
        if len(before) >= least and fields["user"]["name"].lower() in names:
            return ESCALATE
    return best


def moves(case: Case, events: list[Event]) -> int:
    """A service or shell started right after a network logon."""
    begun = [event for bits, event in case.bits if bits & _SHELL and not stopped(event)]
    begun += case.groups.get("service.creation", ())
    if not begun:
        return DISMISS
    best, estate = DISMISS, case.estate
    reached: dict[str, set[str]] = {}
    for logon in events:
        fields = logon["fields"]
        source = fields.get("source")
        if (
            fields["outcome"] != "success"
            or fields.get("logon_type") not in REMOTE
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
    user, at = logon["fields"]["user"]["name"], instant(event["timestamp"])
    return not any(
        estate.named(ip, record["destination"])
        and estate.authorised(user, machine, tool, record["destination"], at)
        for record in estate.context["authorisations"]
    )


def flows(case: Case, events: list[Event]) -> int:
    """Replication of the directory, beacons, and data that leaves."""
    estate = case.estate
    for event in events:
        fields = event["fields"]
        protocol = fields.get("protocol")
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
    gaps = sorted(b - a for a, b in zip(times, times[1:], strict=False))
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


def accesses(case: Case, events: list[Event]) -> int:
    """A process read LSASS."""
    best, estate = DISMISS, case.estate
    for event in events:
        fields = event["fields"]
        if (
            fields["target_process"]["name"] != "lsass.exe"
            or fields.get("granted_access") not in k.LSASS_ACCESS
        ):
            continue
        process = fields["process"]
        path = process.get("executable")
        if (
            process["name"] in k.LSASS_READERS
            and path is not None
            and path.lower().startswith(k.SYSTEM_PATHS)
        ) or estate.approved(event, "none"):
            continue
        if stopped(event):
            best = min(best, MONITOR)
        elif estate.must_not_isolate(fields["host"]["name"]):
            return ESCALATE
        else:
            best = QUARANTINE
    return best


def cloud(case: Case, events: list[Event]) -> int:
    """A call changes who rules the account or who watches it; many secrets are read."""
    best, estate = DISMISS, case.estate
    reads: list[Event] = []
    for event in events:
        fields = event["fields"]
        action = fields["action"]
        if action in k.SECRET_CALLS and fields["outcome"] != "failure":
            reads.append(event)
        elif (
            action in k.CLOUD_CALLS
            and takes_over(fields, action)
            and not approved_call(estate, event)
        ):
            if fields["outcome"] != "failure":
                return ESCALATE
            best = MONITOR
    if len(reads) >= _CLOUD["min_secrets"] and many_reads(estate, events, reads):
        return ESCALATE
    return best


def takes_over(fields: dict[str, Any], action: str) -> bool:
    """True for a call that changes who rules the account or who watches it."""
    if action in k.WATCH_CALLS:
        return True
    if action in k.CREDENTIAL_CALLS:
        target = fields.get("target_user")
        return target is not None and target.lower() != fields["user"]["name"].lower()
    if action in k.RIGHTS_CALLS:
        policy = f"{fields.get('target', '')} {fields.get('parameters', '')}".lower()
        return any_in(k.ADMINISTRATOR_MARKS, policy)
    account = fields["cloud"].get("account_id") if "cloud" in fields else None
    parameters = fields.get("parameters")
    if account is None or parameters is None:
        return False
    rests = parameters.split("arn:aws:iam::")[1:]
    return any(not rest.startswith(account) for rest in rests)


def approved_call(estate: Estate, event: Event) -> bool:
    """True if a record covers a call."""
    fields = event["fields"]
    source = fields.get("source")
    if source is None:
        return False
    asset = fields.get("target_user", fields.get("target", "none"))
    user, at = fields["user"]["name"], instant(event["timestamp"])
    return estate.authorised(user, asset, fields["action"], source["ip"], at)


def many_reads(estate: Estate, events: list[Event], reads: list[Event]) -> bool:
    """True if one caller read many secrets."""
    open_reads = [event for event in reads if not approved_call(estate, event)]
    for first in events:
        user = first["fields"]["user"]["name"].lower()
        mine = [
            event
            for event in open_reads
            if event["fields"]["user"]["name"].lower() == user
            and near(event, first, _CLOUD["within_seconds"])
        ]
        if len(mine) >= _CLOUD["min_secrets"]:
            return True
    return False


def domain_of(address: str) -> str | None:
    """What stands behind the first `@` of an address."""
    parts = address.lower().split("@")
    return parts[1] if len(parts) > 1 else None


def skeleton(domain: str) -> str:
    """A domain with digits and pairs of letters as what they look like."""
    text = domain.replace("0", "o").replace("1", "l")
    return text.replace("rn", "m").replace("-", "")


def lure(estate: Estate, mail: Event) -> bool:
    """True for a deceptive message that was delivered."""
    fields = mail["fields"]
    checks = fields.get("authentication")
    if checks is None or checks.get("dmarc") != "fail" or stopped(mail):
        return False
    email = fields["email"]
    theirs, ours = domain_of(email["from_address"]), domain_of(email["to_address"])
    reply = email.get("reply_to_address")
    if not (reply is not None and (theirs is None or domain_of(reply) != theirs)):
        is_twin = ours is not None and theirs is not None and ours != theirs
        if not is_twin or skeleton(ours or "") != skeleton(theirs or ""):
            return False
    user = fields.get("user")
    if user is None:
        return True
    target, at = email.get("url_domain", "none"), instant(mail["timestamp"])
    return not estate.authorised(user["name"], user["name"], "email", target, at)


def mails(case: Case, events: list[Event]) -> int:
    """A deceptive message, and what its reader did."""
    best = DISMISS
    for mail in events:
        if lure(case.estate, mail):
            best = min(best, lured(case, mail))
            if best == ESCALATE:
                return ESCALATE
    return best


def lured(case: Case, mail: Event) -> int:
    """What came of one deceptive message."""
    best, email = MONITOR, mail["fields"]["email"]
    for click in case.groups.get("http.request", ()):
        if visited(click, mail, email):
            if click["fields"].get("method") == "POST":
                return ESCALATE
            if case.estate.blockable(click["fields"]["destination"]["ip"]):
                best = min(best, BLOCK)
    attachment = email.get("attachment_sha256")
    if attachment is not None:
        for run in case.groups.get("process.start", ()):
            sha = run["fields"]["process"].get("hash", {}).get("sha256")
            if sha == attachment and not stopped(run):
                best = QUARANTINE
    for change in case.groups.get("iam.change", ()):
        if took_over(change, mail, email):
            return ESCALATE
    return best


def visited(click: Event, mail: Event, email: dict[str, Any]) -> bool:
    """True if a request opened the link of a message."""
    domain = email.get("url_domain")
    if domain is None or stopped(click):
        return False
    hosts = url_hosts(click["fields"]["url"]["full"].lower()).split(",")
    within = _PHISH["click_within_seconds"]
    return domain.lower() in hosts and near(click, mail, within)


def took_over(change: Event, mail: Event, email: dict[str, Any]) -> bool:
    """True if a rule was set on the mailbox of a recipient."""
    fields = change["fields"]
    if fields["change"]["action"] != "mail_rule_created":
        return False
    owner = fields["change"].get("target_user", fields["user"]["name"]).lower()
    address = email["to_address"].lower()
    is_theirs = owner in (address, address.split("@", 1)[0])
    return is_theirs and near(change, mail, _PHISH["takeover_within_seconds"])


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


def ransom(case: Case, events: list[Event]) -> int:
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


# Rules by the type of event that they need; process starts go first and sort events.
RULES: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("process.start", (starts, widespread, payloads, exploits)),
    ("script.start", (scripts,)),
    ("registry.change", (registry, footholds)),
    ("scheduled_job.creation", (footholds,)),
    ("service.creation", (footholds,)),
    ("file.creation", (footholds, web_shells, ransom)),
    ("file.change", (web_shells, ransom)),
    ("log.clear", (cleared,)),
    ("iam.change", (changes,)),
    ("authentication.logon", (brute_force, moves)),
    ("network.connection", (flows,)),
    ("process.access", (accesses,)),
    ("cloud.api", (cloud,)),
    ("email.message", (mails,)),
)
