"""What labels by a whole verifier set: ours in several forms, and by hand.

The rules by hand are those of `benchmarks/rules`, a copy of the shipped set that
stays as it is: so figures can be compared from one release to the next, and nobody has
to write every new rule twice. Today's set is timed beside it, by the engine alone.
"""

from __future__ import annotations

import json
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.by_hand.rules import label
from benchmarks.measure import Contender
from opensoc_engine import load_policy_set
from opensoc_engine.interpreter import interpret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opensoc_engine import PolicySet


def pinned() -> PolicySet:
    """The set that the rules by hand say again."""
    return load_policy_set(Path(__file__).parent / "rules" / "verifier")


def contenders(verifier: PolicySet) -> tuple[list[Contender], list[str]]:
    """The contenders, and what is missing; the first one is the hand-written code."""
    found = [Contender("by hand", "dict", dict, label), *_of_dicts(verifier)]
    return [*found, *_by_hand_of_json(), *_of_json(verifier)], _missing()


def ours(verifier: PolicySet) -> list[Contender]:
    """The engine alone, for a set that nobody wrote by hand."""
    return [*_of_dicts(verifier), *_of_json(verifier)]


def _of_dicts(verifier: PolicySet) -> list[Contender]:
    return [
        Contender("generated code", "dict", dict, verifier.outcome),
        Contender(
            "generated code, all findings",
            "dict",
            dict,
            lambda incident: verifier.evaluate(incident).outcome,
        ),
        Contender("interpreter", "dict", dict, interpreted(verifier), 0.002),
    ]


def interpreted(policies: PolicySet) -> Callable[[Mapping[str, Any]], str]:
    """The oracle: every rule, by the interpreter."""
    rules = [(item, interpret(item.program)) for item in policies.compiled]
    outcomes = {f.rule: f.outcome for part in policies.parts for f in part.facts}

    def outcome(incident: Mapping[str, Any]) -> str:
        fired = set()
        for item, functions in rules:
            document, cache = item.seen(incident), dict[str, Any]()
            for rule, solutions in functions.items():
                if any(True for _ in solutions(document, cache)):
                    fired.add(outcomes[rule])
        return next(
            (name for name in policies.order if name in fired), policies.default
        )

    return outcome


def _by_hand_of_json() -> Iterator[Contender]:
    yield Contender("by hand, json", "JSON", _bytes, lambda b: label(json.loads(b)))
    if find_spec("orjson") is not None:
        loads = import_module("orjson").loads
        yield Contender("by hand, orjson", "JSON", _bytes, lambda b: label(loads(b)))


def _of_json(verifier: PolicySet) -> Iterator[Contender]:
    if find_spec("msgspec") is None:
        return
    structs = import_module("opensoc_engine.structured").structured(verifier)

    def decoded(incident: Mapping[str, Any]) -> Any:
        return structs.decode(_bytes(incident))

    yield Contender("generated code", "struct", decoded, structs.outcome)
    yield Contender(
        "generated code, msgspec",
        "JSON",
        _bytes,
        lambda text: structs.outcome(structs.decode(text)),
    )


def _bytes(incident: Mapping[str, Any]) -> bytes:
    return json.dumps(incident, separators=(",", ":")).encode()


def _missing() -> list[str]:
    return [name for name in ("msgspec", "orjson") if find_spec(name) is None]
