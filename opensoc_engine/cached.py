"""A folder of policies becomes a compiled set: from the cache, or by compiling it.

What compiles is imported only when something must be compiled, so that a command that
labels one file starts at once.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from opensoc_engine import set_cache
from opensoc_engine.errors import InputError
from opensoc_engine.packing import PackingError, pack, unpack
from opensoc_engine.set_files import read_set

if TYPE_CHECKING:
    from collections.abc import Callable

    from opensoc_engine.decision import Content, PolicySet


def load_policy_set(folder: Path | str) -> PolicySet:
    """The compiled policies of a folder of one kind.

    Raises:
        PolicyError: Something does not compile; its text names every place.
    """
    path = Path(folder)
    key = _key(path)
    known = None if key is None else _known(key, path)
    if known is not None:
        return known
    compiled = _compiled(path)
    # A file that changed meanwhile would be kept under the hash of what it was.
    if key is not None and key == _key(path):
        set_cache.write(key, pack(compiled))
    return compiled


def _compiled(path: Path) -> PolicySet:
    found: PolicySet = import_module("opensoc_engine.loader").load_policy_set(path)
    return found


def _known(key: str, path: Path) -> PolicySet | None:
    found = set_cache.read(key)
    if found is None:
        return None
    try:
        return unpack(found, path, _reader(path, found["digest"]))
    except (PackingError, KeyError, TypeError):
        return None


def _reader(path: Path, digest: str) -> Callable[[], Content]:
    """Compiles a folder when somebody asks for more than decisions."""

    @cache
    def read() -> Content:
        compiled = _compiled(path)
        if compiled.digest != digest:
            raise InputError(f"`{path}` changed after it was loaded: load it again")
        return compiled.read()

    return read


def _key(path: Path) -> str | None:
    """The key of a folder in the cache; None if its files can't be read."""
    try:
        return set_cache.key_of("policy set", read_set(path, with_cases=False))
    except OSError:
        return None
