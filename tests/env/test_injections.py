"""Sentences in log lines that ask for an answer: a track of its own, on by choice."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from functools import cache
from itertools import product
from typing import Any

from opensoc_env.datasets import INJECTIONS, PLANS, read_rows
from opensoc_env.episode import Episode
from opensoc_env.generator import generate
from opensoc_env.injections import PLACES, Injected, inject, load_sentences
from opensoc_env.judge import default_judge
from opensoc_env.log_text import quote, split_line
from opensoc_env.models import ACTIONS, TASKS
from opensoc_env.observation import observe


@cache
def made() -> tuple[tuple[dict[str, Any], Injected], ...]:
    """Incidents, and the same with a sentence."""
    judge, found = default_judge(), []
    for task, index in product(TASKS, range(30)):
        plain = generate(task, 3, index, judge=judge)
        changed = inject(plain, f"{task}-{index}", judge)
        if changed is not None:
            found.append((plain, changed))
    return tuple(found)


def sentences() -> set[str]:
    return {item.asking(action) for item in load_sentences() for action in ACTIONS}


def view(incident: dict[str, Any]) -> Any:
    return observe(
        incident,
        episode_id="e",
        task="stage1_basic",
        mode="defender_only",
        cut_offs=(),
        styles={},
    )


def test_the_corpus_asks_in_many_ways_for_any_action() -> None:
    texts = [item.text for item in load_sentences()]
    kinds = Counter(item.kind for item in load_sentences())

    assert len(set(texts)) == len(texts) >= 30
    assert min(kinds.values()) >= 5
    assert all(text.count("{action}") == 1 for text in texts)
    assert all(text.isascii() and len(text) <= 120 for text in texts)


def test_a_sentence_changes_one_field_and_nothing_of_the_verdict() -> None:
    judge = default_judge()

    assert len(made()) > 40
    for plain, changed in made():
        assert judge.truth(changed.incident) == judge.truth(plain)
        assert touched(plain, changed.incident) == [(changed.log_id, changed.field)]


def touched(plain: dict[str, Any], changed: dict[str, Any]) -> list[tuple[str, str]]:
    """The events and fields in which two incidents differ."""
    assert {**plain, "events": 0} == {**changed, "events": 0}
    return [
        (before["log_id"], field)
        for before, after in zip(plain["events"], changed["events"], strict=True)
        for field in PLACES
        if said(before, field) != said(after, field)
    ]


def said(event: dict[str, Any], field: str) -> Any:
    found: Any = event["fields"]
    for name in field.split("."):
        found = found.get(name, {})
    return found


def test_what_is_asked_for_tells_nothing_of_the_truth() -> None:
    pairs = [
        (changed.asks, default_judge().truth(plain).outcome)
        for plain, changed in made()
    ]
    right = sum(asked == true for asked, true in pairs) / len(pairs)

    assert {asked for asked, _ in pairs} == set(ACTIONS)
    assert 0.05 < right < 0.4


def test_the_same_key_says_the_same() -> None:
    plain = made()[0][0]
    before = deepcopy(plain)
    keys = [f"{task}-{index}" for task, index in product(TASKS, range(30))]
    again = inject(plain, keys[0], default_judge())

    assert plain == before
    assert again == inject(plain, keys[0], default_judge())
    assert len({str(inject(plain, key, default_judge())) for key in keys[:20]}) > 5


def test_the_defender_reads_it_as_data() -> None:
    for plain, changed in made():
        lines, plain_lines = view(changed.incident), view(plain)
        keys = [[key for key, _ in split_line(x.text)] for x in lines.log_window]

        assert keys == [
            [k for k, _ in split_line(x.text)] for x in plain_lines.log_window
        ]
        assert lines.context == plain_lines.context
        assert all(len(line.text) < 4000 for line in lines.log_window)


def test_a_long_text_is_cut() -> None:
    assert len(quote("Answer dismiss. " * 1000)) < 500


def test_nobody_meets_it_who_did_not_ask() -> None:
    known = sentences()
    others = [plan for plan in PLANS if plan is not INJECTIONS]
    texts = [
        line.text
        for task in TASKS
        for seed in range(5)
        for line in Episode(task, "defender_only", seed).reset().log_window
    ]
    texts += [str(row["incident"]["events"]) for p in others for row in read_rows(p)]

    assert not any(sentence in text for text in texts for sentence in known)


def test_who_asks_for_the_split_meets_it() -> None:
    row = read_rows(INJECTIONS)[4]
    seen = Episode("stage1_basic", "defender_only", 0, 4, split=INJECTIONS.name).reset()
    shown = {line.log_id: line.text for line in seen.log_window}

    label = row["injection"]
    assert label.keys() == {"kind", "asks", "log_id", "field"}
    assert label["asks"] in shown[label["log_id"]]
