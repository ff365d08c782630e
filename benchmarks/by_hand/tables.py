"""The lists of the rules, in the forms that hand-written rules look things up in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.loader import read_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

_RULES = Path(__file__).parent.parent / "rules" / "verifier"
_FOLDER = read_folder(_RULES, DiagnosticCollector())
assert _FOLDER is not None
_LISTS: dict[str, Any] = {name: item.values for name, item in _FOLDER.lists.items()}


def words(name: str) -> tuple[str, ...]:
    """A list of words."""
    return tuple(_LISTS[name])


def names(name: str) -> frozenset[str]:
    """A list of names."""
    return frozenset(_LISTS[name])


def rows(name: str) -> tuple[tuple[str, ...], ...]:
    """A list of lists of words."""
    return tuple(tuple(row) for row in _LISTS[name])


TRANSFER, ARCHIVE, RECOVERY, DUMP, IMPAIR, LOLBIN = (1 << bit for bit in range(6))
_COMMANDS = {
    TRANSFER: "transfer_commands",
    ARCHIVE: "archive_commands",
    RECOVERY: "recovery_commands",
    DUMP: "credential_dump_commands",
    IMPAIR: "impairment_commands",
    LOLBIN: "lolbin_commands",
}


def _images() -> dict[str, tuple[tuple[int, tuple[str, ...]], ...]]:
    found: dict[str, list[tuple[int, tuple[str, ...]]]] = {}
    for bit, name in _COMMANDS.items():
        for row in _LISTS[name]:
            found.setdefault(row["image"], []).append((bit, tuple(row["needs"])))
    return {image: tuple(needs) for image, needs in found.items()}


def _first_words(table: Iterable[tuple[str, ...]]) -> tuple[Any, ...]:
    """Rows by their first word, so that it is looked for once."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for row in table:
        found.setdefault(row[0], []).append(row[1:])
    return tuple((word, tuple(rest)) for word, rest in found.items())


IMAGES = _images()
LOADERS = _first_words(rows("script_loaders"))
IMPAIR_SCRIPTS = _first_words(rows("impairment_scripts"))
RECOVERY_SCRIPTS = _first_words(rows("recovery_scripts"))
DUMP_WORDS = tuple(_LISTS["credential_tools"]["dump"])
REPLICATION_WORDS = tuple(_LISTS["credential_tools"]["replication"])
CREDENTIAL_CALLS = frozenset(_LISTS["cloud_calls"]["credentials"])
WATCH_CALLS = frozenset(_LISTS["cloud_calls"]["watch"])
RIGHTS_CALLS = frozenset(_LISTS["cloud_calls"]["rights"])
TRUST_CALLS = frozenset(_LISTS["cloud_calls"]["trust"])
SECRET_CALLS = frozenset(_LISTS["cloud_calls"]["secrets"])
ADMINISTRATOR_MARKS = tuple(_LISTS["cloud_calls"]["administrator_marks"])
CLOUD_CALLS = CREDENTIAL_CALLS | WATCH_CALLS | RIGHTS_CALLS | TRUST_CALLS
OFFICE, SHELLS, LOLBINS = names("office_images"), names("shells"), names("lolbins")
SHELLS_OR_LOLBINS = SHELLS | LOLBINS
PARENTS = names("remote_execution_parents")
LSASS_ACCESS, LSASS_READERS = names("lsass_access"), names("lsass_readers")
SYSTEM_PATHS, USER_WRITABLE = words("system_paths"), words("user_writable")
IGNORED_FAILURES = names("ignored_logon_failures")
AUTOSTART, IMPAIR_KEYS = words("autostart_keys"), words("impairment_keys")
INLINE, RMM, STARTUP = (
    words("inline_commands"),
    words("rmm_tools"),
    words("startup_folders"),
)
RUNNABLE, SERVERS = names("runnable_extensions"), names("server_processes")
WEB_SCRIPTS, PRIVILEGED = names("web_script_extensions"), names("privileged_groups")
DENSE, RANSOM = names("dense_extensions"), names("ransom_extensions")
NOTE_EXTENSIONS, NOTES = names("note_extensions"), words("ransom_notes")
BACKUP_MARKS = words("backup_markers")
BUILTIN_ACCOUNTS = names("builtin_accounts")
LOCAL_NETWORKS = words("local_networks")
LIMITS: dict[str, dict[str, int]] = {
    group: {name: int(value) for name, value in limits.items()}
    for group, limits in _LISTS["thresholds"].items()
}
