"""Everything that `docs/language.md` shows is tried; what is generated is the engine's.

`OPENSOC_REWRITE_GOLDEN=1` rewrites the generated parts of the page.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from opensoc_cli.main import cli
from opensoc_engine import PolicyError, compile_policies, data_root
from opensoc_engine import types as t
from opensoc_engine.analysis import budget, cost, extents, limits
from opensoc_engine.builtins import BUILTINS, Builtin
from opensoc_engine.policy import yaml_reader
from opensoc_engine.rego import complaints
from opensoc_engine.schema_types import MAX_DEPTH, MAX_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "language.md"
TEXT = PAGE.read_text("utf-8")
FENCES = re.compile(r"^```(\w+)(?: ([^\n]*))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCKS = [(kind, words, body) for kind, words, body in FENCES.findall(TEXT)]
CODE = re.compile(r"`` ?(.*?) ?``|`(.*?)`")
LISTS = {
    f"lists/{path.name}": path.read_text("utf-8")
    for path in (data_root() / "rules" / "lists").glob("*.yaml")
}
STRICT = """\
set: page
kind: plausibility
version: 1.0.0
input: incident.schema.json
decision: violations
forbid: [free_text]
strict_absence: true
"""


def block(kind: str, words: str) -> str:
    """The only block of that kind."""
    (found,) = (body for k, w, body in BLOCKS if (k, w) == (kind, words))
    return found


def indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.strip().split("\n"))


def policy(body: str, *, kind: str = "verifier", define: str = "") -> dict[str, str]:
    """The texts of a set with one rule that has that body."""
    says = "action: monitor" if kind == "verifier" else "field: events\n    message: M"
    text = (
        f"policy: p\nkind: {kind}\nversion: 1.0.0\nstatus: test\ntitle: T\n{define}"
        f"rules:\n  - id: r\n    title: T\n    {says}\n    when: |\n{indented(body, 6)}"
    )
    manifest = STRICT if kind == "plausibility" else block("yaml", "set")
    return {"set.yaml": manifest, "p.yaml": text, **LISTS}


def codes(files: dict[str, str]) -> set[str]:
    """What is said about the texts; empty if they compile."""
    try:
        compile_policies(files)
    except PolicyError as error:
        return {found.code for found in error.diagnostics}
    return set()


def rows(heading: str) -> list[list[str]]:
    """The cells of the table that begins with a heading."""
    lines = TEXT[TEXT.index(heading) :].split("\n\n")[0].split("\n")[2:]
    cells = (re.split(r"(?<!\\)\|", line.strip("|")) for line in lines)
    return [[cell.strip().replace("\\|", "|") for cell in row] for row in cells]


def snippets(cell: str) -> list[str]:
    return [one or two for one, two in CODE.findall(cell)]


def marked(name: str) -> tuple[str, str]:
    """The marks around a generated part."""
    return f"<!-- {name} -->\n", f"<!-- /{name} -->"


def holds(expression: str, value: str) -> bool:
    """True if the expression has that value, as text: `1` is not `1.0`."""
    shown = f"found := {expression}\nwanted := {value}\nfound == wanted"
    decision = compile_policies(policy(shown)).evaluate(
        {"events": [], "context": {"networks": {"internal": []}}}
    )
    return decision.outcome == "monitor"


@pytest.mark.parametrize(
    ("words", "body"), [(w, body) for kind, w, body in BLOCKS if kind == "rego"]
)
def test_a_body_compiles_or_is_refused_as_the_page_says(words: str, body: str) -> None:
    kind = "plausibility" if words == "plausibility" else "verifier"
    expected = {words} if re.fullmatch(r"E\d+", words) else set[str]()

    assert codes(policy(body, kind=kind)) == expected


def test_the_page_uses_only_blocks_that_are_tried() -> None:
    kinds = {(kind, words) for kind, words, _ in BLOCKS if kind == "yaml"}

    assert kinds == {
        ("yaml", words)
        for words in ("policy", "set", "list office_images", "cases", "define")
    }
    assert {kind for kind, _, _ in BLOCKS} <= {"yaml", "rego", "text", "ebnf"}


def test_the_files_of_the_page_are_a_set_whose_cases_pass(tmp_path: Path) -> None:
    files = {
        "set.yaml": block("yaml", "set"),
        "odd-shell.yaml": block("yaml", "policy"),
        "odd-shell.cases.yaml": block("yaml", "cases"),
    }
    for name in ("page", "lists"):
        (tmp_path / name).mkdir()
    for name, text in files.items():
        (tmp_path / "page" / name).write_text(text, "utf-8")
    shutil.copytree(data_root() / "rules" / "fixtures", tmp_path / "fixtures")
    own = {"lists/office_images.yaml": block("yaml", "list office_images")}
    for name, text in {**LISTS, **own}.items():
        (tmp_path / name).write_text(text, "utf-8")
    result = CliRunner().invoke(cli, ["test", str(tmp_path / "page")])

    assert "3 cases of 1 policies: 3 passed" in result.output


def test_the_helpers_of_the_page_compile() -> None:
    define = f"define:\n{indented(block('yaml', 'define'), 2)}"
    body = (
        "some e in input.events\nhot(e)\ncount(busy_hosts) > most\n"
        'e.event_type == "process.start"\ncommand_of(e.fields.process) != ""'
    )

    assert codes(policy(body, define=define)) == set()


@pytest.mark.parametrize(("expression", "value"), rows("| expression | value |"))
def test_an_expression_has_the_value_of_the_page(expression: str, value: str) -> None:
    assert holds(snippets(expression)[0], snippets(value)[0])


@pytest.mark.parametrize(("rego", "code", "instead"), rows("| Rego | code |"))
def test_what_is_not_rego_of_ours_is_refused_and_can_be_said(
    rego: str, code: str, instead: str
) -> None:
    assert code in codes(policy(snippets(rego)[0]))
    for line in snippets(instead):
        if "(" in line or " in " in line or ":=" in line:
            assert codes(policy(line)) == set()


@pytest.mark.parametrize("name", BUILTINS)
def test_a_builtin_has_the_value_of_its_example(name: str) -> None:
    assert holds(*BUILTINS[name].example)


# Generated parts.


def builtins() -> Iterator[str]:
    yield "| call | gives | | example | value |\n|---|---|---|---|---|\n"
    for row in BUILTINS.values():
        example, value = (part.replace("|", "\\|") for part in row.example)
        doc = row.doc.replace("|", "\\|").rstrip(".")
        call, gives = _calls(row), _results(row)
        yield f"| {call} | {gives} | {doc} | `{example}` | `{value}` |\n"


def _calls(row: Builtin) -> str:
    """The signatures, with what differs between them joined by `or`."""
    columns = zip(*(s.parameters for s in row.signatures), strict=True)
    shown = (" or ".join(dict.fromkeys(map(t.describe, kinds))) for kinds in columns)
    return f"`{row.name}({', '.join(shown)})`"


def _results(row: Builtin) -> str:
    kinds = " or ".join(dict.fromkeys(t.describe(s.result) for s in row.signatures))
    partial = any(signature.partial for signature in row.signatures)
    return f"{kinds}; may be undefined" if partial else kinds


LIMITS = (
    ("Bytes of a file", yaml_reader.MAX_BYTES, "E105"),
    ("Keys and values of a file", yaml_reader.MAX_NODES, "E105"),
    ("Levels of YAML", yaml_reader.MAX_DEPTH, "E104"),
    ("Characters of one body", complaints.MAX_CHARACTERS, "E701"),
    ("Brackets inside one another", complaints.MAX_BRACKETS, "E112"),
    ("Levels of one body", complaints.MAX_HEIGHT, "E112"),
    ("Characters of a policy's Rego, shared helpers included", budget.MAX_TEXT, "E701"),
    ("Bodies and heads of a policy", budget.MAX_BODIES, "E701"),
    ("Levels of a rule with its helpers written out", limits.MAX_NESTING, "E701"),
    ("Tuples of argument types for helpers", budget.MAX_INSTANCES, "E701"),
    ("Expressions, a helper's once for each tuple", budget.MAX_EXPRESSIONS, "E701"),
    ("Parts of a value's type, beside the input's", budget.MAX_PARTS, "E701"),
    ("Levels of a value", budget.MAX_LEVELS, "E701"),
    ("Loops over identified items (events) in one another", cost.MAX_ITEMS, "E701"),
    ("Loops over any parts of the input in one another", cost.MAX_PARTS, "E701"),
    ("Expressions evaluated where collections have one", extents.MAX_STEPS, "E701"),
    ("Different keys of the objects in a list", MAX_KEYS, "E203"),
    ("Levels of a schema", MAX_DEPTH, "E607"),
)


def bounds() -> Iterator[str]:
    yield "| what | at most | else |\n|---|---|---|\n"
    for what, most, code in LIMITS:
        yield f"| {what} | {most:,} | {code} |\n"


def grammar() -> Iterator[str]:
    path = Path(complaints.__file__).with_name("grammar.lark")
    text = path.read_text("utf-8")
    rules = text[text.index("// ---- what") : text.index("// ---- terminals\n")]
    yield f"```ebnf\n{rules.strip()}\n```\n"


@pytest.mark.parametrize(
    ("name", "lines"),
    [("builtins", builtins), ("limits", bounds), ("grammar", grammar)],
)
def test_what_the_page_lists_is_what_the_engine_has(name: str, lines: object) -> None:
    start, end = marked(name)
    assert callable(lines)
    wanted = "".join(lines())
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition(start)
    shown, _, after = rest.partition(end)
    if os.environ.get("OPENSOC_REWRITE_GOLDEN"):
        shown = wanted
        PAGE.write_text(f"{before}{start}{wanted}{end}{after}", "utf-8")

    assert shown == wanted
