"""A Rego module becomes the text of a policy file.

A member of a set that is an object with a `rule` becomes a rule; all else becomes a
helper. Bodies keep their text and their comments. Helpers that the policy's set has in
the same words are left out. What the policy language can't say is reported at its place
in the module; what comes out still has to be checked, as a file that people write.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opensoc_engine.codegen.rego_names import DISTINCT, NameCollector
from opensoc_engine.diagnostics import DiagnosticCollector, diagnose
from opensoc_engine.importing.draft import DraftHelper, DraftRule, draft_policy
from opensoc_engine.importing.excerpt import Excerpt, evidence_names, restored
from opensoc_engine.policy.yaml_reader import read_yaml, to_plain
from opensoc_engine.rego import nodes as n
from opensoc_engine.rego.module import read_module
from opensoc_engine.rego.parser import parse_body, parse_head
from opensoc_engine.rego.printer import print_body, print_expression, print_head
from opensoc_engine.rego.rewriter import Rewriter
from opensoc_engine.source import Source, Span

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from opensoc_engine.policy.model import Define
    from opensoc_engine.rego.module import RegoModule, Statement

_TEXTS = ("rule", "action", "field", "message")
_EXPRESSIONS = ("evidence", "value")
MAX_HEAD = 500
"""Heads become keys, which YAML limits to 1,024 characters, escapes included."""
_KEYS = (*_TEXTS, *_EXPRESSIONS)


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A statement with its trees; without `if` its body has no lines."""

    statement: Statement
    head: n.Head
    body: n.Body


def import_module(
    source: Source,
    name: str,
    identities: Collection[str],
    shared: Iterable[Define],
    collector: DiagnosticCollector,
) -> str | None:
    """The text of a policy file, or None if something can't be said.

    Args:
        source: The module.
        name: What the policy is called, unless the module's metadata says it.
        identities: Fields that name a value in evidence.
        shared: Helpers that the policy's set has.
        collector: Is told what can't be said.
    """
    found = DiagnosticCollector()
    module = read_module(source, found)
    text = None if module is None else _policy(module, name, identities, shared, found)
    collector.extend(found.sorted())
    return None if found.has_errors else text


def _policy(
    module: RegoModule,
    name: str,
    identities: Collection[str],
    shared: Iterable[Define],
    collector: DiagnosticCollector,
) -> str | None:
    parsed = [_parse(statement, collector) for statement in module.statements]
    if None in parsed:
        return None
    statements = [item for item in parsed if item is not None]
    importer = _Importer(_names(statements), identities, set(_said(shared)), collector)
    for item in statements:
        importer.add(item)
    if not importer.rules and not collector.has_errors:
        span = module.statements[0].span if module.statements else module.span
        advice = 'write `fired contains {"rule": "some-id", ...} if { ... }`'
        found = diagnose("E110", span, help=advice, problem="the module has no rule")
        collector.add(found)
    if collector.has_errors:
        return None
    metadata = _metadata(module.comments)
    custom, title = metadata.get("custom"), metadata.get("title", name)
    known = custom if isinstance(custom, dict) else {}
    rules = list(importer.rules.values())
    return draft_policy(name, str(title), known, importer.needed(), rules)


def _parse(statement: Statement, collector: DiagnosticCollector) -> _Parsed | None:
    head = parse_head(statement.head, collector)
    body: n.Body | None = n.Body((), statement.span)
    if statement.body is not None:
        body = parse_body(statement.body, collector)
    return None if head is None or body is None else _Parsed(statement, head, body)


def _names(statements: Iterable[_Parsed]) -> dict[str, str]:
    """What the names of a module are called in a policy, where that differs."""
    names = NameCollector()
    for parsed in statements:
        names.head(parsed.head)
        names.body(parsed.body)
    return restored(names.names)


@dataclass(slots=True)
class _Importer:
    """Takes in the statements of one module.

    Attributes:
        known: What the helpers of the set say.
    """

    names: Mapping[str, str]
    identities: Collection[str]
    known: Collection[str]
    collector: DiagnosticCollector
    rules: dict[str, DraftRule] = field(default_factory=dict)
    helpers: dict[str, DraftHelper] = field(default_factory=dict)
    uses: Counter[str] = field(default_factory=Counter)

    def add(self, parsed: _Parsed) -> None:
        """Take a statement in, or report why it can't be."""
        excerpt = Excerpt(self.names, self.collector)
        if isinstance(parsed.head.member, n.ObjectLiteral):
            self._rule(parsed, parsed.head.member, excerpt)
            return
        head, body = excerpt.head(parsed.head), excerpt.body(parsed.body)
        if _shown(head, body) not in self.known:
            self._helper(parsed, head, excerpt)

    def needed(self) -> list[DraftHelper]:
        """The helpers, without one that only put evidence together."""
        return [
            helper
            for name, helper in self.helpers.items()
            if name != DISTINCT or self.uses[name]
        ]

    def _helper(self, parsed: _Parsed, head: n.Head, excerpt: Excerpt) -> None:
        text, key = "", print_head(head)
        if parsed.statement.body is not None:
            text = excerpt.lines(parsed.body, parsed.statement.body.whole)
        if len(key) > MAX_HEAD:
            problem = f"the head has {len(key):,} characters, more than {MAX_HEAD:,}"
            advice = "bind parts of the value in the body by `:=`"
            found = diagnose("E701", parsed.head.span, help=advice, problem=problem)
            self.collector.add(found)
        draft = self.helpers.setdefault(head.name.text, DraftHelper(key, []))
        if draft.bodies and head.value is not None:
            advice = "a value has one body: exclude the other cases, or use a set"
            self._refuse(head.span, "a value with several bodies", advice)
        elif draft.head != key:
            advice = "write the head in the same words each time"
            self._refuse(head.span, "a helper with two different heads", advice)
        draft.bodies.append(text)
        draft.comments += _plain_comments(parsed.statement.comments)
        self.uses.update(_uses(parsed.body))

    def _rule(self, parsed: _Parsed, member: n.ObjectLiteral, excerpt: Excerpt) -> None:
        parts = {getattr(key, "value", None): value for key, value in member.items}
        said = _texts(parts)
        if not self._is_rule(parts, said, member):
            return
        evidence: tuple[str, ...] = ()
        if "evidence" in parts:
            written = _inlined(parts["evidence"], parsed, excerpt)
            names = evidence_names(written, self.identities)
            if names is None:
                advice = "put `[x.log_id]` or `[x.log_id | some x in xs]` together"
                self._refuse(parts["evidence"].span, "evidence of this form", advice)
                return
            evidence = tuple(self.names.get(name, name) for name in names)
        value = None
        if "value" in parts:
            written = _inlined(parts["value"], parsed, excerpt)
            value = print_expression(excerpt.expression(written))
        body = excerpt.body(parsed.body)
        span = parsed.statement.body.whole if parsed.statement.body else member.span
        title = _metadata(parsed.statement.comments).get("title", said["rule"])
        draft = DraftRule(
            said, str(title), evidence, value, [excerpt.lines(body, span)]
        )
        self._put(draft, member)

    def _put(self, draft: DraftRule, member: n.ObjectLiteral) -> None:
        """Keep a rule, or a further body of one."""
        rule = draft.said["rule"]
        first = self.rules.setdefault(rule, draft)
        if first is draft:
            return
        if not first.says_the_same(draft):
            advice = "write the member in the same words each time"
            found = diagnose("E602", member.span, help=advice, rule=rule)
            self.collector.add(found)
        first.bodies += draft.bodies

    def _is_rule(
        self, parts: Collection[Any], said: Collection[Any], member: n.ObjectLiteral
    ) -> bool:
        """True if a member has a rule's parts, and constants where it must."""
        others = set(parts) - set(said)
        if "rule" in said and others <= set(_EXPRESSIONS):
            return True
        keys = ", ".join(f"`{key}`" for key in _KEYS)
        advice = f'write `{{"rule": "some-id", ...}}`, with some of {keys}'
        self._refuse(member.span, "a member that is no rule", advice)
        return False

    def _refuse(self, span: Span, feature: str, advice: str) -> None:
        self.collector.add(diagnose("E111", span, help=advice, feature=feature))


def _texts(parts: Mapping[Any, n.Expression]) -> dict[str, str]:
    """The constant strings of a member, where a rule has some."""
    return {
        key: node.value
        for key, node in parts.items()
        if key in _TEXTS and isinstance(node, n.Literal) and isinstance(node.value, str)
    }


def _inlined(node: n.Expression, parsed: _Parsed, excerpt: Excerpt) -> n.Expression:
    """What a name of the head stands for; its line goes if nothing else reads it."""
    if not isinstance(node, n.Name):
        return node
    for line in parsed.body.statements:
        if isinstance(line, n.Assign) and line.name.text == node.text:
            if not _uses(parsed.body)[node.text]:
                excerpt.remove(line.span)
            return line.value
    return node


@dataclass(slots=True)
class _Counter(Rewriter):
    """Counts how often names are read and called; changes nothing."""

    found: Counter[str] = field(default_factory=Counter)

    def name(self, name: n.Name) -> n.Expression:
        self.found[name.text] += 1
        return name

    def call(self, call: n.Call) -> n.Expression:
        self.found[call.name] += 1
        return call


def _uses(body: n.Body) -> Counter[str]:
    """How often each name is read in a body."""
    counter = _Counter()
    counter.body(body)
    return counter.found


def _shown(head: n.Head, body: n.Body) -> str:
    """What a helper says."""
    return f"{print_head(head)}\n{print_body(body)}"


def _said(shared: Iterable[Define]) -> Iterator[str]:
    """What the helpers of a set say, each of their bodies for itself."""
    ignored = DiagnosticCollector()
    for define in shared:
        head = parse_head(define.head, ignored)
        for text in define.bodies:
            empty = n.Body((), text.whole)
            body = parse_body(text, ignored) if text.text.strip() else empty
            if head is not None and body is not None:
                yield _shown(head, body)


def _metadata(comments: tuple[str, ...]) -> dict[str, Any]:
    """What a METADATA comment says; nothing if it is not a YAML mapping."""
    if "METADATA" not in comments:
        return {}
    text = "\n".join(comments[comments.index("METADATA") + 1 :])
    node = read_yaml(Source("metadata", text), DiagnosticCollector())
    plain = None if node is None else to_plain(node)
    return plain if isinstance(plain, dict) else {}


def _plain_comments(comments: tuple[str, ...]) -> list[str]:
    """Comments that are no METADATA."""
    end = comments.index("METADATA") if "METADATA" in comments else len(comments)
    return list(comments[:end])
