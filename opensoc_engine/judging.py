"""Some files of a folder are looked at: facts about each, if nothing is wrong with any.

This is what `clean` knows about files, and what it keeps as JSON values. Files that it
knows already are not read again; only what they are called and read is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opensoc_engine.cases import case_documents, report_missing
from opensoc_engine.clean import Refused, schemas_of
from opensoc_engine.compiler import check_set, digest_of, input_of
from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.loader import Files, read_folder, rule_files
from opensoc_engine.lock import Content, content_of
from opensoc_engine.set_files import LISTS, MANIFEST, OWN, OWN_LISTS, base_mark
from opensoc_engine.source import Source, Span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opensoc_engine.clean import CleanSet
    from opensoc_engine.diagnostics import Diagnostic
    from opensoc_engine.loader import PolicyFolder
    from opensoc_engine.policy.model import CasesFile, Policy


@dataclass(frozen=True, slots=True)
class _Some(Files):
    """Texts that were read before, and of a set's folder only some files."""

    folder: Path | None = None
    names: frozenset[str] = field(default_factory=frozenset)

    def matching(self, folder: Path, pattern: str) -> list[Path]:
        """The files of a folder whose names fit; of the set's, those to look at."""
        found = Files.matching(self, folder, pattern)
        return [p for p in found if folder != self.folder or p.name in self.names]


def judge(
    path: Path,
    texts: Mapping[str, str],
    missing: set[str],
    known: Sequence[Mapping[str, Any]],
) -> dict[str, Any] | Refused | None:
    """Facts about a set and about some of its files; None if more must be looked at.

    Args:
        path: The folder.
        texts: What `set_files.read_set` gave.
        missing: Names of the files to look at.
        known: Facts about every other file.
    """
    names = frozenset(name.removeprefix(OWN) for name in missing)
    collector = DiagnosticCollector()
    files = _Some(_by_path(path, texts), path, names)
    folder = read_folder(path, collector, files)
    if folder is None:
        return Refused(collector.sorted())
    manifest, lists, store = folder.manifest, folder.lists, folder.store
    check_set(manifest, folder.policies, lists, store, collector)
    if collector.has_errors:
        return None if _repeats(folder, known) else Refused(collector.sorted())
    schemas = schemas_of(known)
    schemas |= {p.slug.text: input_of(p, manifest) for p in folder.policies}
    case_documents(folder.cases, schemas, folder.case_base, store, collector)
    if not known:
        report_missing(folder.policies, folder.cases, collector)
    if collector.sorted():
        return None if known else _unfit(folder, collector.sorted())
    facts = {policy.source: _policy(policy, schemas) for policy in folder.policies}
    facts |= {cases.source: _cases(cases, schemas) for cases in folder.cases}
    by_name = {Path(source.name).name: fact for source, fact in facts.items()}
    return {
        "set": _set(path, folder),
        "files": {name: by_name[name.removeprefix(OWN)] for name in missing},
    }


def _unfit(folder: PolicyFolder, found: tuple[Diagnostic, ...]) -> Refused:
    """A set that compiles, though something is to be said about it or its cases."""
    rules = sum(len(policy.rules) for policy in folder.policies)
    digest = digest_of(folder.manifest, folder.policies, folder.lists)
    return Refused(found, len(folder.policies), rules, digest, rule_files([folder]))


def _repeats(folder: PolicyFolder, known: Sequence[Mapping[str, Any]]) -> bool:
    """True if a rule has the name of one in another file."""
    others = {rule for fact in known for rule in fact.get("rules", ())}
    return any(r.id.text in others for p in folder.policies for r in p.rules)


def _by_path(path: Path, texts: Mapping[str, str]) -> dict[Path, str]:
    """The texts of a set and its lists, by resolved path."""
    folders = {OWN: path.resolve(), OWN_LISTS: path.resolve().parent / LISTS}
    return {
        folder / name.removeprefix(role): text
        for name, text in texts.items()
        for role, folder in folders.items()
        if name.startswith(role)
    }


def _set(path: Path, folder: PolicyFolder) -> dict[str, Any]:
    """Facts about what files are judged against."""
    base = folder.manifest.case_base
    lists = folder.lists.items()
    return {
        "base": base_mark(path, base.text if base else ""),
        "lists": {f"{OWN_LISTS}{name}.yaml": name for name, _ in lists},
        "contents": {
            f"{OWN}{MANIFEST}": _content(folder.manifest.source),
            **{f"{OWN_LISTS}{name}.yaml": _content(i.source) for name, i in lists},
        },
    }


def _policy(policy: Policy, schemas: Mapping[str, str]) -> dict[str, Any]:
    return {
        "slug": policy.slug.text,
        "schema": schemas[policy.slug.text],
        "rules": [rule.id.text for rule in policy.rules],
        "content": _content(policy.source),
    }


def _cases(cases: CasesFile, schemas: Mapping[str, str]) -> dict[str, Any]:
    named = [(case.rule, case.shows) for case in cases.cases]
    return {
        "slug": cases.policy.text,
        "schema": schemas[cases.policy.text],
        "shown": [[rule.text, shows] for rule, shows in named if rule is not None],
    }


def _content(source: Source) -> list[Any]:
    found = content_of("", source)
    place = found.place
    return [found.version, found.digest, place.start, place.end, found.is_draft]


def contents_of(clean: CleanSet) -> tuple[Content, ...]:
    """Version and digest of each file of a set, and where the version stands."""
    contents = (_named_content(clean, n, *c) for n, c in clean.contents.items())
    return tuple(sorted(contents, key=lambda content: content.file))


def _named_content(
    clean: CleanSet,
    name: str,
    version: str,
    digest: str,
    start: int,
    end: int,
    is_draft: bool,
) -> Content:
    is_list = name.startswith(OWN_LISTS)
    folder = clean.path.parent / LISTS if is_list else clean.path
    file = name.partition("/")[2]
    place = Span(Source(str(folder / file), clean.texts[name]), start, end)
    locked = f"{folder.resolve().name}/{file}"
    return Content(locked, version, digest, place, is_draft)
