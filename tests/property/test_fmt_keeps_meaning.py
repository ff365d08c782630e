from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st
from sloppy_policies import files

from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.formatter import Formatted, format_source
from opensoc_engine.policy.parser import parse_policy
from opensoc_engine.policy.yaml_reader import read_yaml, to_plain
from opensoc_engine.rego.formatter import format_body
from opensoc_engine.rego.parser import parse_body, parse_head
from opensoc_engine.schema_store import default_store
from opensoc_engine.source import EmbeddedSource, Source, Span, line_starts

if TYPE_CHECKING:
    from opensoc_engine.policy.model import Policy

PIECES = (
    *("policy: x", "rules:", "- ", "  ", "\n", "# c", "|", ">", "[", "]", "{", "}"),
    *("key", ": ", "'", '"', "\\", "? ", "a", "1", "---", "...", "\t", ",", "|+2"),
)


def formatted(text: str) -> Formatted | None:
    source = Source("sloppy.yaml", text)
    return format_source(source, default_store(), DiagnosticCollector())


def said(text: str) -> Any:
    """The policy that a text says, without places: bodies as trees."""
    collector = DiagnosticCollector()
    policy = parse_policy(Source("sloppy.yaml", text), default_store(), collector)
    assert policy is not None, [item.message for item in collector.sorted()]
    return [_head(policy), _defines(policy), _rules(policy)]


def _head(policy: Policy) -> Any:
    return (policy.slug.text, policy.version, policy.title, policy.metadata)


def _defines(policy: Policy) -> Any:
    return [
        (repr(parse_head(define.head, DiagnosticCollector())), _trees(define.bodies))
        for define in policy.defines
    ]


def _rules(policy: Policy) -> Any:
    return [
        (
            (rule.id.text, rule.title, rule.action and rule.action.text),
            [name.text for name in rule.evidence],
            _trees(rule.bodies),
        )
        for rule in policy.rules
    ]


def _trees(bodies: tuple[EmbeddedSource, ...]) -> list[str]:
    trees = [parse_body(body, DiagnosticCollector()) for body in bodies]
    assert None not in trees
    return [repr(tree) for tree in trees]


@given(files())
def test_fmt_keeps_what_a_policy_says(made: tuple[str, list[str]]) -> None:
    text, _ = made
    result = formatted(text)

    assert result is not None
    assert not result.kept
    assert said(result.text) == said(text)


@given(files())
def test_fmt_loses_no_comment(made: tuple[str, list[str]]) -> None:
    text, comments = made
    result = formatted(text)

    assert result is not None
    assert [result.text.count(comment) for comment in comments] == [1] * len(comments)


@given(files())
def test_fmt_twice_is_fmt_once(made: tuple[str, list[str]]) -> None:
    once = formatted(made[0])
    assert once is not None

    assert formatted(once.text) == once


@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
def test_any_text_keeps_its_values(text: str) -> None:
    result = formatted(text)
    before = read_yaml(Source("x", text), DiagnosticCollector())
    if before is None:
        assert result is None
        return
    assert result is not None
    after = read_yaml(Source("x", result.text), DiagnosticCollector())

    assert after is not None
    assert to_plain(after) == to_plain(before)


@given(st.text(alphabet='ab[]{}|#;\n :=1`"', max_size=30))
def test_any_body_keeps_its_tree(text: str) -> None:
    result = format_body(text)
    if result is not None:
        assert repr(_tree(result)) == repr(_tree(text))
        assert format_body(result) == result


def _tree(text: str) -> Any:
    source = Source("x", text)
    whole = Span(source, 0, len(text))
    body = EmbeddedSource(source, text, line_starts(text), whole)
    return parse_body(body, DiagnosticCollector())
