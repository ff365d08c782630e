from __future__ import annotations

from typing import Any

from policy_modules import Texts, document, lowered, process

from opensoc_engine.agenda import Agenda
from opensoc_engine.codegen.generated import ELEMENTS
from opensoc_engine.codegen.python import generate_set

PROCESS = 'some e in input.events\ne.kind == "process"\n'
SURE = f"{PROCESS}e.size > 1"
UNSURE = f"{PROCESS}time.parse_rfc3339_ns(e.at) > 0"


def asked(outcomes: tuple[str, ...], *bodies: str, **events: Any) -> Any:
    """The outcomes to ask for, and what is sure, of rules with one body each."""
    rules = {f"r{at}": (body,) for at, body in enumerate(bodies)}
    code = generate_set({"test": lowered(Texts(rules, {}))}, "test")
    agenda = Agenda(code, outcomes, ("strong", "weak"))
    found: dict[Any, Any] = {}
    buckets = code.scan(document(*events["events"]), found)
    tests, known = agenda.tests(buckets, len(found[ELEMENTS]))
    return [outcome for _, outcome in tests], known


def test_the_strongest_outcome_is_asked_for_first() -> None:
    outcomes, known = asked(("weak", "strong"), UNSURE, UNSURE, events=[process(1)])

    assert outcomes == ["strong", "weak"]
    assert known is None


def test_nothing_weaker_is_asked_than_what_is_sure() -> None:
    bodies = (UNSURE, SURE, UNSURE)

    outcomes, known = asked(("weak", "strong", "strong"), *bodies, events=[process(2)])

    assert outcomes == []
    assert known == "strong"


def test_a_body_that_counts_is_asked_for_enough_elements_only() -> None:
    found = "[f | some f in input.events; f.kind == `process`]"
    body = f"{PROCESS}count({found}) >= 2\ne.size > 0"
    few, many = [process(1)], [process(1), process(2)]

    assert asked(("weak",), body, events=few) == ([], None)
    assert asked(("weak",), body, events=many) == (["weak"], None)


def test_nothing_is_asked_of_a_document_without_elements() -> None:
    assert asked(("weak",), UNSURE, events=[]) == ([], None)
