"""Alerts with known truth become defenders that cheat, to set a number beside.

Each takes one look that needs no understanding: a constant, a prior over one fact, a
fixed place in the window, a list of words, or a decision tree on counts and single
fields, which sees no relation between two events or between an event and the estate.
Where one of them does well, the data give the answer away. All but the category prior,
which is told the claim that no defender is shown, look at the observation alone.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from opensoc_engine.errors import InputError
from opensoc_env.defenders import ConstantDefender, KeywordDefender
from opensoc_env.judge import action_of
from opensoc_env.log_text import split_line
from opensoc_env.models import ACTIONS, MAX_CITED, Action, SubmitTriage
from opensoc_train.shortcut_tree import fit_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from opensoc_env.defenders import Defender, TriageItem
    from opensoc_env.match import Deal
    from opensoc_env.models import LogLine, Observation
    from opensoc_train.shortcut_tree import Classifier

    Look: TypeAlias = Callable[[TriageItem], str]
    Cite: TypeAlias = Callable[[Sequence[LogLine]], Sequence[LogLine]]
    Counts: TypeAlias = dict[str, int]

# Values that few fields have many of; text of other fields is no single fact.
_MAX_VALUE = 32
_SEVERITY = re.compile(r"eventseverity=(\d+)")


@dataclass(frozen=True, slots=True)
class PriorDefender:
    """The most common action beside one fact, and lines at a fixed place."""

    name: str
    look: Look
    table: Mapping[str, Action]
    default: Action
    cite: Cite = lambda _: ()

    def answer(self, items: Sequence[TriageItem]) -> list[SubmitTriage | None]:
        """The prior's action for each item."""
        return [self._decide(item) for item in items]

    def _decide(self, item: TriageItem) -> SubmitTriage:
        action = self.table.get(self.look(item), self.default)
        lines = self.cite(item.observation.log_window)[:MAX_CITED]
        cited = [line.log_id for line in lines]
        return SubmitTriage(action=action, cited_log_ids=cited)


@dataclass(frozen=True, slots=True)
class TreeDefender:
    """A decision tree on counts and single fields of what is shown."""

    name: str
    features: Callable[[Observation], Counts]
    model: Classifier

    def answer(self, items: Sequence[TriageItem]) -> list[SubmitTriage | None]:
        """The tree's action for each item; it cites nothing."""
        rows = [self.features(item.observation) for item in items]
        actions = self.model.predict(rows) if rows else []
        return [SubmitTriage.model_validate({"action": a}) for a in actions]


def shortcuts_of(deals: Sequence[Deal]) -> tuple[Defender, ...]:
    """Every shortcut, fitted to alerts with known truth.

    Raises:
        InputError: scikit-learn is not installed, or there is nothing to fit to.
    """
    if not deals:
        raise InputError("shortcuts are fitted to labelled alerts, and there are none")
    places: Mapping[str, Cite] = {
        "first_line": lambda window: window[:1],
        "last_line": lambda window: window[-1:],
        "longest_line": lambda window: sorted(window, key=_length)[:1],
        "cite_all": lambda window: window,
    }
    return (
        *(ConstantDefender(action) for action in ACTIONS),
        _prior("category_prior", _category, deals),
        _prior("severity_prior", _severity, deals),
        _prior("event_count_prior", _event_count, deals),
        *(_prior(name, _event_count, deals, cite) for name, cite in places.items()),
        KeywordDefender(),
        _tree("tree_on_window", window_counts, deals),
        _tree("tree_on_all", all_counts, deals),
    )


def window_counts(view: Observation) -> Counts:
    """How often types, sensors and short values of single fields are in a window."""
    counts: Counter[str] = Counter()
    for line in view.log_window:
        counts[f"type {line.event_type}"] += 1
        counts[f"sensor {line.source}"] += 1
        counts.update(_short_fields(line))
    if view.alert:
        counts["hosts"] = len(view.alert.hosts)
        counts["users"] = len(view.alert.users)
    counts["events"] = len(view.log_window)
    return dict(counts)


def all_counts(view: Observation) -> Counts:
    """The counts of a window, and those of the kinds of facts that stand beside it."""
    counts = Counter(window_counts(view))
    for fact in view.context:
        kind = " ".join(_shape(fact))
        counts[f"fact {kind}"] += 1
    return dict(counts)


def _prior(
    name: str, look: Look, deals: Sequence[Deal], cite: Cite = lambda _: ()
) -> PriorDefender:
    seen: dict[str, Counter[Action]] = {}
    every: Counter[Action] = Counter()
    for dealt in deals:
        action = action_of(dealt.truth)
        seen.setdefault(look(dealt.item), Counter())[action] += 1
        every[action] += 1
    table = {fact: _commonest(counts) for fact, counts in seen.items()}
    return PriorDefender(name, look, table, _commonest(every), cite)


def _commonest(counts: Counter[Action]) -> Action:
    """The action seen most; of equals the one that stands first in `ACTIONS`."""
    return max(ACTIONS, key=lambda action: counts[action])


def _category(item: TriageItem) -> str:
    return str(item.incident.get("category", ""))


def _severity(item: TriageItem) -> str:
    """The highest severity that a product gave; empty where none did."""
    texts = ("\n".join(_short_fields(line)) for line in item.observation.log_window)
    found = [int(number) for text in texts for number in _SEVERITY.findall(text)]
    return str(max(found, default=""))


def _event_count(item: TriageItem) -> str:
    return str(len(item.observation.log_window))


def _length(line: LogLine) -> tuple[int, str]:
    return -len(line.text), line.log_id


def _short_fields(line: LogLine) -> Iterable[str]:
    """Fields and their values, the same whatever the style of the line."""
    for key, word in split_line(line.text):
        value = word.partition(key)[2].lstrip('":= ').strip('" ')
        name = re.sub(r"[^a-z0-9]", "", key.lower())
        yield f"has {name}"
        if len(value) <= _MAX_VALUE:
            yield f"{name}={value.lower()}"


def _shape(fact: str) -> list[str]:
    """The plain words of a sentence: names and numbers say nothing of its kind."""
    words = fact.partition("(")[0] + fact.partition(")")[2]
    return [word for word in words.split() if word.strip(",.:").isalpha()]


def _tree(
    name: str, features: Callable[[Observation], Counts], deals: Sequence[Deal]
) -> TreeDefender:
    rows = [features(dealt.item.observation) for dealt in deals]
    labels = [action_of(dealt.truth) for dealt in deals]
    return TreeDefender(name, features, fit_tree(rows, labels))
