"""Rules about what is left behind, and about changes of accounts and policies."""

from __future__ import annotations

from benchmarks.by_hand import tables as k
from benchmarks.by_hand.case import (
    DISMISS,
    ESCALATE,
    MONITOR,
    QUARANTINE,
    Case,
    Event,
    any_in,
    host,
    near,
    original,
    says,
    stopped,
)
from benchmarks.by_hand.estate import is_machine

_NOBODY = {"name": "none"}


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
            return data is not None and any(map(harmful, data["strings"]))
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
    data = fields.get("registry", {}).get("data", {}).get("strings", [])
    parts = (("job", "command_line"), ("service", "command_line"), ("file", "path"))
    texts = [fields.get(one, {}).get(other, "") for one, other in parts]
    return " ".join((" ".join(data), *texts)).lower()


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
        change, user = fields["event"], fields["user"]
        action = change["action"]
        if change.get("outcome", "success") != "success":
            continue
        at = event["timestamp"]
        if action in ("group_member_added", "role_granted"):
            group = fields.get("group")
            if group is None or group["name"].lower() not in k.PRIVILEGED:
                continue
            target = user.get("target", _NOBODY)["name"]
            if not estate.authorised(user["name"], target, group["name"], "none", at):
                return ESCALATE
        elif action == "policy_changed" and not is_machine(user["name"]):
            machine = fields.get("host")
            if machine is None or not estate.authorised(
                user["name"], machine["name"], "policy", "none", at
            ):
                best = MONITOR
    return best
