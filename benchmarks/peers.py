"""Other rule engines behind one face: each labels an incident by the portable rules.

An engine that is not installed is said to be missing; nothing stands in for it.
"""

from __future__ import annotations

import json
import tempfile
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import portable
from benchmarks.measure import Contender

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _peer(
    package: str,
    takes: str,
    prepare: Callable[[Mapping[str, Any]], Any],
    label: Callable[[Any], str],
    share: float = 1.0,
) -> Contender:
    """A contender that is called by its package and version."""
    return Contender(f"{package} {version(package)}", takes, prepare, label, share)


def _datalogic() -> list[Contender]:
    datalogic_py = import_module("datalogic_py")

    engine = datalogic_py.Engine()
    rule = engine.compile(portable.json_logic())
    session = engine.session()

    def parsed(incident: Mapping[str, Any]) -> Any:
        return datalogic_py.DataHandle(json.dumps(incident))

    def of_handle(handle: Any) -> str:
        return str(session.evaluate_data(rule, handle))

    def of_text(text: str) -> str:
        return str(json.loads(session.evaluate_str(rule, text)))

    return [
        _peer("datalogic-py", "parsed", parsed, of_handle),
        _peer("datalogic-py", "dict", dict, lambda d: str(rule.evaluate(d))),
        _peer("datalogic-py", "JSON", json.dumps, of_text),
    ]


def _opa_eval() -> list[Contender]:
    opa_eval = import_module("opa_eval")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "portable.rego"
        path.write_text(portable.rego_module())
        engine = opa_eval.OpaEval(str(path), query="data.portable.outcome")

    def label(text: str) -> str:
        return str(engine.evaluate_parsed(text))

    return [_peer("opa-eval", "JSON", json.dumps, label, 0.2)]


def _regopy() -> list[Contender]:
    # It brings a copy of RE2 of its own: the one of policies must come first.
    import_module("re2")
    regopy = import_module("regopy")

    engine = regopy.Interpreter()
    engine.add_module("portable", portable.rego_module())

    def label(text: str) -> str:
        engine.set_input_term(text)
        answer = str(engine.query("answer = data.portable.outcome"))
        return str(json.loads(answer)["bindings"]["answer"])

    def prepare(incident: Mapping[str, Any]) -> str:
        return json.dumps(incident, ensure_ascii=False)

    return [_peer("regopy", "JSON", prepare, label, 0.01)]


def _zen() -> list[Contender]:
    zen = import_module("zen")

    expression = zen.compile_expression(portable.zen_text())
    return [
        _peer("zen-engine", "dict", dict, lambda d: str(expression.evaluate(d)), 0.2)
    ]


def _rule_engine() -> list[Contender]:
    rule_engine = import_module("rule_engine")

    context = rule_engine.Context(resolver=rule_engine.resolve_item)
    texts = portable.rule_engine_texts()
    rules = [rule_engine.Rule(text, context=context) for text in texts]

    def label(incident: Mapping[str, Any]) -> str:
        for action, rule in zip(portable.ORDER, rules, strict=True):
            if rule.matches(incident):
                return action
        return portable.DEFAULT

    return [_peer("rule-engine", "dict", dict, label, 0.02)]


def _celpy() -> list[Contender]:
    celpy = import_module("celpy")

    environment = celpy.Environment()
    program = environment.program(environment.compile(portable.cel_text()))

    def label(values: Any) -> str:
        return str(program.evaluate(values))

    return [_peer("cel-python", "parsed", celpy.json_to_cel, label, 0.005)]


def _cel() -> list[Contender]:
    cel = import_module("cel")

    program = cel.compile(portable.cel_text())

    def label(incident: Mapping[str, Any]) -> str:
        return str(program.execute(incident))

    return [_peer("common-expression-language", "dict", dict, label, 0.05)]


_ENGINES: Mapping[str, Callable[[], list[Contender]]] = {
    "datalogic-py": _datalogic,
    "opa-eval": _opa_eval,
    "regopy": _regopy,
    "zen-engine": _zen,
    "rule-engine": _rule_engine,
    "cel-python": _celpy,
    "common-expression-language": _cel,
}
# Engines that installed nowhere when this was written.
_UNKNOWN = ("regorus",)


def find_peers() -> tuple[list[Contender], list[str]]:
    """The engines that are installed, and the names of those that are not."""
    found: list[Contender] = []
    missing = list(_UNKNOWN)
    for name, load in _ENGINES.items():
        try:
            found += load()
        except ImportError:
            missing.append(name)
    return found, sorted(missing)
