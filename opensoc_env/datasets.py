"""The generator becomes two frozen data sets: a hold-out and examples for SFT.

Both are chosen by quota of task and action, from seeds that no training run may use
(hold-out) or that the hold-out does not use (SFT). A row holds the incident, the truth
by the judge and the digest of the judge's policies; the same policies and scenarios
give the same bytes. `leaks_between` says how much of one set is in the other.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opensoc_engine.errors import InternalError
from opensoc_env.generator import HOLDOUT_SEEDS, generate
from opensoc_env.judge import default_judge, proof_of
from opensoc_env.models import ACTIONS, TASKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opensoc_env.judge import Judge
    from opensoc_env.models import TaskName

Row = dict[str, Any]

DATA_FOLDER = Path(__file__).parent / "data"
"""The committed sets, `<name>.jsonl` each."""

_TRIES = 60
"""Incidents looked at for each row that is wanted; the shipped sets need about five."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a data set consists of.

    Attributes:
        quotas: How many rows of each action, in the order of `ACTIONS`, a task gives.
        per_pair: Most rows of each action that claim one category, in the same order.
    """

    name: str
    seed: int
    quotas: Mapping[TaskName, tuple[int, ...]]
    per_pair: tuple[int, ...]

    @property
    def size(self) -> int:
        """Rows in all."""
        return sum(map(sum, self.quotas.values()))


HOLDOUT = Plan(
    name="holdout",
    seed=HOLDOUT_SEEDS + 1,
    # 26 of 200 are to be dismissed, as in the original; the rest are even.
    quotas={
        "stage1_basic": (7, 11, 11, 11, 10),
        "stage2_multi": (7, 11, 11, 11, 10),
        "stage3_mixed": (6, 11, 11, 11, 11),
        "stage4_adversarial": (6, 11, 11, 10, 12),
    },
    # About 1.5 times the even share of the categories that can deserve the action.
    per_pair=(3, 7, 8, 14, 6),
)
SFT = Plan(
    name="sft",
    seed=600,
    quotas=dict.fromkeys(TASKS, (30,) * len(ACTIONS)),
    per_pair=(14, 18, 19, 40, 16),
)
PLANS = (HOLDOUT, SFT)


@dataclass(frozen=True, slots=True)
class Leaks:
    """How much of one data set is in another.

    Attributes:
        same: Rows that are in the other set but for names of events and times.
        alike: Rows whose pattern of events is in the other set.
        rows: Rows in all.
    """

    same: int
    alike: int
    rows: int


def select(plan: Plan, judge: Judge | None = None) -> list[Row]:
    """The rows of a data set, by task and then by index.

    Raises:
        InternalError: The generator does not give what the plan wants.
    """
    judge = judge or default_judge()
    claimed: Counter[tuple[str, str]] = Counter()
    rows: list[Row] = []
    for task in TASKS:
        wanted = Counter[str](dict(zip(ACTIONS, plan.quotas[task], strict=True)))
        rows += _select_task(plan, task, wanted, claimed, judge)
    return [
        {"id": f"{plan.name}-{number:03d}", **row} for number, row in enumerate(rows)
    ]


def render(rows: Iterable[Row]) -> str:
    """JSON lines, one a row, with sorted keys."""
    return "".join(
        json.dumps(row, sort_keys=True, separators=(",", ":")) + "\n" for row in rows
    )


def read_rows(plan: Plan) -> list[Row]:
    """The rows of a committed set, as they were written."""
    text = (DATA_FOLDER / f"{plan.name}.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def leaks_between(rows: Iterable[Row], others: Iterable[Row]) -> Leaks:
    """How much of the first set is in the second."""
    others = list(others)
    known = {bare(row["incident"]) for row in others}
    patterns = {pattern(row["incident"]) for row in others}
    found = [
        (bare(row["incident"]) in known, pattern(row["incident"]) in patterns)
        for row in rows
    ]
    return Leaks(sum(a for a, _ in found), sum(b for _, b in found), len(found))


def bare(incident: Mapping[str, Any]) -> str:
    """An incident without what names events and says when; equal ones are the same."""
    events = [[e["event_type"], e["source"], e["fields"]] for e in incident["events"]]
    records = [
        {k: v for k, v in record.items() if k not in ("id", "start", "end")}
        for record in incident["context"]["authorisations"]
    ]
    context = incident["context"] | {"authorisations": records}
    return json.dumps([events, context], sort_keys=True)


def pattern(incident: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """Type, image and outcome of each event, in order: what a glance takes in."""
    return tuple(
        (
            event["event_type"],
            event["fields"].get("process", {}).get("name", ""),
            event["fields"].get("disposition", event["fields"].get("outcome", "")),
        )
        for event in incident["events"]
    )


def _select_task(
    plan: Plan,
    task: TaskName,
    wanted: Counter[str],
    claimed: Counter[tuple[str, str]],
    judge: Judge,
) -> Iterator[Row]:
    most = dict(zip(ACTIONS, plan.per_pair, strict=True))
    left = wanted.total()
    for index in range(_TRIES * left):
        if not left:
            return
        incident = generate(task, plan.seed, index, judge=judge)
        action, category = incident["target_label"], incident["category"]
        if wanted[action] and claimed[action, category] < most[action]:
            wanted[action] -= 1
            claimed[action, category] += 1
            left -= 1
            yield _row(plan, task, index, incident, judge)
    if left:
        raise InternalError(f"{plan.name}: {left} rows of {task} are missing")


def _row(plan: Plan, task: TaskName, index: int, incident: Row, judge: Judge) -> Row:
    truth = judge.truth(incident)
    return {
        "task": task,
        "seed": plan.seed,
        "index": index,
        "incident": incident,
        "truth": {
            "action": truth.outcome,
            "evidence": list(proof_of(truth)),
            "fired": [finding.rule for finding in truth.findings],
        },
        "digest": judge.digest,
    }
