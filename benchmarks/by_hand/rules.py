"""The verifier rules as plain Python, written to be as fast as we can make it.

An incident becomes an action; nothing else is worked out. Events are grouped by type
once, a look at names and words says which rules can matter, and what is dear (records,
addresses, joins) is done only for what is left, and remembered for the incident. The
benchmark compares every label with the engine's. Nobody should have to maintain this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.by_hand.accounts import accesses, cloud
from benchmarks.by_hand.case import DISMISS, ESCALATE, Case
from benchmarks.by_hand.files import ransom
from benchmarks.by_hand.flows import flows
from benchmarks.by_hand.footholds import changes, footholds, web_shells
from benchmarks.by_hand.impairment import cleared, exploits, registry, scripts
from benchmarks.by_hand.logons import brute_force, moves
from benchmarks.by_hand.mails import mails
from benchmarks.by_hand.processes import payloads, starts, widespread

if TYPE_CHECKING:
    from collections.abc import Mapping

ACTIONS = ("escalate", "quarantine_host", "block_ip", "monitor", "dismiss")


def label(incident: Mapping[str, Any]) -> str:
    """The action that the rules say is right."""
    groups: dict[str, list[dict[str, Any]]] = {}
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
