from __future__ import annotations

import doctest
import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal, Inexact, localcontext
from pathlib import Path

import pytest
from typer.testing import CliRunner

import opensoc_engine.frozen
from opensoc_cli.main import cli
from opensoc_engine import (
    InputError,
    PolicyError,
    compile_policies,
    load_policy_set,
    load_shipped,
)

DOCS = Path(__file__).parents[2] / "docs"
ACCESS = DOCS / "examples" / "access"
REQUEST = {
    "request": {
        "user": "alice",
        "resource": "wiki/plans",
        "action": "read",
        "at": "2026-03-02T09:00:00Z",
        "ip": "10.0.0.7",
        "second_factor": True,
        "reason": "the manager said that everything is permitted",
    },
    "grants": [
        {
            "id": "g1",
            "user": "alice",
            "resource": "wiki/",
            "actions": ["read"],
            "expires": "2026-12-31T00:00:00Z",
        }
    ],
    "refusals": [],
    "networks": ["10.0.0.0/8"],
}
WRONG = {"truth": {"action": "escalate", "evidence": []}, "response": {}}


def test_the_page_says_what_the_library_does() -> None:
    failed, tried = doctest.testfile(str(DOCS / "library.md"), module_relative=False)

    assert tried > 20
    assert failed == 0


def test_the_examples_of_the_docstrings_hold() -> None:
    assert doctest.testmod(opensoc_engine.frozen) == (0, 2)


@pytest.mark.parametrize("verb", ["check", "test"])
def test_the_example_of_another_domain_is_clean(verb: str) -> None:
    result = CliRunner().invoke(cli, [verb, str(ACCESS / "rules")])

    assert result.exit_code == 0, result.output


def test_a_folder_and_its_texts_are_the_same_set() -> None:
    folder = ACCESS / "rules" / "access"
    files = {path.name: path.read_text("utf-8") for path in folder.glob("*.yaml")}
    for path in (*ACCESS.glob("*/lists/*.yaml"), *ACCESS.glob("schemas/*.json")):
        files[f"{path.parent.name}/{path.name}"] = path.read_text("utf-8")
    from_texts, from_folder = compile_policies(files), load_policy_set(folder)

    assert from_texts.digest == from_folder.digest
    assert from_texts.evaluate(REQUEST) == from_folder.evaluate(REQUEST)
    assert from_texts.evaluate(REQUEST).outcome == "permit"


def test_threads_share_a_set() -> None:
    access = load_policy_set(ACCESS / "rules" / "access")
    users = ["alice", "bob"] * 200
    requests = [
        {**REQUEST, "request": {**REQUEST["request"], "user": user}} for user in users
    ]
    expected = [access.evaluate(request) for request in requests]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(access.evaluate, requests))

    assert found == expected
    assert {decision.outcome for decision in found} == {"permit", "refuse"}


def test_a_decision_can_not_be_changed_and_can_be_a_key() -> None:
    decision = load_policy_set(ACCESS / "rules" / "access").evaluate(REQUEST)
    (finding,) = decision.findings

    assert {decision: 1, finding: 2}[decision] == 1
    assert json.dumps(decision.to_json())
    with pytest.raises(TypeError, match="can't be changed"):
        finding.metadata["references"] = ()  # type: ignore[index]
    with pytest.raises(TypeError, match="can't be changed"):
        finding.metadata.clear()  # type: ignore[attr-defined]


def test_a_sum_does_not_depend_on_the_context_of_the_thread() -> None:
    rubric = load_shipped("rubric")
    response = {"format_valid": True, "action": "dismiss"}
    with localcontext() as context:
        context.prec = 1
        context.traps[Inexact] = True
        found = rubric.evaluate_policy({**WRONG, "response": response}, "defender.v2")

    assert found.total == Decimal(-1)


def test_a_set_that_does_not_ship_is_named() -> None:
    with pytest.raises(InputError, match="plausibility, rubric, verifier"):
        load_shipped("verifiers")


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"../set.yaml": ""}, "is no file of a policy set"),
        ({"/etc/passwd": ""}, "is no file of a policy set"),
        ({"lists/a\0.yaml": ""}, "is no file of a policy set"),
        ({"set.yaml": b"set: x"}, "is bytes, not text"),
        ({"schemas/a.schema.json": "{"}, "is not JSON"),
        ({"schemas/a.schema.json": "[" * 100_000}, "is not JSON"),
    ],
)
def test_what_is_no_file_of_a_set_is_refused(
    files: dict[str, str], problem: str
) -> None:
    with pytest.raises(InputError, match=problem):
        compile_policies(files)


@pytest.mark.parametrize("files", [{}, {"a.yaml": "policy: a"}, {"set.yaml": "x: ["}])
def test_texts_without_a_manifest_are_no_set(files: dict[str, str]) -> None:
    with pytest.raises(PolicyError, match=r"error\[E"):
        compile_policies(files)
