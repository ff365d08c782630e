"""Other rule engines behind one face: each labels an incident by the portable rules.

An engine that is not installed is said to be missing; nothing stands in for it.
"""

from __future__ import annotations

import importlib.metadata
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import portable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Incident = "Mapping[str, Any]"


@dataclass(frozen=True, slots=True)
class Peer:
    """An engine with the portable rules loaded.

    Attributes:
        prepare: Turns an incident into what the engine wants; that is not timed.
        label: The action for what was prepared.
        share: How many incidents it is timed on, as a part of all: slow ones get fewer.
    """

    name: str
    version: str
    takes: str
    prepare: Callable[[Mapping[str, Any]], Any]
    label: Callable[[Any], str]
    share: float = 1.0


def _datalogic() -> list[Peer]:
    import datalogic_py

    engine = datalogic_py.Engine()
    rule = engine.compile(portable.json_logic())
    session = engine.session()

    def parsed(incident: Mapping[str, Any]) -> Any:
        return datalogic_py.DataHandle(json.dumps(incident))

    def of_handle(handle: Any) -> str:
        return str(session.evaluate_data(rule, handle))

    def of_text(text: str) -> str:
        return str(json.loads(session.evaluate_str(rule, text)))

    version = importlib.metadata.version("datalogic-py")
    return [
        Peer("datalogic-py", version, "parsed", parsed, of_handle),
        Peer("datalogic-py", version, "dict", dict, lambda d: str(rule.evaluate(d))),
        Peer("datalogic-py", version, "JSON", json.dumps, of_text),
    ]


def _opa_eval() -> list[Peer]:
    import opa_eval

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "portable.rego"
        path.write_text(portable.rego_module())
        engine = opa_eval.OpaEval(str(path), query="data.portable.outcome")
    version = importlib.metadata.version("opa-eval")

    def label(text: str) -> str:
        return str(engine.evaluate_parsed(text))

    return [Peer("opa-eval (regorus)", version, "JSON", json.dumps, label, 0.2)]


def _regopy() -> list[Peer]:
    import re2  # noqa: F401 - regopy brings a copy of its own: the one of policies first
    import regopy

    engine = regopy.Interpreter()
    engine.add_module("portable", portable.rego_module())

    def label(text: str) -> str:
        engine.set_input_term(text)
        answer = str(engine.query("answer = data.portable.outcome"))
        return str(json.loads(answer)["bindings"]["answer"])

    version = importlib.metadata.version("regopy")

    def prepare(incident: Mapping[str, Any]) -> str:
        return json.dumps(incident, ensure_ascii=False)

    return [Peer("regopy (rego-cpp)", version, "JSON", prepare, label, 0.01)]


def _zen() -> list[Peer]:
    import zen

    expression = zen.compile_expression(portable.zen_text())
    version = importlib.metadata.version("zen-engine")
    label = lambda d: str(expression.evaluate(d))  # noqa: E731 - one line says it
    return [Peer("zen-engine", version, "dict", dict, label, 0.2)]


def _rule_engine() -> list[Peer]:
    import rule_engine

    context = rule_engine.Context(resolver=rule_engine.resolve_item)
    texts = portable.rule_engine_texts()
    rules = [rule_engine.Rule(text, context=context) for text in texts]

    def label(incident: Mapping[str, Any]) -> str:
        for action, rule in zip(portable.ORDER, rules, strict=True):
            if rule.matches(incident):
                return action
        return portable.DEFAULT

    version = importlib.metadata.version("rule-engine")
    return [Peer("rule-engine", version, "dict", dict, label, 0.02)]


def _celpy() -> list[Peer]:
    import celpy

    environment = celpy.Environment()
    program = environment.program(environment.compile(portable.cel_text()))
    version = importlib.metadata.version("cel-python")
    label = lambda d: str(program.evaluate(d))  # noqa: E731 - one line says it
    return [Peer("cel-python", version, "parsed", celpy.json_to_cel, label, 0.005)]


def _cel() -> list[Peer]:
    import cel

    program = cel.compile(portable.cel_text())
    version = importlib.metadata.version("common-expression-language")
    label = lambda d: str(program.execute(d))  # noqa: E731 - one line says it
    return [Peer("common-expression-language", version, "dict", dict, label, 0.05)]


_ENGINES: Mapping[str, Callable[[], list[Peer]]] = {
    "datalogic-py": _datalogic,
    "opa-eval": _opa_eval,
    "regopy": _regopy,
    "zen-engine": _zen,
    "rule-engine": _rule_engine,
    "cel-python": _celpy,
    "common-expression-language": _cel,
}
# What other people may have, and we have no adapter for.
_UNKNOWN = ("regorus",)


def find_peers() -> tuple[list[Peer], list[str]]:
    """The engines that are installed, and the names of those that are not."""
    found: list[Peer] = []
    missing = list(_UNKNOWN)
    for name, load in _ENGINES.items():
        try:
            found += load()
        except ImportError:
            missing.append(name)
    return found, sorted(missing)
