from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from opensoc_cli import junit
from opensoc_cli.main import cli
from opensoc_engine import data_root
from opensoc_engine.coverage import FileCoverage, LineCoverage, measure
from opensoc_engine.loader import load_folder

if TYPE_CHECKING:
    from pathlib import Path

RULES = data_root() / "rules"
RUBRICS = ["attacker.v1", "attacker.v2", "attacker.v3", "defender.v1", "defender.v2"]
POLICY = """
policy: tiny
kind: rubric
version: 1.0.0
status: test
title: A policy to measure
input: attacker-grading.schema.json
bounds: {min: 0, max: 3}
define:
  new(limit): |
    input.novelty > limit
    input.plausible
  both(left, right):
    - left == right
    - left + right < 0
rules:
  - id: tiny-new
    title: It is new
    value: count([1 | some n in [1, 2]; n > 1])
    when: |
      input.schema_valid
      not input.defender_correct
      some limit in [0.25, 0.5]
      new(limit)
      every step in [1, 2] { both(step, step) }
"""


def document(**more: object) -> dict[str, object]:
    base = {"schema_valid": True, "plausible": True, "defender_correct": False}
    return {**base, "novelty": 1, **more}


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    folder = tmp_path / "rubric"
    folder.mkdir()
    shutil.copy(RULES / "rubric" / "set.yaml", folder)
    (folder / "tiny.yaml").write_text(POLICY)
    return folder


def measured(folder: Path, *documents: dict[str, object]) -> FileCoverage:
    policy_set = load_folder(folder).policy_set
    assert policy_set is not None, load_folder(folder).diagnostics
    return measure(policy_set, [("tiny", each) for each in documents])[0]


def line(found: FileCoverage, text: str) -> LineCoverage:
    (only,) = (each for each in found.lines if each.text == text)
    return only


def test_a_line_counts_how_often_it_held_and_failed(tiny: Path) -> None:
    found = measured(tiny, document(), document(novelty=0.3), document(novelty=0))
    new = line(found, "new(limit)")

    assert (new.reached, new.held, new.failed) == (6, 3, 3)
    assert (new.gap, new.covered, new.points) == (None, 2, 2)


def test_lines_of_helpers_and_inner_bodies_count(tiny: Path) -> None:
    found = measured(tiny, document(), document(novelty=0.1))

    assert line(found, "input.novelty > limit").gap is None
    assert line(found, "n > 1").gap is None
    assert line(found, "left == right").gap == "never failed"
    assert line(found, "both(step, step)").gap == "never failed"


def test_what_was_not_reached_is_told_from_what_never_held(tiny: Path) -> None:
    found = measured(tiny, document(schema_valid=False))

    assert line(found, "input.schema_valid").gap == "never held"
    assert line(found, "not input.defender_correct").gap == "never reached"


def test_a_line_that_binds_is_covered_once_it_held(tiny: Path) -> None:
    found = measured(tiny, document())
    some = line(found, "some limit in [0.25, 0.5]")

    assert (some.is_condition, some.points, some.covered) == (False, 1, 1)


def test_the_second_of_two_bodies_is_not_reached_if_the_first_holds(
    tiny: Path,
) -> None:
    found = measured(tiny, document())

    assert line(found, "left + right < 0").gap == "never reached"


def test_a_policy_without_runs_is_not_covered(tiny: Path) -> None:
    assert measured(tiny).percent == 0


def test_the_percentage_is_the_share_of_covered_points(tiny: Path) -> None:
    found = measured(tiny, document(), document(schema_valid=False))
    points = sum(each.points for each in found.lines)

    assert found.percent == 100 * sum(each.covered for each in found.lines) / points


def test_a_shared_helper_is_covered_by_every_policy() -> None:
    policy_set = load_folder(RULES / "rubric").policy_set
    assert policy_set is not None
    names = [file.name for file in measure(policy_set, [])]

    assert names == RUBRICS


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["test", *arguments])
    return result.exit_code, result.output


def test_gaps_come_before_a_table_of_percentages() -> None:
    code, output = run(str(RULES / "rubric"), "--coverage")

    assert code == 0
    assert "lines that never held\n" in output
    assert 'defender.v1.yaml:55: input.truth.action == "dismiss"' in output
    assert output.splitlines()[-1].startswith("all ")


def test_coverage_can_be_read_by_machines() -> None:
    code, output = run(str(RULES / "plausibility"), "--coverage", "--format", "json")
    found = json.loads(output)
    names = {file["policy"] for file in found["coverage"]}

    assert code == 0
    assert {case["policy"] for case in found["cases"]} <= names
    assert {line["kind"] for line in found["coverage"][0]["lines"]} == {
        "condition",
        "binding",
    }


def test_junit_has_a_suite_for_each_policy_with_its_coverage() -> None:
    code, output = run(str(RULES / "rubric"), "--coverage", "--format", "junit")
    root = ET.fromstring(output)  # noqa: S314 - our own output
    names = [suite.get("name") for suite in root]

    assert code == 0
    assert names == RUBRICS
    assert root.get("failures") == "0"
    place = "testsuite/properties/property[@name='coverage.percent']"
    assert root.find(place) is not None


def test_a_failed_case_is_a_failure_in_junit(tmp_path: Path) -> None:
    for name in ("rubric", "lists"):
        shutil.copytree(RULES / name, tmp_path / name)
    path = tmp_path / "rubric" / "attacker.v1.cases.yaml"
    text = path.read_text()
    assert "value: 1.1," in text
    path.write_text(text.replace("value: 1.1,", "value: 0.9,", 1))
    code, output = run(str(tmp_path), "--format", "junit")
    failures = list(ET.fromstring(output).iter("failure"))  # noqa: S314 - ours

    assert code == 1
    assert [failure.get("message") for failure in failures] == [
        "value: expected 0.9, actual 1.10"
    ]


def test_junit_holds_no_character_that_xml_refuses() -> None:
    assert junit._text("a\x00b\x1b\ud800c") == "a\ufffdb\ufffd\ufffdc"
