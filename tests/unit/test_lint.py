from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from policy_modules import DOCUMENT, Texts, _policy, rule
from typer.testing import CliRunner

from opensoc_cli import lint as verb
from opensoc_engine import data_root
from opensoc_engine.analysis.checker import CheckedProgram, check
from opensoc_engine.analysis.constants import pattern_states
from opensoc_engine.analysis.lints import lint, lists_read, unread_lists
from opensoc_engine.analysis.program import parse_program
from opensoc_engine.analysis.resolver import resolve
from opensoc_engine.analysis.scope import Environment, Strictness
from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.policy.model import ListFile, Manifest, Name
from opensoc_engine.schema_types import value_type
from opensoc_engine.source import Source, Span

NOWHERE = Span(Source("set.yaml", ""), 0, 0)
EVENT = "some e in input.events"
PROCESS = f'{EVENT}\ne.kind == "process"'
LISTS = {"limits": {"many": 3, "none": 0}, "shells": ("sh",), "empty": ()}
GOLDEN = Path(__file__).parents[1] / "golden" / "diagnostics"

cli = typer.Typer()
cli.command()(verb.run)


def manifest(decision: str = "strongest") -> Manifest:
    return Manifest(
        name="test",
        kind="plausibility",
        version="1.0.0",
        input_schema=Name("test", NOWHERE),
        decision=decision,
        order=("escalate", "monitor"),
        default="dismiss",
        forbid=(),
        strict_absence=False,
        case_base=None,
        source=NOWHERE.source,
        span=NOWHERE,
    )


def checked(texts: Texts) -> CheckedProgram:
    collector = DiagnosticCollector()
    kinds = {name: value_type(value) for name, value in LISTS.items()}
    loose = Strictness.NOTHING_REFUSED
    environment = Environment(DOCUMENT, kinds, frozenset(), "verifier", loose)
    program = parse_program(_policy(texts), collector)
    resolve(program, collector)
    found = check(program, environment, collector)
    assert not collector.has_errors, [item.message for item in collector.sorted()]
    return found


def lists() -> dict[str, ListFile]:
    return {
        name: ListFile(Name(name, NOWHERE), "1.0.0", value, NOWHERE.source)
        for name, value in LISTS.items()
    }


def codes(texts: Texts, decision: str = "strongest") -> list[str]:
    found = lint(manifest(decision), [checked(texts)], lists())
    return [item.code for item in found]


def body_codes(*lines: str, **defines: Any) -> list[str]:
    return codes(rule("\n".join(lines), defines=defines.get("defines", {})))


@pytest.mark.parametrize(
    "lines",
    [
        (PROCESS, 'e.kind == "process"'),
        (PROCESS, 'e.kind in {"process"}'),
        (PROCESS, 'not e.kind != "process"'),
        (PROCESS, "e.host"),
        (PROCESS, "e.parent", "e.parent.name == e.parent.name"),
        (EVENT, "e.size == 2", "e.size == 2"),
        ("count(input.events) >= 0",),
        ("0 <= count(input.events)",),
        ("count(input.events) > -1",),
        (EVENT, 'contains(e.host, "")'),
    ],
)
def test_a_line_that_always_holds_is_found(lines: tuple[str, ...]) -> None:
    assert body_codes(*lines) == ["W101"]


@pytest.mark.parametrize(
    "lines",
    [
        (PROCESS, 'e.kind != "process"'),
        (EVENT, "e.size == 2", "not e.size == 2"),
        (EVENT, "not e.size == 2", "e.size == 2"),
        (EVENT, "e.size < e.size"),
        ("count(input.events) < 0",),
        ("some x in []", "input.threshold == 1", "count([x]) == 1"),
    ],
)
def test_a_line_that_never_holds_is_found(lines: tuple[str, ...]) -> None:
    assert body_codes(*lines) == ["W102"]


@pytest.mark.parametrize(
    "lines",
    [
        (PROCESS, "e.parent"),
        (PROCESS, "e.parent.name == e.parent.name"),
        (PROCESS, "e.signed"),
        (EVENT, 'e.kind in {"process", "network"}', "e.size == 1"),
        ("count(input.events) > 0",),
        (EVENT, "e.size == 2", "not e.size == 3"),
    ],
)
def test_a_line_that_may_hold_or_not_is_fine(lines: tuple[str, ...]) -> None:
    found = body_codes(*lines)

    assert "W102" not in found
    assert found == [] or 'e.kind in {"process", "network"}' in lines


@pytest.mark.parametrize(
    "line", ["count(data.shells) == 1", "true", "not 1 == 2", "data.limits.many > 2"]
)
def test_a_condition_without_the_input_is_constant(line: str) -> None:
    assert body_codes(line) == ["W103"]


def test_a_helper_line_is_dead_only_for_all_arguments() -> None:
    define = {"is_process(e)": ('e.kind == "process"',)}
    narrowed = (PROCESS, "is_process(e)")

    assert body_codes(*narrowed, defines=define) == ["W101"]
    both = Texts(
        {"one": ("\n".join(narrowed),), "two": (f"{EVENT}\nis_process(e)",)}, define
    )
    assert "W101" not in codes(both)


def test_lines_inside_comprehensions_are_looked_at() -> None:
    assert body_codes(f"count([e | {EVENT}; e.host]) > 0") == ["W101"]


def acting(**actions: tuple[str, str]) -> list[tuple[str, str]]:
    """Codes and places of rules that are given as action and body."""
    texts = Texts({name: (body,) for name, (_, body) in actions.items()}, {})
    found = checked(texts)
    rules = []
    for item, facts in found.rules:
        name = item.rule.id.text
        source = Source(name, name)
        place = Name(name, Span(source, 0, 1))
        action = Name(actions[name][0], NOWHERE)
        changed = replace(item.rule, id=place, action=action)
        rules.append((replace(item, rule=changed), facts))
    program = replace(found.program, rules=tuple(item for item, _ in rules))
    changed = replace(found, program=program, rules=tuple(rules))
    advice = lint(manifest(), [changed], lists())
    return [(item.code, item.label.span.source.name) for item in advice]


def test_a_weaker_rule_with_more_lines_is_shadowed() -> None:
    more = f'{EVENT}\ne.size == 7\ne.host == "a"'
    found = acting(strong=("escalate", f"{EVENT}\ne.size == 7"), weak=("monitor", more))

    assert found == [("W104", "weak")]


def test_a_stronger_rule_with_more_lines_is_not_shadowed() -> None:
    more = f'{EVENT}\ne.size == 7\ne.host == "a"'

    assert not acting(
        weak=("monitor", f"{EVENT}\ne.size == 7"), strong=("escalate", more)
    )


def test_a_repeated_rule_is_reported_once() -> None:
    one, other = f"{EVENT}\ne.size == 7", f"{EVENT}\ne.size   == 7"

    assert acting(a=("monitor", one), b=("monitor", other)) == [("W105", "b")]


def test_terms_of_a_rubric_may_include_each_other() -> None:
    texts = Texts(
        {"a": (EVENT + "\ne.size == 7",), "b": (EVENT + "\ne.size == 7",)}, {}
    )

    assert codes(texts, decision="sum") == []
    assert codes(texts) == ["W105"]


def test_a_body_that_adds_nothing_is_found() -> None:
    small, large = f"{EVENT}\ne.size == 7", f'{EVENT}\ne.size == 7\ne.host == "a"'

    assert codes(rule(small, large)) == ["W105"]
    assert codes(rule(small, f"{EVENT}\ne.size == 8")) == []


EVERY = 'every x in input.names { x == "a" }'
FILLED = {
    "many(names)": ("count(names) > 1", "count(names) >= data.limits.many"),
    "perhaps(names)": ("count(names) > 1", "count(names) == input.threshold"),
}


@pytest.mark.parametrize(
    "before",
    [
        "count(input.names) > 0",
        "1 <= count(input.names)",
        "count(input.names) != 0",
        "not count(input.names) == 0",
        "count(input.names) >= data.limits.many",
        'some n in input.names\nn == "a"',
        '"a" in input.names',
        'input.names[0] == "a"',
        "many(input.names)",
    ],
)
def test_an_every_over_something_is_fine(before: str) -> None:
    assert "W106" not in body_codes(before, EVERY, defines=FILLED)


@pytest.mark.parametrize(
    "before",
    [
        "input.threshold == 1",
        "count(input.names) >= 0",
        "count(input.names) >= data.limits.none",
        "count(input.names) < 2",
        "not count(input.names) == 1",
        'not "a" in input.names',
        "perhaps(input.names)",
    ],
)
def test_an_every_over_what_may_be_empty_is_vacuous(before: str) -> None:
    assert "W106" in body_codes(before, EVERY, defines=FILLED)


def test_an_every_over_constants_is_judged_by_them() -> None:
    assert body_codes(EVENT, "every x in data.shells { x != e.host }") == []
    assert body_codes(EVENT, "every x in data.empty { x != e.host }") == ["W106"]
    assert body_codes(EVENT, 'every x in ["a"] { x != e.host }') == []


def test_a_helper_that_only_an_unused_one_calls_is_unused() -> None:
    defines = {
        "used(x)": ("x == 1",),
        "a(x)": ("b(x)",),
        "b(x)": ("used(x)",),
    }

    assert body_codes("used(input.threshold)", defines=defines) == ["W107", "W107"]


@pytest.mark.parametrize(
    ("pattern", "states"),
    [
        ("abc", 3),
        ("[a-z]{20}", 20),
        ("(ab){3,}", 8),
        (r"(a\{2[0-9]{2,5}){10}", 80),
        ("(?:a|b)*(?P<x>c){4}", 6),
        (r"\Qa{9}\E", 1),
        ("[]{9}]", 1),
    ],
)
def test_a_pattern_is_measured_written_out(pattern: str, states: int) -> None:
    assert pattern_states(pattern) == states


def test_a_list_that_nothing_reads_is_found() -> None:
    read = lists_read([checked(rule(f"{EVENT}\ne.host in data.shells"))])
    found = list(unread_lists(lists(), read))

    assert read == {"shells"}
    assert [item.message for item in found] == [
        "no policy reads the list `empty`",
        "no policy reads the list `limits`",
    ]


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A rules folder with one set, whose only policy has one finding: W106."""
    shells = data_root() / "rules" / "lists" / "shells.yaml"
    for name in ("golden", "lists"):
        (tmp_path / name).mkdir()
    shutil.copy(shells, tmp_path / "lists")
    shutil.copy(GOLDEN / "set.yaml", tmp_path / "golden")
    shutil.copy(GOLDEN / "w106-vacuous-every.yaml", tmp_path / "golden")
    return tmp_path


def found_by(*arguments: object) -> tuple[int, list[str]]:
    words = [str(argument) for argument in arguments]
    result = CliRunner().invoke(cli, [*words, "--format", "json"])
    return result.exit_code, [item["code"] for item in json.loads(result.stdout)]


def test_findings_end_with_one(rules: Path) -> None:
    assert found_by(rules) == (1, ["W106", "W112"])


def test_a_set_is_linted_without_its_lists(rules: Path) -> None:
    assert found_by(rules / "golden") == (1, ["W106"])
    assert found_by(rules / "golden" / "set.yaml") == (0, [])


def test_codes_can_be_chosen(rules: Path) -> None:
    assert found_by(rules, "--select", "w101,W112") == (1, ["W112"])
    assert found_by(rules, "--ignore", "W106", "--ignore", "W112") == (0, [])


def test_an_unknown_code_is_a_usage_error(rules: Path) -> None:
    result = CliRunner().invoke(cli, [str(rules), "--select", "E301"])

    assert result.exit_code == 2
    assert "unknown lint `E301`" in result.output


@pytest.mark.parametrize("comment", ["  # lint: allow W101, W106 on purpose", None])
def test_a_comment_allows_a_finding(rules: Path, comment: str | None) -> None:
    path = rules / "golden" / "w106-vacuous-every.yaml"
    text = path.read_text()
    line = next(line for line in text.split("\n") if "every o" in line)
    above = f"      # lint: allow W106\n{line}"
    path.write_text(text.replace(line, line + comment if comment else above, 1))

    assert found_by(rules / "golden") == (0, [])


def test_what_does_not_compile_is_reported_instead(rules: Path) -> None:
    path = rules / "golden" / "w106-vacuous-every.yaml"
    path.write_text(path.read_text().replace("event_type", "evnt_type", 1))

    assert found_by(rules, "--select", "W106") == (1, ["E301"])


def test_a_folder_without_sets_can_not_be_linted(tmp_path: Path) -> None:
    assert CliRunner().invoke(cli, [str(tmp_path)]).exit_code == 2
