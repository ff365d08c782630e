"""Which files a policy set is made of, and what is in them, before anything is parsed.

All of a set's meaning is in these texts, so hashes of them can stand for it.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from opensoc_engine.resources import data_root, read_bounded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MANIFEST = "set.yaml"
CASES_SUFFIX = ".cases.yaml"
LISTS = "lists"
LOCK = "lock.json"
# What the names of a set's own files begin with; others begin otherwise.
OWN = "set/"
OWN_LISTS = "lists/"


def read_set(path: Path, *, with_cases: bool) -> dict[str, bytes]:
    """Texts by name; the same name in two folders is two names here.

    Raises:
        OSError: A file can't be read, is no plain file or is too large.
    """
    return {
        f"{role}{file.name}": read_bounded(file)
        for role, folder, pattern in _places(path)
        for file in sorted(folder.glob(pattern))
        if with_cases or not file.name.endswith(CASES_SUFFIX)
    }


def base_mark(path: Path, name: str) -> list[str]:
    """The name of a case base and a hash of its text; empty for none.

    Raises:
        OSError: It can't be read.
    """
    return [name, sha256(read_bounded(path / name)).hexdigest() if name else ""]


def policy_folders(root: Path) -> list[Path]:
    """The folders at or below a path, one level deep, that hold a manifest."""
    if (root / MANIFEST).is_file():
        return [root]
    return sorted(path.parent for path in root.glob(f"*/{MANIFEST}"))


def rules_root(path: Path) -> Path:
    """The folder that holds the sets and the lists of a file, a set or itself."""
    folder = path.parent if path.is_file() else path
    if folder.resolve().name != LISTS and not (folder / MANIFEST).is_file():
        return folder
    # `.` and `..` have no parent that could be written before them.
    return (folder if folder.name not in ("", "..") else folder.resolve()).parent


def set_digest(texts: Mapping[str, str]) -> str:
    """The digest of a policy set: SHA-256 over all its texts, by name."""
    total = sha256()
    for name, text in sorted(texts.items()):
        total.update(sha256(name.encode()).digest() + sha256(text.encode()).digest())
    return total.hexdigest()


def _places(path: Path) -> Iterator[tuple[str, Path, str]]:
    """What files are to a set, their folder and the pattern of their names."""
    yield OWN, path, "*.yaml"
    yield OWN_LISTS, path.parent / LISTS, "*.yaml"
    yield "schemas/", path.resolve().parent.parent / "schemas", "*.schema.json"
    yield "shipped schemas/", data_root() / "schemas", "*.schema.json"
