from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensoc_env.models import ACTIONS, SubmitTriage
from opensoc_train.answers import MAX_ANSWER_TEXT, parse_answer, render_answer

MONITOR = '{"action": "monitor", "cited_log_id": "L1-2"}'

answers = st.builds(
    SubmitTriage,
    action=st.sampled_from(ACTIONS),
    cited_log_id=st.text("L1-0123456789", max_size=8),
    rationale=st.text(max_size=60).map(str.strip),
)
noise = st.text(st.characters(exclude_characters="{<"), max_size=40)


@given(answers)
def test_what_is_rendered_is_read_back(answer: SubmitTriage) -> None:
    assert parse_answer(render_answer(answer)) == answer


@given(answers, noise, noise)
def test_words_around_the_object_do_not_matter(
    answer: SubmitTriage, before: str, after: str
) -> None:
    assert parse_answer(before + render_answer(answer) + after) == answer


@given(st.text(st.sampled_from('{}[]":,\\ action monitor'), max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    found = parse_answer(text)

    assert found is None or found.action in ACTIONS


@given(answers, answers)
def test_two_answers_count_only_if_they_agree(
    one: SubmitTriage, other: SubmitTriage
) -> None:
    found = parse_answer(render_answer(one) + "\n" + render_answer(other))
    agree = (one.action, one.cited_log_id) == (other.action, other.cited_log_id)

    assert (found is not None) == agree


@given(answers, st.integers(1, 30))
def test_a_cut_answer_is_not_read(answer: SubmitTriage, missing: int) -> None:
    assert parse_answer(render_answer(answer)[:-missing]) is None


@pytest.mark.parametrize(
    "text",
    [
        f"```json\n{MONITOR}\n```",
        f'{{"submit_triage": {MONITOR}}}',
        '{"action": " Monitor ", "cited_log_id": "L1-2", "confidence": 0.4}',
        f'<think>perhaps {{"action": "dismiss"}}</think>{MONITOR}',
    ],
)
def test_usual_wrappings_are_read(text: str) -> None:
    found = parse_answer(text)

    assert found is not None
    assert (found.action, found.cited_log_id) == ("monitor", "L1-2")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "monitor",
        '{"action": "delete_host"}',
        '{"action": ["monitor"]}',
        '{"action": "monitor", "action": "dismiss"}',
        '{"action": "monitor", "cited_log_id": 3}',
        '{"action": "monitor", "cited_log_id": "' + "x" * 65 + '"}',
        '{"a":' * 100_000,
        "[" * 100_000,
        "{" * 100_000,
        json.dumps({"action": "monitor", "number": 1}).replace("1", "1" * 5_000),
    ],
)
def test_everything_else_is_no_answer(text: str) -> None:
    assert parse_answer(text) is None


def test_only_the_end_of_a_long_text_is_read() -> None:
    assert parse_answer(MONITOR + " " * MAX_ANSWER_TEXT) is None
    assert parse_answer(" " * MAX_ANSWER_TEXT + MONITOR) is not None
