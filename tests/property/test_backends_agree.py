from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from policy_modules import Texts, attempt
from rego_programs import documents, programs

from opensoc_engine.codegen.python import generate
from opensoc_engine.interpreter import interpret

if TYPE_CHECKING:
    from opensoc_engine.ir import Solution


def shown(solutions: list[Solution]) -> list[tuple[tuple[str, ...], str]]:
    """With values as text: `1` and `1.0` are equal, but a decision prints them."""
    return [(evidence, str(value)) for evidence, value in solutions]


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs(), documents)
def test_generated_code_finds_what_the_interpreter_finds_in_the_same_order(
    program: Texts, document: dict[str, Any]
) -> None:
    module, problems = attempt(program)
    assert module is not None, [problem.message for problem in problems]

    generated = generate(module, "test").rules["rule"](document, {})
    interpreted = interpret(module)["rule"](document, {})

    assert shown(list(generated)) == shown(list(interpreted))
