"""Requests that schemathesis makes from our own OpenAPI document, good and bad."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

pytest.importorskip("openenv", reason="needs the serve extra")
pytest.importorskip("schemathesis", reason="needs the dev extra")

import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from starlette.testclient import TestClient

from opensoc_env.server.app import build_app

OURS = {"/reset", "/step", "/state", "/grade", "/tasks", "/healthz", "/readyz"}


@pytest.fixture(scope="module")
def schema() -> Any:
    # Few places, so that the refusal when all are taken is met as well.
    return schemathesis.openapi.from_asgi("/openapi.json", build_app(max_episodes=8))


def attack(schema: Any, mode: GenerationMode, examples: int) -> set[str]:
    """Call every operation; a bad answer raises. What is returned was called."""
    load_all_checks()
    # A role without its mode fits the schema and is refused: no schema says that.
    spared = [CHECKS.get_one("positive_data_acceptance")]
    called: set[str] = set()
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def call(case: Any) -> None:
            called.add(case.operation.path)
            case.call_and_validate(excluded_checks=spared)

        # Nothing is wrong with a call that has no arguments.
        with suppress(Unsatisfiable):
            call()
    return called


def test_what_fits_the_schema_is_answered_as_documented(schema: Any) -> None:
    called = attack(schema, GenerationMode.POSITIVE, 6)

    assert called >= OURS


def test_what_does_not_fit_is_refused_as_documented(schema: Any) -> None:
    called = attack(schema, GenerationMode.NEGATIVE, 6)

    assert called >= {"/reset", "/step", "/state", "/grade"}


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_the_long_form(schema: Any, mode: GenerationMode) -> None:
    assert attack(schema, mode, 1000)


def test_every_operation_documents_how_it_refuses(schema: Any) -> None:
    told = schema.raw_schema

    operations = [op for path in told["paths"].values() for op in path.values()]
    shape = told["components"]["schemas"]["Problem"]
    assert len(operations) > 15
    for operation in operations:
        content = operation["responses"]["default"]["content"]
        assert content.keys() == {"application/problem+json"}
        assert "422" not in operation["responses"]
    assert {"type", "title", "status", "detail", "code"} <= set(shape["required"])


@pytest.mark.parametrize(
    ("name", "mode"), [("triage", "defender_only"), ("craft", "self_play")]
)
def test_the_examples_of_turns_can_be_sent(schema: Any, name: str, mode: str) -> None:
    step = schema.raw_schema["paths"]["/step"]["post"]
    body = step["requestBody"]["content"]["application/json"]
    turn = body["examples"][name]["value"]
    client = TestClient(build_app())
    asked = {"mode": mode, "seed": 0}
    client.post("/reset", params=asked)
    told = client.post("/step", params=asked, json=turn).json()

    assert turn.keys() <= body["schema"]["properties"].keys()
    assert told["errors"] == []
    assert told["role"] == "defender"
    assert told["done"] == (name == "triage")
