"""JSON values, kept in files from one process to the next: what compiling gave.

Whoever can write such a file can run code as its reader. So one is read only from a
folder, and only if it is a plain file, that belong to the user of this process and that
nobody else has any right to. Both are opened first and looked at then, and files are
opened from within the open folder, so nothing can be exchanged in between, whoever owns
the folders above. A file names its key and the hash of its text: one that is cut off or
that was meant for something else is as if it were not there.

Keys are hashes of all that the values were made from, the text of the engine included,
so nothing in the cache ever becomes out of date. Python's own cache of compiled modules
is not used: it trusts times and sizes, and may lie where others write.

`OPENSOC_CACHE=off` switches the cache off; an absolute path is the folder to use. By
default it lies in the user's home, and there is none for a home of somebody else, as
after `sudo` that kept it.
"""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VARIABLE = "OPENSOC_CACHE"
# Files that are kept; the ones that were used longest ago go first.
MAX_FILES = 48
# More than the sets of 10,000 rules take.
_MAX_BYTES = 64 * 2**20
_PRIVATE = 0o700
_OTHERS = 0o077
_SUFFIX = ".opensoc"
# All that is ever removed, so that a folder with other things in it loses none.
_OURS = re.compile(rf"[0-9a-f]{{64}}(\.[0-9a-f]{{16}})?{re.escape(_SUFFIX)}")
_ENGINE = Path(__file__).parent


def key_of(purpose: str, texts: Mapping[str, bytes]) -> str:
    """A hash of named texts, of what is made from them, and of the engine."""
    total = sha256(f"{purpose!r} {_platform()} {_engine()}".encode())
    for name, text in texts.items():
        total.update(f"{name!r} {sha256(text).hexdigest()}\n".encode())
    return total.hexdigest()


def _platform() -> str:
    """What code is compiled for."""
    python = f"{sys.version} {sys.implementation.cache_tag}"
    return f"{python} {sys.flags.optimize}"


@cache
def _engine() -> str:
    """A hash of the engine's own files, whatever their times are."""
    total = sha256()
    for pattern in ("*.py", "*.lark"):
        for path in sorted(_ENGINE.rglob(pattern)):
            name = path.relative_to(_ENGINE).as_posix()
            total.update(f"{name} {sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def read(key: str) -> Any:
    """The values that were written for a key, or None."""
    try:
        with _folder(create=False) as folder:
            text = _read_private(folder, key)
        return None if text is None else json.loads(text)
    except (OSError, ValueError, RecursionError):
        return None


def write(key: str, values: Any) -> None:
    """Keep values; that they can't be kept is no fault."""
    with suppress(OSError), _folder(create=True) as folder:
        _write_private(folder, key, json.dumps(values).encode())
        _forget(folder)


@contextmanager
def _folder(*, create: bool) -> Iterator[int]:
    """The folder of the cache, open.

    Raises:
        OSError: There is none that is closed to others.
    """
    path = _place()
    if create:
        path.mkdir(_PRIVATE, parents=True, exist_ok=True)
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if not _is_private(os.fstat(folder), stat.S_IFDIR):
            raise PermissionError(f"{path} is open to others")
        yield folder
    finally:
        os.close(folder)


def _place() -> Path:
    """Where the folder of the cache is, if there may be one."""
    choice = os.environ.get(VARIABLE, "")
    if not hasattr(os, "getuid") or os.getuid() != os.geteuid():
        raise PermissionError("the user of this process is not the one who started it")
    if choice:
        return _absolute(choice)
    base = os.environ.get("XDG_CACHE_HOME", "")
    if Path(base).is_absolute():
        return Path(base) / "opensoc"
    home = _absolute(os.environ.get("HOME", ""))
    if home.stat().st_uid != os.geteuid():
        raise PermissionError(f"{home} is the home of another user")
    return home / ".cache" / "opensoc"


def _absolute(path: str) -> Path:
    """The path; a relative one could lie in what somebody else wrote."""
    if not Path(path).is_absolute():
        raise FileNotFoundError(path)
    return Path(path)


def _is_private(found: os.stat_result, kind: int) -> bool:
    """True for something of this user that no other user has any right to."""
    is_ours = found.st_uid == os.geteuid() and not found.st_mode & _OTHERS
    return is_ours and stat.S_IFMT(found.st_mode) == kind


def _read_private(folder: int, key: str) -> bytes | None:
    """The text of a file without its first line, if that is right."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    with os.fdopen(os.open(_name(key), flags, dir_fd=folder), "rb") as file:
        found = os.fstat(file.fileno())
        if not _is_private(found, stat.S_IFREG) or found.st_size > _MAX_BYTES:
            return None
        first, _, text = file.read(_MAX_BYTES).partition(b"\n")
        if first != _first_line(key, text):
            return None
        # Marks it as used, for `_forget`.
        with suppress(OSError):
            os.utime(file.fileno())
    return text


def _write_private(folder: int, key: str, text: bytes) -> None:
    """Write a file that takes its name only when it is complete."""
    part = _name(f"{key}.{token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    file = os.fdopen(os.open(part, flags, 0o600, dir_fd=folder), "wb")
    try:
        with file:
            file.write(_first_line(key, text) + b"\n")
            file.write(text)
        os.replace(part, _name(key), src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        with suppress(OSError):
            os.unlink(part, dir_fd=folder)
        raise


def _name(key: str) -> str:
    return f"{key}{_SUFFIX}"


def _first_line(key: str, text: bytes) -> bytes:
    return f"{key} {sha256(text).hexdigest()}".encode()


def _forget(folder: int) -> None:
    """Remove what was used longest ago, and what never became complete."""
    ages = {}
    for name in os.listdir(folder):
        if _OURS.fullmatch(name):
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            ages[name] = found.st_mtime_ns
    for name in sorted(ages, key=lambda name: (ages[name], name))[:-MAX_FILES]:
        with suppress(OSError):
            os.unlink(name, dir_fd=folder)
