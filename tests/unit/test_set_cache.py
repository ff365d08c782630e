from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from errno import ENOSPC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from opensoc_engine import (
    InputError,
    PolicyError,
    cached,
    data_root,
    load_policy_set,
    set_cache,
)
from opensoc_engine.packing import PackingError, packed, unpack, unpacked
from opensoc_engine.source import MAX_BYTES

if TYPE_CHECKING:
    from opensoc_engine import PolicySet

VALUES = {"name": "x"}
KEY, OTHER = "a" * 64, "b" * 64
MALLORY = 12345

as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0,
    reason="only root can make files of another user",
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    path = tmp_path / "cache"
    monkeypatch.setenv(set_cache.VARIABLE, str(path))
    return path


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A copy of the shipped rules."""
    return shutil.copytree(data_root() / "rules", tmp_path / "copy" / "rules")


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were compiled."""
    found: list[Path] = []
    compile_folder = cached._compiled

    def record(path: Path) -> PolicySet:
        found.append(path)
        return compile_folder(path)

    monkeypatch.setattr(cached, "_compiled", record)
    return found


def write(folder: Path, key: str = KEY) -> Path:
    """Keep values; gives the file."""
    set_cache.write(key, VALUES)
    return folder / f"{key}.opensoc"


@pytest.mark.parametrize("name", ["plausibility", "rubric"])
def test_a_kept_set_is_what_was_compiled(
    folder: Path, compiled: list[Path], name: str
) -> None:
    first, second = (load_policy_set(data_root() / "rules" / name) for _ in range(2))

    assert len(compiled) == 1
    assert (first, first.order) == (second, second.order)
    assert [part.facts for part in first.parts] == [part.facts for part in second.parts]
    assert first.inputs == second.inputs


def test_a_kept_set_decides_the_same(folder: Path) -> None:
    document = {
        "truth": {"action": "escalate", "evidence": ["e1"]},
        "response": {"format_valid": True, "action": "dismiss"},
    }
    first, second = (load_policy_set(data_root() / "rules/rubric") for _ in range(2))

    decided = first.evaluate_policy(document, "defender.v2")
    assert decided.findings
    assert decided == second.evaluate_policy(document, "defender.v2")


@pytest.mark.parametrize("name", ["plausibility", "rubric"])
def test_rules_and_lists_of_a_kept_set_need_no_compiling(
    folder: Path, compiled: list[Path], rules: Path, name: str
) -> None:
    first, second = (load_policy_set(rules / name) for _ in range(2))

    assert len(compiled) == 1
    assert list(first.rules.items()) == list(second.rules.items())
    assert [info.metadata for info in first.rules.values()] == [
        second.rule(rule).metadata for rule in first.rules
    ]
    assert first.lists
    assert dict(first.lists) == dict(second.lists)


def test_a_rule_of_a_kept_set_stands_where_the_set_was_loaded_from(
    folder: Path, compiled: list[Path], rules: Path
) -> None:
    other = shutil.copytree(rules, rules.parent / "other")
    infos = [
        info
        for place in (rules, other)
        for info in load_policy_set(place / "rubric").rules.values()
    ]

    assert len(compiled) == 1
    assert {Path(info.path).parent for info in infos} == {
        rules / "rubric",
        other / "rubric",
    }
    for info in infos:
        lines = Path(info.path).read_text("utf-8").splitlines()
        assert f"- id: {info.rule}" in lines[info.line - 1]
        assert info.text.splitlines()[0] in "\n".join(lines[info.line :])


def test_policies_of_a_kept_set_are_read_when_they_are_asked_for(
    folder: Path, compiled: list[Path], rules: Path
) -> None:
    load_policy_set(rules / "rubric")
    kept = load_policy_set(rules / "rubric")

    assert len(compiled) == 1
    assert {policy.slug.text for policy in kept.policies} == set(kept.inputs)
    assert len(compiled) == 2


def test_a_set_that_changed_after_it_was_loaded_is_not_mixed_up(
    folder: Path, rules: Path
) -> None:
    load_policy_set(rules / "rubric")
    kept = load_policy_set(rules / "rubric")
    manifest = rules / "rubric" / "set.yaml"
    manifest.write_text(manifest.read_text() + "\n# changed\n")

    with pytest.raises(InputError, match="changed after it was loaded"):
        _ = kept.policies


@pytest.mark.parametrize("name", ["rubric/set.yaml", "lists/budgets.yaml"])
def test_any_changed_file_is_compiled_again(
    folder: Path, compiled: list[Path], rules: Path, name: str
) -> None:
    load_policy_set(rules / "rubric")
    text = (rules / name).read_text()
    (rules / name).write_text(f"{text}\n# changed\n")
    load_policy_set(rules / "rubric")

    assert len(compiled) == 2


@pytest.mark.parametrize(
    ("old", "new"),
    [("lists/budgets.yaml", "rubric/budgets.yaml"), ("rubric/x.yaml", "lists/x.yaml")],
)
def test_a_file_that_moves_to_another_folder_is_another_file(
    folder: Path, rules: Path, old: str, new: str
) -> None:
    (rules / "rubric/x.yaml").write_text("")
    before = cached._key(rules / "rubric")
    (rules / old).rename(rules / new)

    assert cached._key(rules / "rubric") != before


def test_an_engine_with_other_text_has_other_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = []
    for text in ("a = 1", "a = 2"):
        (tmp_path / "engine.py").write_text(text)
        os.utime(tmp_path / "engine.py", (1, 1))
        monkeypatch.setattr(set_cache, "_ENGINE", tmp_path)
        set_cache._engine.cache_clear()
        keys.append(set_cache.key_of("test", {}))
    set_cache._engine.cache_clear()

    assert keys[0] != keys[1]


@pytest.mark.parametrize("name", ["rubric/zz.yaml", "lists/zz.yaml"])
def test_a_file_that_is_too_large_or_no_file_is_not_read(
    folder: Path, rules: Path, name: str
) -> None:
    (rules / name).write_bytes(b"#" * (MAX_BYTES + 1))
    assert cached._key(rules / "rubric") is None

    (rules / name).unlink()
    os.mkfifo(rules / name)
    assert cached._key(rules / "rubric") is None
    with pytest.raises(PolicyError, match="not a plain file"):
        load_policy_set(rules / "rubric")


def test_nothing_is_kept_if_it_is_switched_off(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(set_cache.VARIABLE, "off")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    set_cache.write(KEY, VALUES)

    assert list(tmp_path.iterdir()) == []
    assert set_cache.read(KEY) is None


def test_a_relative_folder_could_be_anybodys(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(set_cache.VARIABLE, "cache")
    set_cache.write(KEY, VALUES)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "HOME"])
def test_by_default_the_cache_is_in_the_users_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    for name in (set_cache.VARIABLE, "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    set_cache.write(KEY, VALUES)

    inside = ".cache/opensoc" if variable == "HOME" else "opensoc"
    assert (tmp_path / inside / f"{KEY}.opensoc").is_file()


@as_root
def test_the_home_of_another_user_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in (set_cache.VARIABLE, "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    os.chown(tmp_path, MALLORY, MALLORY)
    set_cache.write(KEY, VALUES)

    assert list(tmp_path.iterdir()) == []


def test_a_process_that_runs_for_somebody_else_has_no_cache(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder)
    monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)

    assert set_cache.read(KEY) is None


def test_the_cache_is_closed_to_others(folder: Path) -> None:
    known = os.umask(0)
    try:
        file = write(folder)
    finally:
        os.umask(known)

    assert folder.stat().st_mode & 0o777 == 0o700
    assert file.stat().st_mode & 0o777 == 0o600
    assert set_cache.read(KEY) == VALUES


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o755, 0o1777])
def test_a_folder_that_is_open_to_others_is_not_used(folder: Path, mode: int) -> None:
    write(folder)
    folder.chmod(mode)
    set_cache.write(OTHER, VALUES)

    assert set_cache.read(KEY) is None
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_a_file_that_is_open_to_others_is_not_used(folder: Path, mode: int) -> None:
    write(folder).chmod(mode)

    assert set_cache.read(KEY) is None


@as_root
def test_a_folder_that_another_user_made_is_not_used(folder: Path) -> None:
    folder.mkdir(0o700)
    os.chown(folder, MALLORY, MALLORY)
    set_cache.write(KEY, VALUES)

    assert list(folder.iterdir()) == []


@as_root
def test_a_file_that_another_user_planted_is_not_used(folder: Path) -> None:
    os.chown(write(folder), MALLORY, MALLORY)

    assert set_cache.read(KEY) is None


def test_a_file_is_as_private_in_a_parent_that_anybody_can_write_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    monkeypatch.setenv(set_cache.VARIABLE, str(shared / "cache"))
    write(shared / "cache")
    assert set_cache.read(KEY) == VALUES

    (shared / "cache").rename(shared / "moved")
    (shared / "cache").symlink_to(shared / "moved")
    assert set_cache.read(KEY) is None


def test_a_folder_that_is_exchanged_while_it_is_read_is_not_followed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder)
    planted = folder.with_name("planted")
    planted.mkdir(0o700)
    (planted / f"{KEY}.opensoc").write_text("planted")
    is_private = set_cache._is_private

    def exchange(found: os.stat_result, kind: int) -> bool:
        if stat.S_ISDIR(kind):
            folder.rename(folder.with_name("away"))
            planted.rename(folder)
        return is_private(found, kind)

    monkeypatch.setattr(set_cache, "_is_private", exchange)

    assert set_cache.read(KEY) == VALUES


def test_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    file = write(folder)
    moved = file.rename(tmp_path / "moved")
    file.symlink_to(moved)

    assert set_cache.read(KEY) is None


def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    write(folder).unlink()
    os.mkfifo(folder / f"{KEY}.opensoc", 0o600)

    assert set_cache.read(KEY) is None


@pytest.mark.parametrize("text", ["", "{}", f"{KEY} 00\n{{}}", "\xff", "\n" * 9])
def test_a_file_with_another_text_is_not_used(folder: Path, text: str) -> None:
    write(folder).write_bytes(text.encode("latin-1"))

    assert set_cache.read(KEY) is None


def test_a_file_that_is_cut_off_is_not_used(folder: Path) -> None:
    file = write(folder)
    os.truncate(file, file.stat().st_size - 1)

    assert set_cache.read(KEY) is None


def test_a_file_that_is_huge_is_not_read(folder: Path) -> None:
    file = write(folder)
    os.truncate(file, set_cache._MAX_BYTES + 1)

    assert set_cache.read(KEY) is None


def test_a_file_of_another_key_is_not_used(folder: Path) -> None:
    write(folder, OTHER).rename(folder / f"{KEY}.opensoc")

    assert set_cache.read(KEY) is None


def test_modules_that_were_planted_for_python_are_never_run(
    folder: Path, rules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "pycache"))
    for _ in range(2):
        load_policy_set(rules / "rubric")

    assert not (tmp_path / "pycache").exists()
    assert {path.suffix for path in folder.rglob("*")} == {".opensoc"}


def test_a_kept_set_of_a_strange_form_is_compiled_again(
    folder: Path, compiled: list[Path], rules: Path
) -> None:
    load_policy_set(rules / "rubric")
    (file,) = folder.iterdir()
    kept = set_cache.read(file.stem)
    parts = [{}, {**kept["parts"][0], "code": "!"}, {**kept["parts"][0], "code": ""}]
    rules_of = [{}, {"no-such-rule": []}, {next(iter(kept["rules"])): ["a", 1]}]
    strange = [
        *([], 1, {"digest": 1}, {**kept, "lists": 1}),
        *({**kept, "parts": [part]} for part in parts),
        *({**kept, "rules": known} for known in rules_of),
    ]
    for values in strange:
        set_cache.write(file.stem, values)
        load_policy_set(rules / "rubric")

    assert len(compiled) == 1 + len(strange)


def test_a_folder_that_can_not_be_written_is_no_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(set_cache.VARIABLE, str(tmp_path / "file" / "cache"))
    set_cache.write(KEY, VALUES)

    assert set_cache.read(KEY) is None


def test_a_full_disk_leaves_what_was_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder)

    def fail(*_: object, **__: object) -> None:
        raise OSError(ENOSPC, "no space left")

    monkeypatch.setattr(os, "replace", fail)
    set_cache.write(KEY, {"name": "y"})

    assert set_cache.read(KEY) == VALUES
    assert len(list(folder.iterdir())) == 1


def test_writers_at_the_same_time_leave_a_whole_file(folder: Path) -> None:
    values = [{"name": str(at) * 10_000} for at in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda value: set_cache.write(KEY, value), values * 4))

    assert set_cache.read(KEY) in values
    assert [path.name for path in folder.iterdir()] == [f"{KEY}.opensoc"]


def test_what_was_used_longest_ago_goes_first(folder: Path) -> None:
    keys = [f"{number:064x}" for number in range(set_cache.MAX_FILES + 2)]
    left_behind = folder / f"{KEY}.{'0' * 16}.opensoc"
    for number, key in enumerate(keys, 1):
        os.utime(write(folder, key), (number, number))
        left_behind.touch(0o600)
        os.utime(left_behind, (0, 0))

    assert set_cache.read(keys[0]) is None
    assert set_cache.read(keys[-1]) == VALUES
    set_cache.write(KEY, VALUES)
    assert not left_behind.exists()


def test_what_is_used_stays(folder: Path) -> None:
    keys = [f"{number:064x}" for number in range(set_cache.MAX_FILES + 1)]
    os.utime(write(folder, keys[0]), (1, 1))
    for number, key in enumerate(keys[1:-1], 2):
        os.utime(write(folder, key), (number, number))
    set_cache.read(keys[0])
    write(folder, keys[-1])

    assert set_cache.read(keys[0]) == VALUES
    assert set_cache.read(keys[1]) is None


def test_files_of_somebody_else_in_the_folder_stay(folder: Path) -> None:
    folder.mkdir(0o700)
    for number in range(set_cache.MAX_FILES + 2):
        (folder / f"{number}.json").touch()
    write(folder)

    assert len(list(folder.iterdir())) == set_cache.MAX_FILES + 3


CONSTANTS = [
    (1, True, "a", None),
    frozenset({"b", "a"}),
    {"k": ({"n": Decimal("1.0")},), 2: 3},
    Decimal("0.10"),
    10**60,
]


@pytest.mark.parametrize("value", CONSTANTS, ids=lambda value: type(value).__name__)
def test_constants_come_back_with_their_types(value: Any) -> None:
    back = unpacked(json.loads(json.dumps(packed(value))))

    assert repr(back) == repr(value) or back == value == frozenset({"a", "b"})


def test_what_is_no_constant_is_not_packed() -> None:
    with pytest.raises(PackingError):
        packed(1.5)
    with pytest.raises(PackingError):
        unpacked(["code", "import os"])


def test_what_was_not_packed_is_not_unpacked() -> None:
    with pytest.raises(PackingError):
        unpack({"parts": [1]}, Path(), list)
