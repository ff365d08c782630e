from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from opensoc_cli import export as export_verb
from opensoc_cli import import_rego as verb
from opensoc_cli.main import cli
from opensoc_engine import data_root, load_policy_set
from opensoc_engine.codegen.rego_names import package_name
from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.importing.importer import import_module
from opensoc_engine.policy.yaml_reader import read_yaml, to_plain
from opensoc_engine.source import Source

if TYPE_CHECKING:
    from pathlib import Path

    from opensoc_engine.diagnostics import Diagnostic

RULES = data_root() / "rules"
SETS = ("plausibility", "rubric", "verifier")
WRITTEN = """\
# METADATA
# title: Shells of the office
package security.shells

import rego.v1

# What counts as a shell.
is_shell(e) if e.fields.process.name in data.opensoc.lists.shells

# METADATA
# title: A shell that a person started
fired contains {"rule": "shell", "action": "monitor", "evidence": [e.log_id]} if {
	some e in input.events
	e.event_type == "process.start"
	# The reason of it all.
	is_shell(e)
}
"""
RULE = 'fired contains {{"rule": "r", "action": "monitor"{more}}} if {{\n{body}\n}}\n'


def module(
    body: str = "\tsome e in input.events\n\te.signed", *, more: str = "", top: str = ""
) -> str:
    return f"package p\n\nimport rego.v1\n\n{top}\n{RULE.format(more=more, body=body)}"


def read(text: str) -> tuple[Any, tuple[Diagnostic, ...]]:
    """The policy of a module as plain values, and what is wrong with the module."""
    found = DiagnosticCollector()
    source = Source("module.rego", text)
    written = import_module(source, "imported", {"log_id"}, (), found)
    if written is None:
        return None, found.sorted()
    node = read_yaml(Source("imported.yaml", written), found)
    assert node is not None, written
    return to_plain(node), found.sorted()


def policy(text: str) -> dict[str, Any]:
    plain, found = read(text)
    assert not found, [item.message for item in found]
    return plain


def problem(text: str) -> tuple[str, str, int]:
    """Code, message and line of the only thing that is wrong."""
    plain, found = read(text)
    assert plain is None
    (only,) = found
    assert only.help
    return only.code, only.message, only.label.span.begin.line


@pytest.mark.parametrize("name", SETS)
def test_a_set_that_is_exported_and_imported_decides_the_same(
    name: str, tmp_path: Path
) -> None:
    shutil.copytree(RULES, tmp_path / "rules")
    runner, target = CliRunner(), tmp_path / "rules" / name
    arguments = ["rego", str(target), "-o", str(tmp_path / "out")]
    assert runner.invoke(export_verb.app, arguments).exit_code == 0
    before = load_policy_set(target)
    for slug in (item.slug.text for item in before.policies):
        exported = tmp_path / "out" / "opensoc" / name / f"{package_name(slug)}.rego"
        output = target / f"{slug}.yaml"
        output.unlink()
        arguments = ["rego", str(exported), "-o", str(output)]
        result = runner.invoke(verb.app, arguments)
        assert result.exit_code == 0, result.output
    after = load_policy_set(target)
    cases = runner.invoke(cli, ["test", str(target)])

    assert " 0 failed" in cases.output, cases.output
    assert [_said(item) for item in after.policies] == [
        _said(item) for item in before.policies
    ]


def _said(policy_: Any) -> Any:
    """What a policy says, without the form of its bodies."""
    rules = [
        (
            rule.id.text,
            rule.title,
            rule.action and rule.action.text,
            rule.message,
            [name.text for name in rule.evidence],
            len(rule.bodies),
        )
        for rule in policy_.rules
    ]
    return policy_.slug.text, policy_.version, policy_.bounds, policy_.metadata, rules


def test_a_module_that_a_person_wrote_becomes_a_policy() -> None:
    assert policy(WRITTEN) == {
        "policy": "imported",
        "kind": "verifier",
        "version": "0.1.0",
        "status": "experimental",
        "title": "Shells of the office",
        "define": {"is_shell(e)": "e.fields.process.name in data.shells\n"},
        "rules": [
            {
                "id": "shell",
                "title": "A shell that a person started",
                "action": "monitor",
                "evidence": ["e"],
                "when": "some e in input.events\n"
                'e.event_type == "process.start"\n'
                "# The reason of it all.\n"
                "is_shell(e)\n",
            }
        ],
    }


def test_comments_above_a_helper_stay(tmp_path: Path) -> None:
    (tmp_path / "m.rego").write_text(WRITTEN)
    result = CliRunner().invoke(verb.app, ["rego", str(tmp_path / "m.rego")])

    assert result.exit_code == 0
    assert "# What counts as a shell." in result.output


def test_bodies_of_one_head_are_alternatives() -> None:
    top = "is_a(e) if e.x == 1\n\nis_a(e) if e.y == 1\n"
    found = policy(module("\tsome e in input.events\n\tis_a(e)", top=top))

    assert found["define"] == {"is_a(e)": ["e.x == 1\n", "e.y == 1\n"]}


def test_bodies_of_one_rule_are_alternatives() -> None:
    text = module() + "\n" + RULE.format(more="", body="\tinput.strict")

    assert len(policy(text)["rules"][0]["when"]) == 2


def test_names_that_the_export_changed_are_changed_back() -> None:
    top = "div_(e) := e.size\n"
    found = policy(module("\tsome net_ in input.events\n\tdiv_(net_) > 1", top=top))

    assert found["define"] == {"div(e) := e.size": ""}
    assert found["rules"][0]["when"] == "some net in input.events\ndiv(net) > 1\n"


def test_evidence_may_be_bound_before_it_is_handed_over() -> None:
    body = (
        "\tsome e in input.events\n\txs := [x | some x in input.events]\n"
        "\tids := array.concat([e.log_id], [x.log_id | some x in xs])"
    )
    rule = policy(module(body, more=', "evidence": ids'))["rules"][0]

    assert rule["evidence"] == ["e", "xs"]
    assert "ids" not in rule["when"]


def test_a_value_is_a_number_or_an_expression() -> None:
    text = module("\tinput.ok\n\tv := 0.5 * input.size", more=', "value": v')
    found = policy(text.replace('"action": "monitor", ', ""))

    assert found["kind"] == "rubric"
    assert found["rules"][0]["value"] == "0.5 * input.size"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fired contains 1 if true\n", ("E110", "does not begin with its package", 1)),
        ("", ("E110", "the module has no package", 1)),
        (module(top="import data.other\n"), ("E111", "an import is not part", 5)),
        (module(top="default x := 1\n"), ("E111", "`default` is not part", 5)),
        (
            module(top="f(x) := 1 if x > 1 else := 2\n"),
            ("E111", "`else` is not part", 5),
        ),
        (module(top="f(x) { x > 1 }\n"), ("E110", "a body without `if`", 5)),
        (module(top="allow\n"), ("E110", "`allow` is no rule", 5)),
        (
            module(top="f(x) := 1 if x > 1\n\nf(x) := 2 if x <= 1\n"),
            ("E111", "a value with several bodies", 7),
        ),
        (
            module(top="f(x) if x > 1\n\nf(y) if y < 0\n"),
            ("E111", "a helper with two different heads", 7),
        ),
        (
            module("\tinput.x = 1"),
            ("E111", "`=`", 7),
        ),
        (
            module("\tdata.opensoc.verifier.x.fired"),
            ("E111", "reading another package", 7),
        ),
        (module(more=', "color": 1'), ("E111", "a member that is no rule", 6)),
        (
            module(more=', "evidence": [e.host]'),
            ("E111", "evidence of this form", 6),
        ),
        (
            module()
            + RULE.format(more=', "evidence": [e.log_id]', body="\tsome e in x"),
            ("E602", "rule `r` is defined twice", 10),
        ),
        ("package p\n\nx := 1\n", ("E110", "the module has no rule", 3)),
    ],
)
def test_what_a_policy_can_not_say_is_reported_at_its_place(
    text: str, expected: tuple[str, str, int]
) -> None:
    code, message, line = problem(text)

    assert (code, line) == (expected[0], expected[2]), message
    assert expected[1] in message


def test_a_missing_file_is_reported_and_nothing_is_written(tmp_path: Path) -> None:
    output = tmp_path / "p.yaml"
    arguments = ["rego", str(tmp_path / "none.rego"), "-o", str(output)]
    result = CliRunner().invoke(verb.app, arguments)

    assert result.exit_code == 1
    assert "error[E107]" in result.output
    assert not output.exists()


def test_a_raw_string_does_not_keep_the_line_that_puts_evidence_together() -> None:
    module = (
        "package opensoc.plausibility.odd\n\nimport rego.v1\n\n"
        'fired contains {"rule": "odd", "field": "f", "message": "m", '
        '"evidence": evidence} if {\n'
        "\tsome e in input.events\n"
        "\tregex.match(`a\nb`, e.source)\n\tevidence := [e.log_id]\n}\n"
    )
    collector = DiagnosticCollector()
    text = import_module(Source("odd.rego", module), "odd", {"log_id"}, (), collector)

    assert text is not None
    assert "evidence: [e]" in text
    assert "evidence :=" not in text
