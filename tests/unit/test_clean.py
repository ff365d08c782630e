from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

pytest.importorskip("benchmarks", reason="the benchmarks are part of a checkout")

from benchmarks.many_files import policy, write_rules
from opensoc_cli.main import cli
from opensoc_engine import clean, judging, set_cache
from opensoc_engine.clean import CleanSet, clean_set
from opensoc_engine.loader import load_folder, rule_files

if TYPE_CHECKING:
    from pathlib import Path

LIST = "list: limits\nversion: 1.0.0\ntitle: Limits\nvalues: {tries: 3}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clean set of three policies with a list and a case base; an empty cache."""
    monkeypatch.setenv(set_cache.VARIABLE, str(tmp_path / "cache"))
    found = write_rules(tmp_path / "files", 3)
    lists = found.parent / "lists"
    lists.mkdir()
    (lists / "limits.yaml").write_text(LIST)
    edit(found / "gate-1.yaml", "> 3", "> data.limits.tries")
    (found.parent / "base.yaml").write_text("events: []\n")
    with (found / "set.yaml").open("a") as manifest:
        manifest.write("case_base: ../base.yaml\n")
    return found


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The names of the files that were judged, look by look."""
    found: list[set[str]] = []
    judge = judging.judge

    def record(path: Path, texts: Any, missing: set[str], known: Any) -> Any:
        found.append(missing)
        return judge(path, texts, missing, known)

    monkeypatch.setattr(judging, "judge", record)
    return found


def edit(path: Path, old: str, new: str) -> None:
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def clean_of(folder: Path) -> CleanSet:
    found = clean_set(folder)
    assert isinstance(found, CleanSet)
    return found


def check(folder: Path) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["check", str(folder)])
    return result.exit_code, result.output


def test_a_clean_set_says_what_compiling_it_says(folder: Path) -> None:
    loaded = load_folder(folder)
    assert loaded.policy_set is not None
    assert loaded.folder is not None

    for _ in range(2):
        found = clean_of(folder)
        assert (found.policies, found.rules) == (3, 3)
        assert found.digest == loaded.policy_set.digest
        assert found.locked_contents() == rule_files([loaded.folder])


def test_a_second_look_judges_nothing(folder: Path, judged: list[set[str]]) -> None:
    first, second = clean_of(folder), clean_of(folder)

    assert first == second
    assert len(judged) == 1


def test_only_the_file_that_changed_is_judged(
    folder: Path, judged: list[set[str]]
) -> None:
    before = clean_of(folder)
    (folder / "gate-0.yaml").write_text(policy(0, limit=9))
    after = clean_of(folder)

    assert judged[1:] == [{"set/gate-0.yaml"}]
    assert after.digest != before.digest


def test_nothing_is_remembered_without_a_cache(
    folder: Path, judged: list[set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(set_cache.VARIABLE, "off")
    for _ in range(2):
        clean_of(folder)

    assert len(judged) == 2


BREAKS = {
    "a rule": ("gate-0.yaml", "pass.tries", "pass.trees", "E301"),
    "a name twice": ("gate-0.yaml", "id: gate-0-tries", "id: gate-1-tries", "E602"),
    "a case": ("gate-0.cases.yaml", "tries: 10", "tries: ten", "E609"),
    "the kinds of cases": ("gate-0.cases.yaml", "is: quiet", "is: fires", "E608"),
    "the rule of a case": (
        "gate-0.cases.yaml",
        "    rule: gate-0-tries\n    is: quiet",
        "    rule: gate-7-tries\n    is: quiet",
        "E608",
    ),
    "the manifest": ("set.yaml", "order: [refuse, watch]", "order: [refuse]", "E604"),
    "a list": ("../lists/limits.yaml", "tries: 3", "tries: three", "E4"),
    "the schema": (
        "../../schemas/gate.schema.json",
        '"badge": {"type": "string"}',
        '"badge": {"type": "integer"}',
        "E4",
    ),
    "the base": ("../base.yaml", "events: []", "gates: []", "E609"),
}


@pytest.mark.parametrize("what", BREAKS)
def test_what_breaks_after_a_clean_look_is_found(folder: Path, what: str) -> None:
    file, old, new, code = BREAKS[what]
    assert check(folder)[0] == 0
    edit(folder / file, old, new)
    exit_code, output = check(folder)

    assert exit_code == 1
    assert f"error[{code}" in output


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("gate-0.yaml", "E609"),
        ("gate-0.cases.yaml", "E608"),
        ("set.yaml", "E606"),
        ("../base.yaml", "E607"),
        ("../lists/limits.yaml", "E3"),
    ],
)
def test_a_file_that_is_gone_after_a_clean_look_is_missed(
    folder: Path, file: str, code: str
) -> None:
    clean_of(folder)
    (folder / file).unlink()

    assert not isinstance(clean_set(folder), CleanSet)
    if file != "set.yaml":
        assert f"error[{code}" in check(folder)[1]


@pytest.mark.parametrize("what", BREAKS)
def test_what_is_said_about_an_edit_is_what_is_said_about_it_all(
    folder: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, old, new, _ = BREAKS[what]
    check(folder)
    edit(folder / file, old, new)
    edit(folder / "gate-2.yaml", "pass.badge", "pass.batch")
    known = check(folder)
    monkeypatch.setattr("opensoc_engine.clean.clean_set", lambda _: None)

    assert known == check(folder)


def test_a_policy_under_another_name_is_judged_again(folder: Path) -> None:
    assert check(folder)[0] == 0
    (folder / "gate-0.yaml").rename(folder / "gate-00.yaml")

    assert "error[E601]" in check(folder)[1]


def test_a_change_without_a_higher_version_is_refused_after_a_clean_look(
    folder: Path,
) -> None:
    CliRunner().invoke(cli, ["lock", str(folder.parent)])
    assert check(folder.parent)[0] == 0
    (folder / "gate-0.yaml").write_text(policy(0, limit=9))

    exit_code, output = check(folder.parent)
    assert exit_code == 1
    assert "gate-0.yaml:3:10" in output
    assert "changed, but its version is still 1.0.0" in output


@pytest.mark.parametrize("strange", [[], {}, {"set": {"base": ["", ""]}}, 1])
def test_what_is_kept_in_a_strange_form_is_judged_again(
    folder: Path, judged: list[set[str]], strange: Any, tmp_path: Path
) -> None:
    clean_of(folder)
    for file in (tmp_path / "cache").iterdir():
        set_cache.write(file.stem, strange)
    clean_of(folder)

    assert len(judged) == 2


def test_kinds_are_those_of_cases() -> None:
    from opensoc_engine.cases import KINDS  # noqa: PLC0415

    assert clean.KINDS == KINDS
