from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.policy.parser import (
    parse_cases,
    parse_list,
    parse_manifest,
    parse_policy,
)
from opensoc_engine.policy.yaml_reader import MappingNode, ScalarNode, read_yaml
from opensoc_engine.render import (
    render_github,
    render_json,
    render_sarif,
    render_text,
)
from opensoc_engine.schema_store import default_store
from opensoc_engine.source import Source

if TYPE_CHECKING:
    from opensoc_engine.diagnostics import Diagnostic

# Pieces that YAML gives a meaning to, so that most texts get past the first character.
PIECES = st.sampled_from(
    [
        *(
            "a: ",
            "b: ",
            "- ",
            "\n",
            "\n  ",
            "\n    ",
            "|",
            "|-\n",
            ">\n",
            "[",
            "]",
            "{",
        ),
        *("}", ", ", ": ", "? ", "'", '"', "\\", "\\x1", "#", " #", "&x ", "*x", "!t "),
        *("<<: ", "%YAML 1.2\n", "---\n", "...\n", "\t", "\r\n", "1", "1e9", "0x"),
        *(".nan", "é", "~", "rules:\n", "kind: rubric\n", "when: ", "version: 1.0.0\n"),
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=3), max_size=40).map("".join)
POLICY = """\
policy: a
kind: rubric
version: 1.0.0
status: test
title: A
bounds: {min: 0, max: 1}
define: {f(x): x}
rules:
  - id: a
    title: A
    value: 1
    when: |
      input.x
"""
BYTES = st.binary(max_size=200).map(
    lambda data: data.decode("utf-8", "surrogateescape")
)
LINES = st.lists(
    st.text(
        st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=8
    ).map(lambda text: f"{text} {text}".rstrip()),
    min_size=1,
    max_size=6,
)
PARSERS: Any = st.sampled_from([parse_policy, parse_manifest, parse_list, parse_cases])


@st.composite
def broken_policies(draw: st.DrawFn) -> str:
    """A policy of which one part is replaced."""
    start = draw(st.integers(0, len(POLICY)))
    end = draw(st.integers(start, min(start + 12, len(POLICY))))
    return POLICY[:start] + draw(PIECES) + POLICY[end:]


def rendered(found: tuple[Diagnostic, ...]) -> bool:
    """True if every format takes the diagnostics."""
    formats = (render_text, render_json, render_github, render_sarif)
    return all(render(found) for render in formats)


@given(TEXTS | BYTES | st.text())
def test_any_text_gives_a_tree_or_diagnostics(text: str) -> None:
    found = DiagnosticCollector()
    node = read_yaml(Source("a.yaml", text), found)

    assert (node is None) == found.has_errors
    assert node is not None or rendered(found.sorted())


@given(PARSERS, broken_policies() | TEXTS)
def test_any_text_gives_a_model_or_diagnostics(parser: Any, text: str) -> None:
    found = DiagnosticCollector()
    model = parser(Source("a.yaml", text), default_store(), found)

    assert model is not None or rendered(found.sorted())


@given(LINES, st.integers(1, 6), st.sampled_from(["", "-", "+"]))
def test_each_character_of_a_block_is_found_in_the_file(
    lines: list[str], indent: int, chomp: str
) -> None:
    block = "".join(f"{' ' * indent}{line}\n" for line in lines)
    source = Source("a.yaml", f"when: |{indent}{chomp}\n{block}after: 1\n")
    node = read_yaml(source, DiagnosticCollector())

    assert isinstance(node, MappingNode)
    body = node.get("when")
    assert isinstance(body, ScalarNode)
    assert body.embedded is not None
    text = body.embedded.text
    assert text.rstrip("\n") == "\n".join(lines).rstrip("\n")
    for at, character in enumerate(text.rstrip("\n")):
        assert body.embedded.span(at, at + 1).text == character
