"""Rules about access to LSASS and about calls of a cloud account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.by_hand import tables as k
from benchmarks.by_hand.case import (
    DISMISS,
    ESCALATE,
    MONITOR,
    QUARANTINE,
    Case,
    Event,
    any_in,
    near,
    stopped,
)

if TYPE_CHECKING:
    from benchmarks.by_hand.estate import Estate

_CLOUD = k.LIMITS["cloud"]


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
        action, outcome = fields["event"]["action"], fields["event"]["outcome"]
        if action in k.SECRET_CALLS and outcome != "failure":
            reads.append(event)
        elif (
            action in k.CLOUD_CALLS
            and takes_over(fields, action)
            and not approved_call(estate, event)
        ):
            if outcome != "failure":
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
        user = fields["user"]
        target = user.get("target")
        return target is not None and target["name"].lower() != user["name"].lower()
    if action in k.RIGHTS_CALLS:
        policy = f"{fields.get('target', '')} {fields.get('parameters', '')}".lower()
        return any_in(k.ADMINISTRATOR_MARKS, policy)
    account = fields["cloud"].get("account") if "cloud" in fields else None
    parameters = fields.get("parameters")
    if account is None or parameters is None:
        return False
    rests = parameters.split("arn:aws:iam::")[1:]
    return any(not rest.startswith(account["id"]) for rest in rests)


def approved_call(estate: Estate, event: Event) -> bool:
    """True if a record covers a call."""
    fields = event["fields"]
    source = fields.get("source")
    if source is None:
        return False
    user, action = fields["user"], fields["event"]["action"]
    target, at = user.get("target"), event["timestamp"]
    asset = fields.get("target", "none") if target is None else target["name"]
    return estate.authorised(user["name"], asset, action, source["ip"], at)


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
