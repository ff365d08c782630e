"""An explanation becomes lines of text: the verdict, then what fired, then the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opensoc_engine.explanation.lines import shown_value
from opensoc_engine.explanation.paths import shown_path
from opensoc_engine.explanation.tracer import OTHER_KIND

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opensoc_engine.explain import Explanation, RuleReport
    from opensoc_engine.explanation.lines import LineReport, Seen
    from opensoc_engine.explanation.paths import Change
    from opensoc_engine.explanation.search import Flip

# What fits on a screen, without `--all`.
MAX_LINES = 60
_NEAR = 3
_FIRED = 2
_FLIPS = 3
_WIDTH = 96
_SHORT = 24


def write(found: Explanation, *, is_whole: bool, is_single: bool) -> list[str]:
    """The lines, every one of them printable."""
    lines = [_verdict(found), *_about(found)]
    full = len(found.fired) if is_whole else _FIRED
    for at, report in enumerate(found.fired):
        lines += ["", *_fired(report, is_short=at >= full)]
    near = found.others[: 1 if is_single else _NEAR]
    blocks = [
        list(_near(report, is_whole=is_whole))
        for at, report in enumerate(near)
        # A rule about another kind of event is near only if nothing else is.
        if at == 0 or report.distance < OTHER_KIND
    ]
    if not is_whole:
        while len(blocks) > 1 and _count(lines, blocks) > MAX_LINES:
            blocks.pop()
    for block in blocks:
        lines += ["", *block]
    rest = found.others[len(blocks) :]
    if is_whole and rest:
        lines += ["", "further away", *map(_brief, rest)]
    elif rest:
        lines += ["", f"{_number(rest, 'more rule')} did not fire; see `--all`"]
    return [_plain(line) for line in lines]


def _count(lines: Sequence[str], blocks: Sequence[list[str]]) -> int:
    return len(lines) + sum(len(block) + 1 for block in blocks) + 2


def _number(items: Sequence[object], name: str) -> str:
    return f"{len(items)} {name}{'' if len(items) == 1 else 's'}"


def _verdict(found: Explanation) -> str:
    outcome, fired = found.decision.outcome, len(found.decision.findings)
    match found.answer:
        case "matched":
            rules = "one rule" if fired == 1 else f"{fired} rules"
            return f"{outcome} (matched): {rules} fired"
        case "defaulted":
            return f"{outcome} (defaulted): no rule fired, so the default stands"
    return f"{outcome} (not matched): no rule fired"


def _about(found: Explanation) -> Iterator[str]:
    decision = found.decision
    yield f"{decision.policy_set} {decision.version}, digest {decision.digest[:12]}"
    if found.evaluations:
        yield f"changed facts were tried on {found.evaluations} documents"


def _fired(report: RuleReport, *, is_short: bool) -> Iterator[str]:
    yield f"fired: {report.rule} ({report.outcome})  {_cut(report.title)}"
    yield f"  --> {report.path}:{report.line}"
    if report.evidence:
        yield f"  evidence: {', '.join(report.evidence)}"
    if is_short:
        return
    for line in report.lines:
        yield from _line(line, report.path, 2)
    yield from _flips(report, "would not fire")


def _near(report: RuleReport, *, is_whole: bool) -> Iterator[str]:
    total = len(report.lines)
    failing = report.failing
    counted = f"{len(failing)} of {total} lines failed" if total else report.state
    yield f"not fired: {report.rule} ({report.outcome})  {counted}"
    yield f"  --> {report.path}:{report.line}  {_cut(report.title)}"
    if report.bindings:
        yield f"  nearest: {', '.join(map(_binding, report.bindings))}"
    for line in report.lines if is_whole else failing[:2]:
        yield from _line(line, report.path, 2)
    if not is_whole and len(failing) > 2:  # noqa: PLR2004 - one line says the rest
        yield f"  and {_number(failing[2:], 'more line')}"
    yield from _flips(report, "would fire")


def _brief(report: RuleReport) -> str:
    head = f"  {report.rule} ({report.outcome})"
    if not report.failing:
        return f"{head}  {report.state}"
    line = report.failing[0]
    return f"{head}  {line.path}:{line.line}: {_cut(line.text)}"


def _binding(seen: Seen) -> str:
    """What `some` chose: its place, and its id or the start of it."""
    if not seen.place:
        return f"{seen.text} = {_cut(seen.value)}"
    value = seen.value
    short = value if len(value) <= _SHORT else f"{value[: _SHORT - 3]}..."
    return f"{seen.text} = {seen.place} ({short})"


def _line(line: LineReport, path: str, indent: int) -> Iterator[str]:
    """A line with its values, then the line of its helper that failed."""
    margin = " " * indent
    mark = {"held": " ", "failed": "x", "unknown": "?"}[line.state]
    where = f"{line.line}" if line.path == path else f"{line.path}:{line.line}"
    yield f"{margin}{mark} {where} | {_cut(line.text)}"
    inner = " " * (indent + 4)
    for deeper in line.inside:
        yield from _line(deeper, path, indent + 2)
    for seen in () if line.inside else line.seen:
        if not line.text.startswith("some "):
            yield f"{inner}{_cut(seen.text)} = {seen.value}"
        elif seen.place:
            yield f"{inner}{_binding(seen)}"
    if line.note:
        yield f"{inner}{line.note}"


def _flips(report: RuleReport, verb: str) -> Iterator[str]:
    if report.tried is None:
        return
    if not report.flips and not report.tried:
        yield f"  no change of facts could be derived after which it {verb}"
        return
    if not report.flips:
        facts = "two" if report.state == "matched" else "three"
        yield (
            f"  none of {report.tried} changes of up to {facts} facts that were tried"
            f" is one after which it {verb}"
        )
        return
    yield f"  it {verb} after any of these changes"
    for flip in report.flips[:_FLIPS]:
        yield from _flip(flip)


def _flip(flip: Flip) -> Iterator[str]:
    last = len(flip.changes) - 1
    for at, change in enumerate(flip.changes):
        lead = "      and " if at else "    - "
        verdict = f"  (then {flip.outcome})" if at == last else ""
        yield f"{lead}{_change(change)}{verdict}"


def _change(change: Change) -> str:
    owner = f" ({change.owner})" if change.owner else ""
    place = f"{shown_path(change.path)}{owner}"
    match change.kind:
        case "changed":
            return (
                f"{place}: {shown_value(change.before)} -> {shown_value(change.after)}"
            )
        case "removed":
            return f"{place}: removed, was {shown_value(change.before)}"
    if change.count == 1:
        return f"{place}: added, {shown_value(change.after)}"
    first = shown_value(change.after[0])
    return f"{place}: {change.count} added, the first {first}"


def _cut(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."


def _plain(text: str) -> str:
    """The text with escapes for all that does not print."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
