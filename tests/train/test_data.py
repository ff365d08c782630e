from __future__ import annotations

import json
from pathlib import Path

import pytest

from opensoc_engine.errors import InputError
from opensoc_env.judge import Judge
from opensoc_train.data import HOLDOUT, SFT, load_data


def rewrite(path: Path, at: int, **changes: object) -> None:
    """Change the fields of one line of a data set file."""
    lines = path.read_text("utf-8").splitlines()
    lines[at] = json.dumps({**json.loads(lines[at]), **changes})
    path.write_text("\n".join(lines), "utf-8")


def test_the_committed_sets_are_labelled_by_the_committed_policies(
    judge: Judge,
) -> None:
    for path in (HOLDOUT, SFT):
        data = load_data(path, judge, limit=40)

        assert data.is_current
        assert data.changed == ()


def test_a_label_in_the_file_is_compared_and_never_believed(
    data_file: Path, judge: Judge
) -> None:
    right = load_data(data_file, judge).examples[1].action
    lie = "dismiss" if right != "dismiss" else "monitor"
    rewrite(data_file, 1, truth={"action": lie}, digest="other")

    data = load_data(data_file, judge)

    assert data.examples[1].action == right
    assert data.changed == (data.examples[1].id,)
    assert "1 of 4 changed" in data.describe_labels()


def test_a_limit_takes_examples_from_the_whole_file(judge: Judge) -> None:
    data = load_data(HOLDOUT, judge, limit=4)

    assert len({example.dealt.task for example in data.examples}) > 1


def test_stages_can_be_chosen(judge: Judge) -> None:
    data = load_data(HOLDOUT, judge, tasks=("stage2_multi",), limit=3)

    assert {example.dealt.task for example in data.examples} == {"stage2_multi"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": ""}, ":3: `id` is missing"),
        ({"task": "stage9"}, ":3: `task` is none of stage1_basic"),
        ({"incident": {"events": []}}, ":3: incident: "),
        ({"incident": 7}, ":3: incident: "),
    ],
)
def test_a_bad_line_is_named(
    data_file: Path, judge: Judge, changes: dict[str, object], message: str
) -> None:
    rewrite(data_file, 2, **changes)

    with pytest.raises(InputError) as caught:
        load_data(data_file, judge)

    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["{", "[1]", "nul", "[" * 200_000, "\xff"])
def test_a_line_that_is_no_object_is_named(
    tmp_path: Path, judge: Judge, text: str
) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(text, "latin-1")

    with pytest.raises(InputError, match=r"bad\.jsonl:1: not"):
        load_data(path, judge)


def test_a_missing_or_empty_file_is_refused(tmp_path: Path, judge: Judge) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.touch()

    with pytest.raises(InputError, match="no example"):
        load_data(empty, judge)
    with pytest.raises(InputError, match="No such file"):
        load_data(tmp_path / "gone.jsonl", judge)


def test_two_examples_of_one_id_are_refused(data_file: Path, judge: Judge) -> None:
    first = json.loads(data_file.read_text("utf-8").splitlines()[0])
    rewrite(data_file, 3, id=first["id"])

    with pytest.raises(InputError, match="two examples have the id"):
        load_data(data_file, judge)
