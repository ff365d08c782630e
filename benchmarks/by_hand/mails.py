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
    checks = fields.get("email_auth")
    if checks is None or checks.get("dmarc") != "fail" or stopped(mail):
        return False
    email = fields["email"]
    theirs, ours = (
        domain_of(email["from"]["address"]),
        domain_of(email["to"]["address"]),
    )
    reply = email.get("reply_to")
    answers = None if reply is None else domain_of(reply["address"])
    if reply is None or (theirs is not None and answers == theirs):
        is_twin = ours is not None and theirs is not None and ours != theirs
        if not is_twin or skeleton(ours or "") != skeleton(theirs or ""):
            return False
    user = fields.get("user")
    if user is None:
        return True
    link, at = fields.get("url"), mail["timestamp"]
    target = "none" if link is None else link["domain"]
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
        if visited(click, mail):
            if sent_form(click["fields"].get("http")):
                return ESCALATE
            if case.estate.blockable(click["fields"]["destination"]["ip"]):
                best = min(best, BLOCK)
    attached = email.get("attachments")
    if attached:
        known = {part["file"].get("hash", {}).get("sha256") for part in attached}
        for run in case.groups.get("process.start", ()):
            sha = run["fields"]["process"].get("hash", {}).get("sha256")
            if sha is not None and sha in known and not stopped(run):
                best = QUARANTINE
    for change in case.groups.get("iam.change", ()):
        if took_over(change, mail, email):
            return ESCALATE
    return best


def sent_form(http: dict[str, Any] | None) -> bool:
    """True for a request that sent something."""
    request = None if http is None else http.get("request")
    return request is not None and request.get("method") == "POST"


def visited(click: Event, mail: Event) -> bool:
    """True if a request opened the link of a message."""
    link = mail["fields"].get("url")
    if link is None or stopped(click):
        return False
    domain: str = link["domain"]
    hosts = url_hosts(click["fields"]["url"]["full"].lower()).split(",")
    within = _PHISH["click_within_seconds"]
    return domain.lower() in hosts and near(click, mail, within)


def took_over(change: Event, mail: Event, email: dict[str, Any]) -> bool:
    """True if a rule was set on the mailbox of a recipient."""
    fields = change["fields"]
    if fields["event"]["action"] != "mail_rule_created":
        return False
    user = fields["user"]
    owner = user.get("target", user)["name"].lower()
    address = email["to"]["address"].lower()
    is_theirs = owner in (address, address.split("@", 1)[0])
    return is_theirs and near(change, mail, _PHISH["takeover_within_seconds"])
