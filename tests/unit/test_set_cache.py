from __future__ import annotations

import json
import os
import shutil
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from opensoc_engine import InputError, cached, data_root, load_policy_set, set_cache
from opensoc_engine.packing import PackingError, packed, unpack, unpacked

if TYPE_CHECKING:
    from opensoc_engine import PolicySet

VALUES = {"name": "x"}


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


def write(folder: Path) -> list[Path]:
    """Keep a set; gives the files of the cache."""
    set_cache.write("key", VALUES, ["X = 1\n"])
    return sorted(path for path in folder.iterdir() if path.is_file())


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


def test_nothing_is_kept_if_it_is_switched_off(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(set_cache.VARIABLE, "off")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    set_cache.write("key", VALUES, [])

    assert list(tmp_path.iterdir()) == []
    assert set_cache.read("key") is None


def test_the_cache_is_closed_to_others(folder: Path) -> None:
    files = write(folder)

    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert set_cache.read("key") is not None


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o755])
def test_a_folder_that_is_open_to_others_is_not_used(folder: Path, mode: int) -> None:
    write(folder)
    folder.chmod(mode)

    assert set_cache.read("key") is None


def test_a_file_that_is_open_to_others_is_not_used(folder: Path) -> None:
    for path in write(folder):
        path.chmod(0o644)
        assert set_cache.read("key") is None
        path.chmod(0o600)

    assert set_cache.read("key") is not None


def test_the_files_of_another_user_are_not_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder)
    monkeypatch.setattr(os, "getuid", lambda: folder.stat().st_uid + 1)

    assert set_cache.read("key") is None


def test_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    for path in write(folder):
        moved = path.rename(tmp_path / path.name)
        path.symlink_to(moved)
        assert set_cache.read("key") is None
        path.unlink()
        moved.rename(path)

    linked = folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(linked, target_is_directory=True)
    assert set_cache.read("key") is None


@pytest.mark.parametrize("text", ["", "X = 2\n", "# 00\nX = 1\n", "\xff"])
def test_a_file_with_another_text_is_not_used(folder: Path, text: str) -> None:
    for path in write(folder):
        known = path.read_bytes()
        path.write_bytes(text.encode("latin-1"))
        assert set_cache.read("key") is None
        path.write_bytes(known)

    assert set_cache.read("key") is not None


def test_source_of_another_set_is_not_used(folder: Path) -> None:
    write(folder)
    set_cache.write("other", VALUES, ["X = 2\n"])
    (source,) = folder.glob("set_other_0.py")
    source.rename(folder / "set_key_0.py")

    assert set_cache.read("key") is None


def test_a_kept_set_of_a_strange_form_is_compiled_again(
    folder: Path, compiled: list[Path], rules: Path
) -> None:
    load_policy_set(rules / "rubric")
    (path,) = folder.glob("*.json")
    values = json.loads(path.read_text().partition("\n")[2])
    for strange in ([], {"digest": 1}, {**values["set"], "parts": [{}]}):
        set_cache.write(path.stem, strange, [])
        load_policy_set(rules / "rubric")

    assert len(compiled) == 4


def test_a_folder_that_can_not_be_written_is_no_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(set_cache.VARIABLE, str(tmp_path / "file" / "cache"))
    set_cache.write("key", VALUES, [])

    assert set_cache.read("key") is None


def test_the_sets_that_were_used_longest_ago_go_first(folder: Path) -> None:
    for number in range(set_cache.MAX_SETS + 2):
        set_cache.write(f"k{number}", VALUES, ["X = 1\n"])
        os.utime(folder / f"k{number}.json", (number, number))

    assert set_cache.read("k0") is None
    assert not list(folder.glob("set_k0_*"))
    assert set_cache.read(f"k{set_cache.MAX_SETS + 1}") is not None


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
        unpack({"parts": [1]}, ["X = 1"], [compile("X = 1", "x", "exec")], list)
