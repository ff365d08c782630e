"""A checked policy becomes a plain Rego v1 module that OPA runs unchanged.

`fired` is a set with an object for each way in which a rule fires: its id, what it
decides and its evidence. Helpers keep their names, where Rego leaves them free; those
that the set shares stand in the module too, if a rule needs them, so that a module is
complete by itself. Trust stays a matter of types: what the set forbids is not named
anywhere in its modules.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from opensoc_engine import types as t
from opensoc_engine.analysis.checker import identity_of
from opensoc_engine.codegen.rego_names import (
    DISTINCT,
    FIRED,
    RESERVED,
    ROOT,
    NameCollector,
    Renamer,
    free_name,
    package_name,
    renamed,
)
from opensoc_engine.rego import nodes as n
from opensoc_engine.rego.printer import print_body, print_expression, print_head

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opensoc_engine.analysis.checker import CheckedBody, CheckedProgram
    from opensoc_engine.analysis.program import Helper, ProgramRule
    from opensoc_engine.policy.model import Manifest, Policy, Rule

_INDENT = re.compile(r"^(?:  )+", re.MULTILINE)
# The items of an array, each once: in the order of the first ones.
_DISTINCT = f"""\
{DISTINCT}(ids) := [ids[at] |
	some at in numbers.range(0, count(ids) - 1)
	not ids[at] in array.slice(ids, 0, at)
]
"""


def policy_module(checked: CheckedProgram, manifest: Manifest) -> str:
    """The module of one policy: `package opensoc.<set>.<policy>`."""
    program = checked.program
    used = {instance.helper for instance in checked.instances}
    helpers = tuple(h for name, h in program.helpers.items() if name in used)
    writer = _writer(helpers, program.rules)
    texts = [text for rule in checked.rules for text in writer.rule(*rule)]
    if any(f" {DISTINCT}(" in text for text in texts):
        texts.append(_DISTINCT)
    texts += [text for helper in helpers for text in writer.helper(helper)]
    policy = program.policy
    path = f"{ROOT}.{package_name(manifest.name)}.{package_name(policy.slug.text)}"
    notes = _annotation(policy.title, _notes(policy))
    return "\n".join((f"{notes}package {path}\n\nimport rego.v1\n", *texts))


def _notes(policy: Policy) -> dict[str, Any]:
    """What is known about a policy beside its rules."""
    notes: dict[str, Any] = {
        "policy": policy.slug.text,
        "kind": policy.kind,
        "version": policy.version,
        **policy.metadata,
    }
    if policy.input_schema is not None:
        notes["input"] = policy.input_schema.text
    if policy.bounds is not None:
        notes["bounds"] = dict(zip(("min", "max"), policy.bounds, strict=True))
    return notes


def json_text(value: Any) -> str:
    """A value of a policy as JSON, with decimals in full."""
    match value:
        case dict():
            pairs = (f"{json_text(k)}: {json_text(v)}" for k, v in value.items())
            return f"{{{', '.join(pairs)}}}"
        case list() | tuple():
            return f"[{', '.join(map(json_text, value))}]"
        case str() | bool() | None:
            return json.dumps(value, ensure_ascii=False)
    return format(value, "f") if value.as_integer_ratio()[1] > 1 else str(int(value))


def _annotation(title: str, notes: Mapping[str, Any]) -> str:
    """What `opa inspect` shows of a package or a rule."""
    lines = ["METADATA", f"title: {json_text(title)}"]
    if notes:
        lines += ["custom:", *(f"  {key}: {json_text(v)}" for key, v in notes.items())]
    return "".join(f"# {line}\n" for line in lines)


def _writer(helpers: Iterable[Helper], rules: Iterable[ProgramRule]) -> _Writer:
    """A writer that knows all names of the module."""
    collector = NameCollector()
    for helper in helpers:
        collector.head(helper.head)
        for body in helper.bodies:
            collector.body(body)
    for rule in rules:
        for body in rule.bodies:
            collector.body(body)
    taken = frozenset(collector.names) | RESERVED
    renamer = Renamer(renamed(collector.names), frozenset(h.name for h in helpers))
    return _Writer(renamer, taken)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the rules and helpers of one module; `taken` are names not to use."""

    renamer: Renamer
    taken: frozenset[str]

    def helper(self, helper: Helper) -> Iterator[str]:
        """A helper: a definition for each of its bodies."""
        head = print_head(self.renamer.head(helper.head))
        for body in helper.bodies:
            yield _definition(head, print_body(self.renamer.body(body)))

    def rule(self, rule: ProgramRule, bodies: tuple[CheckedBody, ...]) -> Iterator[str]:
        """A rule: a member of `fired` for each of its bodies."""
        title = _annotation(rule.rule.title, {})
        for checked in bodies:
            member = dict(_outcome(rule.rule))
            lines = [print_body(self.renamer.body(checked.body))]
            if checked.evidence:
                member["evidence"] = free_name("evidence", self.taken)
                evidence = self._evidence(checked.evidence)
                lines.append(f"{member['evidence']} := {evidence}")
            if isinstance(rule.value, n.Expression):
                member["value"] = free_name("value", self.taken)
                value = print_expression(self.renamer.expression(rule.value))
                lines.append(f"{member['value']} := {value}")
            elif rule.value is not None:
                member["value"] = json_text(rule.value)
            shown = ", ".join(f'"{key}": {text}' for key, text in member.items())
            head = f"{FIRED} contains {{{shown}}}"
            yield title + _definition(head, "\n".join(lines))

    def _evidence(self, evidence: tuple[tuple[str, t.Type], ...]) -> str:
        """The ids of all evidence: single ones and those of arrays, in order."""
        parts: list[str] = []
        for name, kind in evidence:
            bound, identity = self.renamer.names.get(name, name), identity_of(kind)
            if not isinstance(kind, t.Array):
                parts.append(f"[{bound}.{identity}]")
                continue
            item = free_name("item", self.taken)
            parts.append(f"[{item}.{identity} | some {item} in {bound}]")
        joined = reduce("array.concat({}, {})".format, parts)
        single = len(parts) == 1 and not isinstance(evidence[0][1], t.Array)
        return joined if single else f"{DISTINCT}({joined})"


def _outcome(rule: Rule) -> Iterable[tuple[str, str]]:
    """What a rule decides, in the words of its kind."""
    yield "rule", json_text(rule.id.text)
    if rule.action is not None:
        yield "action", json_text(rule.action.text)
    if rule.field is not None:
        yield "field", json_text(rule.field)
    if rule.message is not None:
        yield "message", json_text(rule.message)


def _definition(head: str, body: str) -> str:
    if not body:
        return f"{head}\n"
    lines = "".join(f"  {line}\n" for line in body.split("\n"))
    return f"{head} if {{\n{_INDENT.sub(_tabs, lines)}}}\n"


def _tabs(indent: re.Match[str]) -> str:
    """Two spaces as one tab, as `opa fmt` writes them."""
    return "\t" * (len(indent[0]) // 2)
