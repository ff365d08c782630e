"""Rules about deceptive messages."""

from __future__ import annotations

from typing import Any

from benchmarks.by_hand import tables as k
from benchmarks.by_hand.case import (
    BLOCK,
    DISMISS,
    ESCALATE,
    MONITOR,
    QUARANTINE,
    Case,
    Event,
    near,
    stopped,
)
from benchmarks.by_hand.estate import Estate, url_hosts

_PHISH = k.LIMITS["phishing"]


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
    target, at = email.get("url_domain", "none"), mail["timestamp"]
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
