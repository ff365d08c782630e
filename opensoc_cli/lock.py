"""`opensoc lock [PATH]`: records the version and digest of every policy and list.

What changed without a higher version is refused, as by `opensoc check`: no option lets
it through.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opensoc_cli import reporting
from opensoc_cli.reporting import Format

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opensoc_engine.diagnostics import Diagnostic
    from opensoc_engine.loader import PolicyFolder
    from opensoc_engine.lock import Content


def run(
    path: Annotated[Path | None, typer.Argument(help="A rules folder.")] = None,
) -> None:
    """Write `lock.json` in the rules folder."""
    from opensoc_engine.set_files import LOCK, policy_folders, rules_root

    given = path or reporting.own_rules()
    if not given.exists():
        raise reporting.stop(f"there is no `{given}`", "name a folder of rules")
    root = rules_root(given)
    folders = policy_folders(root)
    if not folders:
        raise reporting.stop(
            f"no policy set in `{root}`", "a policy set is a folder with a `set.yaml`"
        )
    parts = _compiled(folders)
    text, count = _lock(root, parts)
    try:
        (root / LOCK).write_text(text, "utf-8", newline="\n")
    except OSError as error:
        raise reporting.stop(f"can't write `{root / LOCK}`: {error.strerror}") from None
    typer.echo(f"{root / LOCK}: {count} files locked")


@dataclass(frozen=True, slots=True)
class LockReport:
    """How the files compare with the lock; `note` is one plain line, or empty."""

    diagnostics: tuple[Diagnostic, ...]
    note: str


def compare(
    root: Path, read: Callable[[], Sequence[Content]], *, whole: bool
) -> LockReport:
    """How the files of some sets compare with the lock file of their rules folder.

    Args:
        root: The rules folder.
        read: Gives what the files of the sets say that are looked at.
        whole: True if they are all sets, so that what is locked must be there.
    """
    from opensoc_engine.set_files import LOCK

    if not (root / LOCK).is_file():
        return LockReport((), f"{root}: not locked; `opensoc lock` writes `{LOCK}`")
    return _compare(root, read(), whole=whole)


def _compare(root: Path, contents: Sequence[Content], *, whole: bool) -> LockReport:
    from opensoc_engine.diagnostics import DiagnosticCollector
    from opensoc_engine.loader import locked_files
    from opensoc_engine.lock import removed, unlocked, unraised
    from opensoc_engine.schema_store import default_store

    collector = DiagnosticCollector()
    locked = locked_files(root, default_store(), collector) if contents else {}
    if locked is None:
        return LockReport(collector.sorted(), "")
    scope = {item.file.partition("/")[0] for item in contents}
    mine = {f: e for f, e in locked.items() if whole or f.partition("/")[0] in scope}
    collector.extend(tuple(unraised(mine, contents)))
    collector.extend(tuple(unlocked(mine, contents)))
    collector.extend(tuple(removed(mine, contents)))
    drafts = [c.file for c in contents if c.is_draft and c.file not in mine]
    note = f"{root}: drafts that are not locked: {', '.join(drafts)}" if drafts else ""
    return LockReport(collector.sorted(), note)


def _compiled(folders: Sequence[Path]) -> list[PolicyFolder]:
    """The sets; one that does not compile ends the run."""
    from opensoc_engine.diagnostics import DiagnosticCollector
    from opensoc_engine.loader import load_folder

    collector = DiagnosticCollector()
    loaded = [load_folder(folder) for folder in folders]
    for item in loaded:
        collector.extend(item.diagnostics)
    _stop_at_errors(collector.sorted())
    return [item.folder for item in loaded if item.folder is not None]


def _lock(root: Path, parts: Sequence[PolicyFolder]) -> tuple[str, int]:
    """The text of the lock file, and how many files it holds."""
    from opensoc_engine.diagnostics import DiagnosticCollector
    from opensoc_engine.loader import locked_files, rule_files
    from opensoc_engine.lock import print_lock, unraised
    from opensoc_engine.set_files import LOCK

    collector = DiagnosticCollector()
    locked = locked_files(root, parts[0].store, collector)
    if collector.has_errors:
        reporting.write_diagnostics(collector.sorted(), Format.TEXT)
        advice = "restore it from version control"
        raise reporting.stop(f"`{root / LOCK}` is not a lock file", advice)
    contents = rule_files(parts)
    _stop_at_errors(tuple(unraised(locked or {}, contents)))
    return print_lock(contents), len(contents)


def _stop_at_errors(found: Sequence[Diagnostic]) -> None:
    from opensoc_engine.render import summary

    if found:
        reporting.write_diagnostics(found, Format.TEXT)
        typer.echo(summary(found))
        raise typer.Exit(reporting.FINDINGS)
