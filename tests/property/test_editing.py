"""Questions about rule files that are half-written, or no rule files at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from rule_files import CASES, CASES_TEXT, PROBE, RULES, TEXT

from opensoc_engine.editing.completion import complete
from opensoc_engine.editing.definition import definition
from opensoc_engine.editing.hover import hover
from opensoc_engine.editing.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

WORKSPACE = Workspace()
FILES = {
    PROBE: TEXT,
    CASES: CASES_TEXT,
    RULES / "verifier" / "set.yaml": (RULES / "verifier/set.yaml").read_text("utf-8"),
}
JUNK = st.text("{}[]()|:\"`;,.-# \n\tez&*!'\\é\x00", max_size=8)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(sorted(FILES)), JUNK)
def test_a_file_that_is_cut_or_spoilt_is_answered(
    data: st.DataObject, path: Path, junk: str
) -> None:
    text = FILES[path]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    spoilt = text[:start] + junk + text[end:]
    WORKSPACE.texts = {path: spoilt}
    offset = data.draw(st.integers(0, len(spoilt)))
    found = complete(WORKSPACE, path, offset)
    hover(WORKSPACE, path, offset)
    definition(WORKSPACE, path, offset)

    assert found is None or found.start <= offset <= found.end


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.data())
def test_any_text_is_answered(text: str, data: st.DataObject) -> None:
    WORKSPACE.texts = {PROBE: text}
    offset = data.draw(st.integers(0, len(text)))
    found = complete(WORKSPACE, PROBE, offset)
    hover(WORKSPACE, PROBE, offset)

    assert found is None or found.start <= offset <= found.end
