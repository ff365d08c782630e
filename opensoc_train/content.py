"""Rules and data sets become a page that shows what they hold.

What each split has of each category and action, how far shortcuts get, how the rules
judge recorded telemetry, and one incident of each action as a defender sees it. The
page is a function of the committed sets, the policies and the recordings.
"""

from __future__ import annotations

from collections import Counter
from math import isnan
from statistics import fmean
from typing import TYPE_CHECKING

from opensoc_env.models import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from opensoc_env.metrics import Rate
    from opensoc_env.telemetry.agreement import Agreement, AgreementRow
    from opensoc_env.telemetry.alarms import Alarms
    from opensoc_env.telemetry.share import Share
    from opensoc_train.data import DataSet, Example
    from opensoc_train.fresh import Round
    from opensoc_train.scoreboard import Board

    Rows = Sequence[Mapping[str, Any]]

SHOWN_TASK = "stage3_mixed"
"""The stage of the incidents that are shown: other work stands between their lines."""

HEAD = """\
# What the content is

Written by `opensoc generate content`; edits are lost. `opensoc_env/data/README.md` says
what each split is for."""
_FRESH = """\
The committed sets are looked at whenever something is tuned. So each round below draws
all anew: what the shortcuts learn from, a hold-out and flip pairs."""

_WILSON = """\
In brackets the Wilson interval at 95 %; `docs/telemetry.md` says how to read it."""


def render_splits(sets: Mapping[str, Rows]) -> str:
    """How many rows of each action each split has, by the category that they claim."""
    counts = {
        name: Counter((r["incident"]["category"], r["truth"]["action"]) for r in rows)
        for name, rows in sets.items()
    }
    categories = sorted(
        {category for table in counts.values() for category, _ in table}
    )
    rows = [
        [category, *(_actions(table, category) for table in counts.values())]
        for category in categories
    ]
    total = [
        " ".join(str(sum(table[c, a] for c in categories)) for a in ACTIONS)
        for table in counts.values()
    ]
    order = ", ".join(f"`{action}`" for action in ACTIONS)
    note = f"Each cell counts {order}, in this order."
    table = _table(["category", *counts], [*rows, ["all", *total]])
    return f"## Categories and actions by split\n\n{note}\n\n{table}"


def render_shortcuts(boards: Sequence[Board], rounds: Sequence[Round]) -> str:
    """How far defenders get that do not understand, beside the oracle."""
    heads = [f"{b.data.name.partition('.')[0]}, macro-F1" for b in boards]
    named = zip(*(board.scores for board in boards), strict=True)
    rows = [
        [
            f"`{scores[0].name}`",
            *(_rate(score.macro_f1) for score in scores),
            _rate(scores[-1].pair_accuracy),
        ]
        for scores in named
    ]
    table = _table(["defender", *heads, "both of a flip pair"], rows)
    text = f"## Shortcuts\n\nIn brackets the 95 % bootstrap interval.\n\n{table}"
    return f"{text}\n\n{_render_rounds(rounds)}" if rounds else text


def render_telemetry(agreement: Agreement, alarms: Alarms) -> str:
    """How the rules judge recorded attacks, and recordings that are none."""
    attacks = _table(
        [
            "recorded attacks",
            "recordings",
            "flagged",
            "tactic agrees",
            "technique agrees",
        ],
        map(_agreed, agreement.by_telemetry()),
    )
    samples = _table(
        ["recorded, no attack", "recordings", "judged", "flagged"],
        (
            [row.product, str(row.recordings), str(row.judged), _share(row.alarms)]
            for row in alarms.rows()
        ),
    )
    return f"## Recorded telemetry\n\n{_WILSON}\n\n{attacks}\n\n{samples}"


def render_incidents(data: DataSet) -> str:
    """One incident of each action, as a defender sees it, and then what is right."""
    parts = [_render_incident(example) for example in _one_each(data)]
    return "\n\n".join(["## Five incidents, as a defender sees them", *parts])


def _one_each(data: DataSet) -> Iterator[Example]:
    """The first example of each action of the stage, each of another category."""
    seen: set[str] = set()
    for action in ACTIONS:
        for example in data.examples:
            category = example.dealt.item.incident["category"]
            fits = example.dealt.task == SHOWN_TASK and example.action == action
            if fits and category not in seen:
                seen.add(category)
                yield example
                break


def _render_incident(example: Example) -> str:
    view, truth = example.dealt.item.observation, example.dealt.truth
    lines = [
        f"{line.log_id} {line.timestamp} {line.source} {line.event_type} {line.text}"
        for line in view.log_window
    ]
    title = view.alert.title if view.alert else ""
    shown = "\n".join([title, "", *view.context, "", *lines])
    fired = [
        f"* `{f.rule}`: {f.title} ({', '.join(f.evidence)})" for f in truth.findings
    ]
    right = "\n".join(
        [f"Right is **{example.action}**.", "", *(fired or ["* no rule fires"])]
    )
    return f"### {example.id}\n\n```text\n{shown}\n```\n\n{right}"


def _render_rounds(rounds: Sequence[Round]) -> str:
    rows = [
        [str(r.number), f"`{r.holdout.best.name}`", f"{r.best:.3f}", f"{r.pairs:.2f}"]
        for r in rounds
    ]
    mean = f"{fmean(r.best for r in rounds):.3f}"
    most = f"{max(r.pairs for r in rounds):.2f}"
    heads = ["round", "best shortcut", "macro-F1", "most pairs right"]
    return f"{_FRESH}\n\n{_table(heads, [*rows, ['mean, most', '', mean, most]])}"


def _agreed(row: AgreementRow) -> list[str]:
    shares = (row.flagged, row.tactic, row.technique)
    return [row.name, str(row.recordings), *map(_share, shares)]


def _actions(table: Counter[tuple[str, str]], category: str) -> str:
    found = [table[category, action] for action in ACTIONS]
    return " ".join(map(str, found)) if any(found) else ""


def _rate(rate: Rate) -> str:
    if isnan(rate):
        return "n/a"
    return f"{rate:.2f} ({rate.low:.2f}-{rate.high:.2f})"


def _share(share: Share) -> str:
    if not share.whole:
        return "n/a"
    low, high = share.interval
    percent = f"{100 * share.part / share.whole:.0f} %"
    return f"{share.part} = {percent} ({100 * low:.0f}-{100 * high:.0f})"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
