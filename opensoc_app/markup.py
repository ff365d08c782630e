"""Pieces of the page as HTML; every text of an incident or a model is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opensoc_app.crafting import Fault
    from opensoc_app.desk import Graded, Verdict
    from opensoc_env.models import (
        Alert,
        EpisodeResult,
        LogLine,
        RewardTerm,
        SubmitTriage,
    )

ACTION_TITLES = {
    "dismiss": "Dismiss",
    "monitor": "Monitor",
    "quarantine_host": "Quarantine host",
    "block_ip": "Block address",
    "escalate": "Escalate",
}
_MAX_TEXT = 600

STYLE = """
<style>
.os-log {font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .8rem;
  line-height: 1.45; border: 1px solid #c9d2dc; border-radius: 8px; overflow: hidden}
.os-line {padding: .35rem .7rem; border-bottom: 1px solid #e6ebf0;
  overflow-wrap: anywhere; background: #fff; color: #1d2733}
.os-line:last-child {border-bottom: 0}
.os-lit {background: #fff3c4; box-shadow: inset 4px 0 0 #a86500}
.os-id {font-weight: 700; margin-right: .6rem; color: #1f5fa8}
.os-facts {margin: 0; padding-left: 1.1rem; font-size: .9rem}
.os-facts li {margin: .15rem 0}
.os-proof {float: right; margin-left: .8rem; font-weight: 700; color: #7a4a00}
.os-card {border: 1px solid #c9d2dc; border-radius: 8px; padding: .7rem .9rem;
  background: #fff; color: #1d2733; min-height: 9.5rem}
.os-card h4 {margin: 0 0 .4rem; font-size: 1rem; padding: 0}
.os-right {border-left: 6px solid #1b7f4b}
.os-wrong {border-left: 6px solid #b3261e}
.os-action {font-size: 1.35rem; font-weight: 700}
.os-small {font-size: .85rem; color: #44515f}
.os-quote {font-family: ui-monospace, monospace; font-size: .75rem; color: #44515f;
  overflow-wrap: anywhere; margin-top: .4rem}
.os-verdict {border: 2px solid #1f5fa8; border-radius: 8px; padding: .7rem .9rem;
  background: #f3f8fe; color: #1d2733}
.os-fault {border-left: 6px solid #b3261e; min-height: 0; margin-bottom: .4rem}
.os-waits {border-left: 6px solid #a86500; min-height: 0}
</style>
"""


def alert_card(alert: Alert) -> str:
    """The head of the alert."""
    users = ", ".join(alert.users) or "none"
    hosts = ", ".join(alert.hosts) or "none"
    return (
        f'<div class="os-card" style="min-height:0"><h4>{escape(alert.title)}</h4>'
        f'<div class="os-small">{escape(alert.first_seen)} to {escape(alert.last_seen)}'
        f"<br>hosts: {escape(hosts)} &middot; accounts: {escape(users)}</div></div>"
    )


def log_window(lines: Sequence[LogLine], lit: frozenset[str]) -> str:
    """The log lines; those that prove the verdict are lit and say so."""
    return (
        '<div class="os-log">' + "".join(_line(line, lit) for line in lines) + "</div>"
    )


def _line(line: LogLine, lit: frozenset[str]) -> str:
    proves = line.log_id in lit
    mark = '<span class="os-proof">evidence</span>' if proves else ""
    kind = "os-line os-lit" if proves else "os-line"
    return (
        f'<div class="{kind}">{mark}<span class="os-id">{escape(line.log_id)}</span>'
        f"{escape(line.line)}</div>"
    )


def fact_list(facts: Sequence[str]) -> str:
    """What the estate knows, one fact a line."""
    shown = "".join(f"<li>{escape(fact)}</li>" for fact in facts)
    return f'<ul class="os-facts">{shown}</ul>'


def answer_card(heading: str, graded: Graded) -> str:
    """What one side said, and whether it was right."""
    said = graded.answer.triage
    action = ACTION_TITLES[said.action] if said else "No readable answer"
    kind, word = ("os-right", "right") if graded.right else ("os-wrong", "wrong")
    cited = said.cited_log_id if said else ""
    proof = " (proves it)" if graded.cited_proof else ""
    quote = graded.answer.text[:_MAX_TEXT]
    wrote = f'<div class="os-quote">{escape(quote)}</div>' if quote else ""
    return (
        f'<div class="os-card {kind}"><h4>{escape(heading)}</h4>'
        f'<div class="os-action">{escape(action)}</div>'
        f'<div class="os-small">{word} &middot; reward {graded.reward:+.2f} &middot; '
        f"cites {escape(cited or 'nothing')}{proof}</div>{wrote}</div>"
    )


def verdict_card(verdict: Verdict) -> str:
    """The right action and where it comes from."""
    title = ACTION_TITLES[verdict.action]
    if not verdict.rules:
        reason = "No rule fired: what the log shows is ordinary, or is authorised."
    else:
        first = verdict.rules[0]
        more = len(verdict.rules) - 1
        category = str(first.metadata.get("category", first.policy))
        reason = f"{category.replace('_', ' ').capitalize()}: {first.title}"
        reason += f", and {more} more" if more else ""
    return (
        '<div class="os-verdict"><div class="os-small">The rules say</div>'
        f'<div class="os-action">{escape(title)}</div><div>{escape(reason)}</div>'
        f'<div class="os-small">policies {escape(verdict.digest[:12])}</div></div>'
    )


def outcome_card(result: EpisodeResult) -> str:
    """What was right in an episode that is done."""
    title = ACTION_TITLES[result.truth_action]
    reason = "; ".join(rule.title for rule in result.fired)
    return (
        '<div class="os-verdict"><div class="os-small">The rules say</div>'
        f'<div class="os-action">{escape(title)}</div>'
        f"<div>{escape(reason or 'No rule fired.')}</div>"
        f'<div class="os-small">policies {escape(result.policy_digest[:12])}</div>'
        "</div>"
    )


def reward_card(
    heading: str, reward: float | None, terms: Sequence[RewardTerm], said: str
) -> str:
    """What one side did and got, term by term."""
    parts = "".join(f"<li>{escape(t.rule)}: {t.value:+.2f}</li>" for t in terms)
    total = "no reward" if reward is None else f"{reward:+.2f}"
    return (
        f'<div class="os-card"><h4>{escape(heading)}</h4>'
        f'<div class="os-action">{total}</div>'
        f'<div class="os-small">{escape(said)}</div>'
        f'<ul class="os-facts">{parts}</ul></div>'
    )


def said_by_defender(answer: SubmitTriage | None) -> str:
    """An answer in a line."""
    if answer is None:
        return "had no turn, or can't be read"
    cited = ", ".join(answer.cited_log_ids) or "nothing"
    return f"{ACTION_TITLES[answer.action]}, citing {cited}"


def quote_card(text: str) -> str:
    """What somebody wrote, as it is, cut."""
    return f'<div class="os-quote">{escape(text[:_MAX_TEXT])}</div>'


def waiting_card(text: str) -> str:
    """What a side is told while it waits."""
    return f'<div class="os-card os-waits">{escape(text)}</div>'


def fault_list(faults: Sequence[Fault]) -> str:
    """What was refused: the place, why, and what was expected there."""
    return "".join(
        f'<div class="os-card os-fault"><span class="os-id">{escape(fault.field)}'
        f"</span>{escape(fault.message)}"
        + (f"; expected {escape(fault.expected)}" if fault.expected else "")
        + "</div>"
        for fault in faults
    )
