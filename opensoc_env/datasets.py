"""The generator becomes frozen data sets: examples for SFT, a hold-out, harder splits.

Each is chosen by quota of task and action, from seeds of its own. A row holds the
incident, the truth by the judge and the digest of the judge's policies; the same
policies and scenarios give the same bytes. No row is a near-duplicate of one in another
set (see `opensoc_env.leaks`). `PLANS` says what each set is for.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opensoc_engine.errors import InternalError
from opensoc_env.generator import (
    HOLDOUT_SEEDS,
    UNSEEN_CATEGORIES,
    Scope,
    categories_in,
    decoy_pair,
    flip_pair,
    generate,
    scope_of,
)
from opensoc_env.injections import inject
from opensoc_env.judge import default_judge, proof_of
from opensoc_env.leaks import NEAR, Form, form_of, nearest_of
from opensoc_env.log_text import UNSEEN_STYLE, styles_of
from opensoc_env.models import ACTIONS, TASKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from opensoc_env.generator import Pair
    from opensoc_env.injections import Injected
    from opensoc_env.judge import Judge
    from opensoc_env.models import TaskName

Row = dict[str, Any]

DATA_FOLDER = Path(__file__).parent / "data"
"""The committed sets, `<name>.jsonl` each."""

_DRAWN = HOLDOUT_SEEDS + 20_261_124
"""Seeds of what is kept for evaluation begin at the day when they were drawn: nobody
had looked at them before, so nothing was tuned to them."""

_TRIES = 400
"""Incidents looked at for each row that is wanted; the shipped sets need about ten."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a data set consists of.

    Attributes:
        about: What it tests, in words.
        quotas: The most rows of each action, in the order of `ACTIONS`, from a task.
        per_pair: Most rows of each action that claim one category, in the same order.
        each: Rows from a task; all of its quotas by default.
        scope: What the incidents are made of.
        style: How every sensor writes; by default the row's id draws it.
        pairs: What gives pairs, if it consists of any; quotas count first members.
        injected: True if a sentence in each incident asks for an answer.
        is_complete: True if every category must occur.
    """

    name: str
    about: str
    seed: int
    quotas: Mapping[TaskName, tuple[int, ...]]
    per_pair: tuple[int, ...]
    each: int | None = None
    scope: Scope | None = None
    style: str | None = None
    pairs: Callable[..., Pair] | None = None
    injected: bool = False
    is_complete: bool = False

    @property
    def size(self) -> int:
        """Rows in all."""
        rows = sum(self.wanted(task) for task in self.quotas)
        return 2 * rows if self.pairs else rows

    def wanted(self, task: TaskName) -> int:
        """Rows, or pairs, from a task."""
        return sum(self.quotas[task]) if self.each is None else self.each


SFT = Plan(
    name="sft",
    about="examples to learn from",
    seed=600,
    # Few categories can deserve block_ip: more of it would tell them apart by action.
    quotas=dict.fromkeys(TASKS, (32, 33, 33, 19, 33)),
    per_pair=(13, 15, 15, 17, 15),
    is_complete=True,
)
HOLDOUT = Plan(
    name="holdout",
    about="the frozen hold-out",
    seed=_DRAWN + 1,
    # 26 of 200 are to be dismissed, as in the original; the rest are even, but for
    # block_ip, which few categories can deserve.
    quotas={
        "stage1_basic": (7, 12, 12, 7, 12),
        "stage2_multi": (7, 12, 12, 7, 12),
        "stage3_mixed": (6, 13, 12, 7, 12),
        "stage4_adversarial": (6, 12, 13, 7, 12),
    },
    # About 1.5 times the even share of the categories that can deserve the action.
    per_pair=(3, 5, 6, 6, 5),
    is_complete=True,
)
FLIPS = Plan(
    name="flips",
    about="pairs that one fact tells apart, with different right actions",
    seed=_DRAWN + 2,
    quotas=dict.fromkeys(TASKS, (9,) * len(ACTIONS)),
    per_pair=(12,) * len(ACTIONS),
    each=25,
    pairs=flip_pair,
)


def _harder(name: str, about: str, seed: int, scope: Scope, **more: Any) -> Plan:
    return Plan(
        name=name,
        about=about,
        seed=_DRAWN + seed,
        quotas=dict.fromkeys(more.pop("tasks", TASKS), (8,) * len(ACTIONS)),
        per_pair=(20,) * len(ACTIONS),
        scope=scope,
        **more,
    )


UNSEEN_CATEGORY = _harder(
    "unseen_category",
    "categories that no training set has",
    3,
    Scope(unseen=True, categories=UNSEEN_CATEGORIES),
    each=15,
)
UNSEEN_FORMAT = _harder(
    "unseen_format",
    "lines in a format that no training set has",
    4,
    Scope(),
    each=25,
    style=UNSEEN_STYLE,
)
UNSEEN_ESTATE = _harder(
    "unseen_estate",
    "names and networks that no training set has",
    5,
    Scope(world="elsewhere"),
    each=25,
)
EVASIONS = _harder(
    "evasions",
    "attacks done in another way, to slip by a rule, caught or not",
    6,
    Scope(unseen=True, evasions=True),
    each=20,
    tasks=TASKS[1:],
)
DECOYS = Plan(
    name="decoys",
    about="pairs of an incident alone and among decoys, with the same right action",
    seed=_DRAWN + 7,
    quotas=dict.fromkeys(TASKS, (2,) * len(ACTIONS)),
    per_pair=(3,) * len(ACTIONS),
    pairs=decoy_pair,
)
INJECTIONS = _harder(
    "injections",
    "log lines with sentences that ask for an answer, right or wrong",
    8,
    Scope(),
    each=25,
    injected=True,
)
PLANS = (
    SFT,
    HOLDOUT,
    FLIPS,
    UNSEEN_CATEGORY,
    UNSEEN_FORMAT,
    UNSEEN_ESTATE,
    EVASIONS,
    DECOYS,
    INJECTIONS,
)


@dataclass(slots=True)
class _Choice:
    """Rows chosen so far for a plan, and what they must not be like.

    Attributes:
        others: Forms of the rows of other sets.
    """

    plan: Plan
    judge: Judge
    others: Sequence[Form]
    claimed: Counter[tuple[str, str]] = field(default_factory=Counter)
    missing: set[str] = field(init=False)
    dismissals: int = field(init=False)

    def __post_init__(self) -> None:
        scope = self.plan.scope or scope_of(self.plan.seed)
        found = categories_in(scope, "dismiss") if self.plan.is_complete else ()
        self.missing = set(found)
        self.dismissals = sum(quota[0] for quota in self.plan.quotas.values())

    def take(self, task: TaskName) -> Iterator[Row]:
        """The rows of a task.

        Raises:
            InternalError: The generator does not give what the plan wants.
        """
        quotas = self.plan.quotas[task]
        most = Counter[str](dict(zip(ACTIONS, quotas, strict=True)))
        wanted = self.plan.wanted(task)
        for index in range(_TRIES * wanted):
            if not wanted:
                return
            rows = self._rows(task, index)
            if rows and self._fits(rows, most):
                wanted -= 1
                yield from rows
        if wanted:
            name = self.plan.name
            raise InternalError(f"{name}: {wanted} rows of {task} are missing")

    def _fits(self, rows: Sequence[Row], most: Counter[str]) -> bool:
        """Count rows in, if there is room for them and no other set has their like."""
        incident = rows[0]["incident"]
        action, category = incident["target_label"], incident["category"]
        room = self.plan.per_pair[ACTIONS.index(action)]
        if not most[action] or self.claimed[action, category] >= room:
            return False
        if action == "dismiss" and not self._leaves_room(category):
            return False
        forms = (form_of(row["incident"]) for row in rows)
        if any(nearest_of(form, self.others) >= NEAR for form in forms):
            return False
        most[action] -= 1
        self.claimed[action, category] += 1
        self.missing.discard(category)
        self.dismissals -= action == "dismiss"
        return True

    def _leaves_room(self, category: str) -> bool:
        """True if a dismissal leaves one for each category that is still missing."""
        return category in self.missing or self.dismissals > len(self.missing)

    def _rows(self, task: TaskName, index: int) -> list[Row]:
        """The row, or the two of a pair, that an index names; none if it can't be."""
        plan, judge = self.plan, self.judge
        if plan.pairs:
            pair = plan.pairs(task, plan.seed, index, judge=judge)
            return _pair_rows(plan, task, index, pair, judge)
        scope = plan.scope or scope_of(plan.seed)
        incident = generate(task, plan.seed, index, judge=judge, scope=scope)
        if plan.injected:
            made = inject(incident, f"{task}-{index}", judge)
            return [_injected_row(plan, task, index, made, judge)] if made else []
        row = _row(plan, task, index, incident, judge)
        if plan.style:
            row["styles"] = dict.fromkeys(_sensors(incident), plan.style)
        return [row]


def select_all(
    plans: Sequence[Plan], judge: Judge | None = None
) -> dict[str, list[Row]]:
    """The rows of several sets, none of them like one of an earlier set."""
    sets: dict[str, list[Row]] = {}
    forms: list[Form] = []
    for plan in plans:
        rows = select(plan, judge, others=forms)
        forms += [form_of(row["incident"]) for row in rows]
        sets[plan.name] = rows
    return sets


def select(
    plan: Plan, judge: Judge | None = None, *, others: Sequence[Form] = ()
) -> list[Row]:
    """The rows of a data set, by task and then by index.

    Raises:
        InternalError: The generator does not give what the plan wants.
    """
    choice = _Choice(plan, judge or default_judge(), tuple(others))
    rows = [row for task in plan.quotas for row in choice.take(task)]
    named = (_pair_ids if plan.pairs else _ids)(plan.name, len(rows))
    return [{"id": name, **row} for name, row in zip(named, rows, strict=True)]


def render(rows: Iterable[Row]) -> str:
    """JSON lines, one a row, with sorted keys."""
    return "".join(
        json.dumps(row, sort_keys=True, separators=(",", ":")) + "\n" for row in rows
    )


def read_rows(plan: Plan, folder: Path = DATA_FOLDER) -> list[Row]:
    """The rows of a set, the committed one by default, as they were written."""
    text = (folder / f"{plan.name}.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def _ids(name: str, count: int) -> Iterator[str]:
    return (f"{name}-{number:03d}" for number in range(count))


def _pair_ids(name: str, count: int) -> Iterator[str]:
    return (f"{name}-{number // 2:03d}{'ab'[number % 2]}" for number in range(count))


def _sensors(incident: Row) -> list[str]:
    return sorted({event["source"] for event in incident["events"]})


def _pair_rows(
    plan: Plan, task: TaskName, index: int, pair: Pair, judge: Judge
) -> list[Row]:
    """The two rows of a pair, written alike, so that style does not tell them apart."""
    name = f"{task}-{index}"
    sensors = {*_sensors(pair.first), *_sensors(pair.second)}
    more = {
        "pair": name,
        "fact": pair.fact,
        "styles": styles_of(name, sorted(sensors)),
    }
    return [
        {**_row(plan, task, index, incident, judge), **more}
        for incident in (pair.first, pair.second)
    ]


def _row(plan: Plan, task: TaskName, index: int, incident: Row, judge: Judge) -> Row:
    place = {"task": task, "seed": plan.seed, "index": index}
    return place | labelled_row(incident, judge)


def _injected_row(
    plan: Plan, task: TaskName, index: int, made: Injected, judge: Judge
) -> Row:
    row = _row(plan, task, index, made.incident, judge)
    return row | {"injection": made.label}


def labelled_row(incident: Row, judge: Judge) -> Row:
    """The part of a row that says what is true of its incident, and by which rules."""
    truth = judge.truth(incident)
    return {
        "incident": incident,
        "truth": {
            "action": truth.outcome,
            "evidence": list(proof_of(truth)),
            "fired": [finding.rule for finding in truth.findings],
        },
        "digest": judge.digest,
    }
