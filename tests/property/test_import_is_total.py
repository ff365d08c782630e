from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.importing.importer import import_module
from opensoc_engine.policy.yaml_reader import read_yaml
from opensoc_engine.source import Source

# Pieces of Rego, so that random texts get beyond the first line.
PIECES = (
    *("package p\n", "package p.q", "import rego.v1\n", "import data.x\n", "\n", "\n"),
    *(
        "# METADATA\n",
        "# title: x\n",
        "# custom: [\n",
        "#",
        '"',
        "`",
        "{",
        "}",
        "[",
        "]",
    ),
    *("f(x)", " if ", " contains ", " := ", "else", "default", "x", ";", ",", " == 1"),
    *("fired", '{"rule": "r"}', '{"rule": "r", "evidence": [e.log_id]}', '"value": v'),
    *("some e in input.events\n", "data.opensoc.lists.a", "div_", "é", "\x00", "\t"),
)
MODULE = """\
package p
f(x) := "a: b # c" if x > 1
fired contains {"rule": "r", "action": "monitor"} if {
  f(input.x) == `
\tkept`
}
"""


@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join))
@example(MODULE)
@example(MODULE.replace("r", "\\u2028"))
@example(f"package p\nf(x) := {'[' * 999}")
@example(f'{MODULE}g(x) := "{"long " * 300}"\n')
@example(f"package p{'.' * 9}\n\ud800")
def test_any_text_gives_a_readable_policy_or_a_reason(text: str) -> None:
    found = DiagnosticCollector()
    written = import_module(Source("m.rego", text), "p", {"log_id"}, (), found)

    assert (written is None) == found.has_errors
    if written is not None:
        assert read_yaml(Source("p.yaml", written), found) is not None, written
