"""Compiled policy sets, kept as files from one process to the next.

Whoever can write a file of the cache can run code as its reader. So the cache is a
folder that belongs to the user of this process and that nobody else can enter; a file
counts only if it is a plain file of the same user, and if its text has the hash that
stands on its first line. Anything else is as if it were not there. Names of files are
hashes of all that a set is compiled from, the engine itself included, so nothing in
the cache ever becomes out of date.

`OPENSOC_CACHE=off` switches it off; any other value is the folder to use.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from contextlib import suppress
from hashlib import sha256
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import CodeType

VARIABLE = "OPENSOC_CACHE"
# Sets that are kept; the ones that were used longest ago go first.
MAX_SETS = 24
_MAX_BYTES = 32 * 2**20
_PRIVATE = 0o700
_OTHERS = 0o077
_ENGINE = Path(__file__).parent


def key_of(files: Iterable[Path]) -> str:
    """A hash of the names and texts of some files, and of the engine that reads them.

    Raises:
        OSError: A file can't be read.
    """
    total = sha256(f"{sys.version} {_engine()}".encode())
    for path in files:
        content = sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.name!r} {content}\n".encode())
    return total.hexdigest()


def _engine() -> str:
    """A hash over the names, sizes and times of the engine's own files."""
    total = sha256()
    for path in sorted(_ENGINE.rglob("*.py")):
        found = path.stat()
        name = path.relative_to(_ENGINE).as_posix()
        total.update(f"{name} {found.st_size} {found.st_mtime_ns}\n".encode())
    return total.hexdigest()


def read(key: str) -> tuple[Any, list[str], list[CodeType]] | None:
    """What was written for a key: JSON values, sources, and those as code."""
    folder = _folder(create=False)
    text = None if folder is None else _read_private(folder / f"{key}.json")
    if folder is None or text is None:
        return None
    try:
        values = json.loads(text)
        found = [_source(folder, key, at, digest) for at, digest in _parts(values)]
    except (ValueError, TypeError, KeyError, OSError):
        return None
    if any(pair is None for pair in found):
        return None
    with suppress(OSError):
        os.utime(folder / f"{key}.json")
    pairs = [pair for pair in found if pair is not None]
    return values["set"], [source for source, _ in pairs], [code for _, code in pairs]


def write(key: str, values: Any, sources: Sequence[str]) -> None:
    """Keep a set; that it can't be kept is no fault."""
    folder = _folder(create=True)
    if folder is None:
        return
    digests = [sha256(source.encode()).hexdigest() for source in sources]
    try:
        for at, source in enumerate(sources):
            _write_private(folder / f"{_name(key, at)}.py", source)
        text = json.dumps({"sources": digests, "set": values})
        _write_private(folder / f"{key}.json", text)
        _forget(folder)
    except OSError:
        return


def _parts(values: Any) -> list[tuple[int, str]]:
    return list(enumerate(values["sources"]))


def _name(key: str, at: int) -> str:
    """The name of the module of a part."""
    return f"set_{key}_{at}"


def _source(
    folder: Path, key: str, at: int, digest: str
) -> tuple[str, CodeType] | None:
    """The source of a part and its code, which Python keeps beside it as ever."""
    path = folder / f"{_name(key, at)}.py"
    source = _read_private(path)
    if source is None or sha256(source.encode()).hexdigest() != digest:
        return None
    code = SourceFileLoader(path.stem, str(path)).get_code(path.stem)
    return None if code is None else (source, code)


def _folder(*, create: bool) -> Path | None:
    """The folder of the cache, if there is one that nobody else can write to."""
    choice = os.environ.get(VARIABLE, "")
    if choice == "off" or not hasattr(os, "getuid"):
        return None
    try:
        folder = Path(choice) if choice else _default()
        if create:
            folder.mkdir(_PRIVATE, parents=True, exist_ok=True)
        return folder if _is_private(folder.lstat(), stat.S_ISDIR) else None
    except (OSError, RuntimeError):
        return None


def _default() -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return root / "opensoc"


def _is_private(found: os.stat_result, is_kind: Any) -> bool:
    """True for something of this user that no other user has any right to."""
    is_ours = found.st_uid == os.getuid() and not found.st_mode & _OTHERS
    return bool(is_kind(found.st_mode) and is_ours)


def _read_private(path: Path) -> str | None:
    """The text of a file without its first line, which is the hash of the rest."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            found = os.fstat(file.fileno())
            if not _is_private(found, stat.S_ISREG) or found.st_size > _MAX_BYTES:
                return None
            first, _, rest = file.read(_MAX_BYTES).partition(b"\n")
            text = rest.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return text if first == _first_line(text).encode() else None


def _write_private(path: Path, text: str) -> None:
    """Write a file that takes its name only when it is complete."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(part, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(f"{_first_line(text)}\n{text}")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _first_line(text: str) -> str:
    return f"# {sha256(text.encode()).hexdigest()}"


def _forget(folder: Path) -> None:
    """Remove what was used longest ago."""
    kept = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
    for path in kept[:-MAX_SETS]:
        path.unlink(missing_ok=True)
        for other in folder.rglob(f"set_{path.stem}_*"):
            other.unlink(missing_ok=True)
