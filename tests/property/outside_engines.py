"""Other Rego engines behind one face, and plain Rego for what they lack.

What an engine lacks is put in as a helper of the module, never left out: calls and
lines are rewritten in the tree, and `compatibility.rego` defines what they call.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import opa_eval

from opensoc_engine.codegen.rego import policy_module
from opensoc_engine.rego import nodes as n
from opensoc_engine.rego.rewriter import Rewriter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opensoc_engine.analysis.checker import CheckedProgram
    from opensoc_engine.policy.model import Manifest

FOLDER = Path(__file__).parent
COMPATIBILITY = (FOLDER / "compatibility.rego").read_text()


class Engine(Protocol):
    """Answers for the rules of one module.

    Attributes:
        name: What tests call it.
        lacks: Builtins and operators, with what they are called instead.
        reads_quotes: True if strings of a document may hold `"`.
        keyed: True if a comprehension may hold `some key, value in ...`.
        step: One of so many hold-out documents is asked in the long form.
        short: One of so many cases is asked in the short form.
    """

    name: ClassVar[str]
    lacks: ClassVar[Mapping[str, str]]
    keyed: ClassVar[bool]
    reads_quotes: ClassVar[bool]
    step: ClassVar[int]
    short: ClassVar[int]

    def __init__(self, module: str, data: Mapping[str, Any], folder: Path) -> None:
        """Read a module; `folder` is a place for its file."""

    def ask(self, rule: str, document: Any) -> Any:
        """The value of `data.<rule>`, or None if it is undefined."""


class _Child:
    """A process with rego-cpp, for a number of characters that are sent to it."""

    _MOST = 300_000
    _latest: ClassVar[_Child | None] = None

    def __init__(self) -> None:
        self._left = self._MOST
        self._owner: object = None
        self._process = subprocess.Popen(
            [sys.executable, FOLDER / "regopy_child.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    @classmethod
    def lent_to(cls, owner: object) -> _Child:
        """One with a new interpreter; who had it before can't ask any more."""
        if cls._latest is None or cls._latest._left <= 0:
            if cls._latest is not None:
                cls._latest.stop()
            cls._latest = cls()
        cls._latest._owner = owner
        cls._latest.send(owner, "new")
        return cls._latest

    def send(self, owner: object, name: str, *arguments: str) -> Any:
        """Call a method of the other side."""
        assert owner is self._owner, "another engine has the process by now"
        line = json.dumps([name, *arguments])
        self._left -= len(line)
        written, read = self._process.stdin, self._process.stdout
        assert written is not None
        assert read is not None
        written.write(f"{line}\n")
        written.flush()
        answer = read.readline()
        assert answer, f"rego-cpp ended at {name} {arguments}"
        return json.loads(answer)

    def stop(self) -> None:
        """End the process, which frees what it keeps."""
        self._process.communicate()


class RegoCpp:
    """rego-cpp, through regopy; one at a time."""

    name = "regopy"
    lacks: ClassVar = {
        "net.cidr_contains": "compat_cidr_contains",
        "time.parse_rfc3339_ns": "compat_instant",
        # A quotient with a zero in it spoils the rest: `30 % 3` is 1.
        "%": "compat_remainder",
        # These stop the whole process, or are not there.
        "time.weekday": "compat_weekday",
        "net.cidr_intersects": "compat_cidr_intersects",
        # They compare numbers as texts: `min([25, 8])` is 25.
        "max": "compat_max",
        "min": "compat_min",
        "sort": "compat_sort",
        "concat": "compat_concat",
    }
    keyed = False
    reads_quotes = False
    # Joins over the events of one incident take it seconds.
    step = 10
    short = 12

    def __init__(self, module: str, data: Mapping[str, Any], _folder: Path) -> None:
        self._child = _Child.lent_to(self)
        self.add(module)
        self._child.send(self, "data", json.dumps(data))

    def add(self, module: str) -> None:
        """Read a further module."""
        self._child.send(self, "module", module)

    def ask(self, rule: str, document: Any) -> Any:
        # It does not read escapes in strings.
        text = json.dumps(document, ensure_ascii=False)
        return self._child.send(self, "ask", rule, text)


class Regorus:
    """regorus, through opa-eval: one file, one question; errors are not undefined."""

    name = "opa-eval"
    lacks: ClassVar = {
        "net.cidr_contains": "compat_cidr_contains",
        "net.cidr_intersects": "compat_cidr_intersects",
        "/": "compat_quotient",
        "%": "compat_remainder",
    }
    keyed = True
    reads_quotes = True
    step = 1
    short = 1

    def __init__(self, module: str, data: Mapping[str, Any], folder: Path) -> None:
        self._file = folder / "module.rego"
        self._file.write_text(module)
        self._data = json.dumps(data)
        self._rules: dict[str, opa_eval.OpaEval] = {}

    def ask(self, rule: str, document: Any) -> Any:
        if rule not in self._rules:
            self._rules[rule] = opa_eval.OpaEval(
                str(self._file), data_json=self._data, query=f"data.{rule}"
            )
        answer = json.loads(self._rules[rule].evaluate(json.dumps(document)))
        return None if answer == "<undefined>" else answer


class Opa:
    """OPA itself, through its Go library; its wheel wants Python 3.14."""

    name = "opa"
    # This wheel asks OPA to raise errors of builtins; `opa eval` leaves them undefined.
    lacks: ClassVar = {
        "/": "compat_quotient",
        "%": "compat_remainder",
        # OPA 1.20 says that `floor(-0.5)` is 0.
        "floor": "compat_floor",
    }
    keyed = True
    reads_quotes = True
    step = 1
    short = 1

    def __init__(self, module: str, data: Mapping[str, Any], _folder: Path) -> None:
        from opa_bindings import OpaEngine, OpaUndefinedError  # noqa: PLC0415

        self._undefined = OpaUndefinedError
        self._engine = OpaEngine()
        self._modules = 0
        self.add(module)
        self._engine.add_data(dict(data))

    def add(self, module: str) -> None:
        """Read a further module."""
        self._modules += 1
        self._engine.add_policy(f"module_{self._modules}.rego", module)

    def ask(self, rule: str, document: Any) -> Any:
        try:
            return self._engine.eval_document(rule, document)
        except self._undefined:
            return None


ENGINES: tuple[type[Engine], ...] = (RegoCpp, Regorus)
# Those that read several modules.
JOINING: tuple[type[RegoCpp | Opa], ...] = (RegoCpp,)
if find_spec("opa_bindings") is not None:
    ENGINES, JOINING = (*ENGINES, Opa), (*JOINING, Opa)


def module_for(
    engine: type[Engine], checked: CheckedProgram, manifest: Manifest
) -> str:
    """The exported module of a policy, with what the engine lacks put in."""
    adapted = _adapted(checked, _Adapter(engine.lacks, keyed=engine.keyed))
    return f"{policy_module(adapted, manifest)}\n{COMPATIBILITY}"


def _adapted(checked: CheckedProgram, adapter: _Adapter) -> CheckedProgram:
    """The program with other calls and lines; what is known about it stays."""
    helpers = {
        name: replace(
            helper,
            head=adapter.head(helper.head),
            bodies=tuple(map(adapter.body, helper.bodies)),
        )
        for name, helper in checked.program.helpers.items()
    }
    rules = tuple(
        (
            replace(rule, value=_value(rule.value, adapter)),
            tuple(replace(item, body=adapter.body(item.body)) for item in bodies),
        )
        for rule, bodies in checked.rules
    )
    program = replace(checked.program, helpers=helpers)
    return replace(checked, program=program, rules=rules)


def _value(value: Any, adapter: _Adapter) -> Any:
    """What a rule adds, if it is an expression."""
    return adapter.expression(value) if hasattr(value, "span") else value


@dataclass
class _Adapter(Rewriter):
    """Calls what stands in for builtins, operators and keyed loops."""

    names: Mapping[str, str]
    keyed: bool
    loops: int = field(default=0)

    def call(self, call: n.Call) -> n.Expression:
        return replace(call, name=self.names.get(call.name, call.name))

    def binary(self, node: n.Binary) -> n.Expression:
        name = self.names.get(node.operator)
        if name is None:
            return node
        return n.Call(name, (node.left, node.right), node.span, node.span)

    def statement(self, line: n.Statement) -> tuple[n.Statement, ...]:
        (done,) = super().statement(line)
        if self.keyed or not isinstance(done, n.Some) or done.key is None:
            return (done,)
        self.loops += 1
        span = done.span
        pair = n.Name(f"pair_of_loop_{self.loops}", span)
        pairs = n.Call("compat_pairs", (done.collection,), span, span)
        parts = [n.Index(pair, n.Literal(at, span), span) for at in (0, 1)]
        return (
            n.Some(None, pair, pairs, span),
            n.Assign(done.key, parts[0], span),
            n.Assign(done.value, parts[1], span),
        )
