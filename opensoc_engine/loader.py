"""A folder of policies becomes a compiled policy set, or messages that say why not.

Everything that touches files is here; what is below works on texts alone. A folder
holds `set.yaml`, policies `<slug>.yaml` and cases `<slug>.cases.yaml`. Lists stand in
`lists/` beside it, and the schemas of another domain in `schemas/` beside the folder
above; the ones that ship with OpenSOC are always there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from errno import EFBIG
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from opensoc_engine.compiler import compile_set
from opensoc_engine.diagnostics import Diagnostic, DiagnosticCollector, diagnose
from opensoc_engine.errors import PolicyError
from opensoc_engine.lock import content_of, parse_lock
from opensoc_engine.policy.parser import (
    parse_cases,
    parse_list,
    parse_manifest,
    parse_policy,
)
from opensoc_engine.policy.yaml_reader import read_yaml, to_plain
from opensoc_engine.render import render_text
from opensoc_engine.resources import data_root, read_bounded
from opensoc_engine.schema_store import load_store
from opensoc_engine.set_files import CASES_SUFFIX, LISTS, LOCK, MANIFEST
from opensoc_engine.source import MAX_BYTES, Source, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from opensoc_engine.decision import PolicySet
    from opensoc_engine.lock import Content, Locked
    from opensoc_engine.policy.model import CasesFile, ListFile, Manifest, Policy
    from opensoc_engine.policy.schema_validator import SchemaStore

ParsedT = TypeVar("ParsedT")


@dataclass(frozen=True, slots=True)
class Files:
    """Where texts come from: the disk, or what an editor holds instead.

    Attributes:
        texts: Texts by resolved path that count in place of the files.
    """

    texts: Mapping[Path, str] = field(default_factory=dict)

    def read(self, path: Path, collector: DiagnosticCollector) -> Source | None:
        """The text of a file, or None if it can't be read, which is reported."""
        text = self.texts.get(path.resolve()) if self.texts else None
        return read_source(path, collector) if text is None else Source(str(path), text)

    def has(self, path: Path) -> bool:
        """True if there is such a file."""
        return path.is_file() or path.resolve() in self.texts

    def matching(self, folder: Path, pattern: str) -> list[Path]:
        """The files of a folder whose names fit, by name."""
        names = {path.name for path in folder.glob(pattern)}
        where = folder.resolve()
        held = (path for path in self.texts if path.parent == where)
        names |= {path.name for path in held if path.match(pattern)}
        return [folder / name for name in sorted(names)]

    def parse(
        self,
        parse: Callable[[Source, SchemaStore, DiagnosticCollector], ParsedT | None],
        source: Source,
        store: SchemaStore,
        collector: DiagnosticCollector,
    ) -> ParsedT | None:
        """What a parser makes of a text."""
        return parse(source, store, collector)


@dataclass(frozen=True, slots=True)
class PolicyFolder:
    """The files of one policy set, read and parsed.

    Attributes:
        case_base: Plain values that every case extends; None without a base.
    """

    path: Path
    manifest: Manifest
    policies: tuple[Policy, ...]
    lists: dict[str, ListFile]
    cases: tuple[CasesFile, ...]
    case_base: Any
    store: SchemaStore


@dataclass(frozen=True, slots=True)
class LoadedSet:
    """What came of a folder: the set is None if anything is wrong with it."""

    folder: PolicyFolder | None
    policy_set: PolicySet | None
    diagnostics: tuple[Diagnostic, ...]


def load_policy_set(folder: Path | str) -> PolicySet:
    """The compiled policies of a folder of one kind.

    Raises:
        PolicyError: Something does not compile; its text names every place.
    """
    loaded = load_folder(Path(folder))
    if loaded.policy_set is None:
        raise PolicyError(loaded.diagnostics, render_text(loaded.diagnostics))
    return loaded.policy_set


def load_folder(path: Path) -> LoadedSet:
    """The policies of a folder with everything that is wrong with them."""
    collector = DiagnosticCollector()
    folder = read_folder(path, collector)
    if folder is None:
        return LoadedSet(None, None, collector.sorted())
    compiled = compile_set(
        folder.manifest, folder.policies, folder.lists, folder.store, collector
    )
    return LoadedSet(folder, compiled, collector.sorted())


def read_folder(
    path: Path, collector: DiagnosticCollector, files: Files | None = None
) -> PolicyFolder | None:
    """The parsed files of a folder; None if its manifest can't be used."""
    store, files = store_of(path), files or Files()
    if not files.has(path / MANIFEST):
        nowhere = Span(Source(str(path / MANIFEST), ""), 0, 0)
        advice = "add a manifest: see the ones in `rules/`"
        collector.add(diagnose("E606", nowhere, help=advice, folder=path))
        return None
    source = files.read(path / MANIFEST, collector)
    manifest = source and files.parse(parse_manifest, source, store, collector)
    lists = _lists(path.parent / LISTS, store, collector, files)
    policies = _policies(path, store, collector, files)
    cases = _cases(path, store, collector, files)
    if not manifest:
        return None
    base = _case_base(path, manifest, collector, files)
    return PolicyFolder(path, manifest, policies, lists, cases, base, store)


def locked_files(
    root: Path, store: SchemaStore, collector: DiagnosticCollector
) -> dict[str, Locked] | None:
    """What the lock file of a rules folder says; None without one that can be read."""
    path = root / LOCK
    source = read_source(path, collector) if path.is_file() else None
    return None if source is None else parse_lock(source, store, collector)


def rule_files(folders: Sequence[PolicyFolder]) -> tuple[Content, ...]:
    """What the manifests, policies and lists of some folders say, by path."""
    sources: dict[str, Source] = {}
    for folder in folders:
        name = folder.path.resolve().name
        sources[f"{name}/{MANIFEST}"] = folder.manifest.source
        sources |= {f"{name}/{p.slug.text}.yaml": p.source for p in folder.policies}
        sources |= {f"{LISTS}/{key}.yaml": i.source for key, i in folder.lists.items()}
    return tuple(content_of(file, source) for file, source in sorted(sources.items()))


def read_source(path: Path, collector: DiagnosticCollector) -> Source | None:
    """The text of a file, or None if it can't be read; never more than a megabyte."""
    empty = Source(str(path), "")
    try:
        return Source(str(path), read_bounded(path).decode("utf-8"))
    except OSError as error:
        if error.errno == EFBIG:
            collector.add(diagnose("E105", Span(empty, 0, 0), limit=MAX_BYTES))
            return None
        problem = error.strerror or type(error).__name__
    except UnicodeDecodeError as error:
        problem = f"not UTF-8 text at byte {error.start}"
    collector.add(diagnose("E107", Span(empty, 0, 0), problem=problem))
    return None


def store_of(path: Path) -> SchemaStore:
    """The schemas that a set can name: those that ship, and those of its domain."""
    own = path.resolve().parent.parent / "schemas"
    shipped = data_root() / "schemas"
    return load_store(shipped, own) if own.is_dir() else load_store(shipped)


def _sources(
    paths: list[Path], collector: DiagnosticCollector, files: Files
) -> Iterator[Source]:
    for path in paths:
        source = files.read(path, collector)
        if source is not None:
            yield source


def _policies(
    path: Path, store: SchemaStore, collector: DiagnosticCollector, files: Files
) -> tuple[Policy, ...]:
    names = [
        file
        for file in files.matching(path, "*.yaml")
        if file.name != MANIFEST and not file.name.endswith(CASES_SUFFIX)
    ]
    sources = _sources(names, collector, files)
    parsed = (files.parse(parse_policy, s, store, collector) for s in sources)
    return tuple(policy for policy in parsed if policy is not None)


def _cases(
    path: Path, store: SchemaStore, collector: DiagnosticCollector, files: Files
) -> tuple[CasesFile, ...]:
    names = files.matching(path, f"*{CASES_SUFFIX}")
    sources = _sources(names, collector, files)
    parsed = (files.parse(parse_cases, s, store, collector) for s in sources)
    return tuple(cases for cases in parsed if cases is not None)


def _lists(
    path: Path, store: SchemaStore, collector: DiagnosticCollector, files: Files
) -> dict[str, ListFile]:
    sources = _sources(files.matching(path, "*.yaml"), collector, files)
    parsed = (files.parse(parse_list, s, store, collector) for s in sources)
    return {item.name.text: item for item in parsed if item is not None}


def _case_base(
    path: Path, manifest: Manifest, collector: DiagnosticCollector, files: Files
) -> Any:
    if manifest.case_base is None:
        return None
    target = path / manifest.case_base.text
    if not files.has(target):
        problem = f"there is no case base `{manifest.case_base.text}`"
        collector.add(diagnose("E607", manifest.case_base.span, problem=problem))
        return None
    source = files.read(target, collector)
    node = source and read_yaml(source, collector)
    return to_plain(node) if node else None
