"""The rule files that an editor works on: open texts over those of the disk.

What is read of a file is kept until its text changes, so that a question after each key
stroke costs no more than the file that is being written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from os.path import normpath
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.editing.memo import Memo
from opensoc_engine.editing.programs import Analysis, analyse
from opensoc_engine.editing.tolerant import manifest_of, policy_of, tree_of
from opensoc_engine.loader import Files, read_source, store_of
from opensoc_engine.policy.parser import parse_list
from opensoc_engine.set_files import CASES_SUFFIX, LISTS, MANIFEST, policy_folders
from opensoc_engine.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opensoc_engine.policy.model import ListFile, Manifest, Policy
    from opensoc_engine.policy.schema_validator import SchemaStore
    from opensoc_engine.policy.yaml_reader import MappingNode

ParsedT = TypeVar("ParsedT")

# Some hundred files of a domain, each read in a few ways.
_MOST_PARSED = 4_000
# Trees of a policy with its helpers take half a megabyte.
_MOST_ANALYSES = 100


class Kind(StrEnum):
    """What a rule file is; the value is its first key."""

    POLICY = "policy"
    SET = "set"
    CASES = "cases"
    LIST = "list"

    @property
    def schema(self) -> str:
        """The file name of its JSON Schema."""
        return f"{self.value}.schema.json"


@dataclass(slots=True)
class Disk:
    """What was read of the disk, for as long as it is taken to be the same."""

    sources: dict[Path, Source] = field(default_factory=dict)
    names: dict[tuple[Path, str], list[Path]] = field(default_factory=dict)
    there: dict[Path, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeptFiles(Files):
    """Files that are read once, and whose parts are parsed once for each text.

    Paths are in folders that are resolved, so no question to the disk is needed for
    where one leads.
    """

    memo: Memo = field(default_factory=lambda: Memo(_MOST_PARSED))
    disk: Disk = field(default_factory=Disk)

    def read(self, path: Path, collector: DiagnosticCollector) -> Source | None:
        """The text of a file, or None if it can't be read, which is reported."""
        path = _plain(path)
        text = self.texts.get(path)
        if text is not None:
            return Source(str(path), text)
        source = self.disk.sources.get(path) or read_source(path, collector)
        if source is not None:
            self.disk.sources[path] = source
        return source

    def has(self, path: Path) -> bool:
        """True if there is such a file."""
        path = _plain(path)
        if path not in self.disk.there:
            self.disk.there[path] = path.is_file()
        return path in self.texts or self.disk.there[path]

    def matching(self, folder: Path, pattern: str) -> list[Path]:
        """The files of a folder whose names fit, by name."""
        key = (folder, pattern)
        if key not in self.disk.names:
            self.disk.names[key] = list(folder.glob(pattern))
        held = (path for path in self.texts if path.parent == folder)
        fitting = (path for path in held if path.match(pattern))
        return sorted({*self.disk.names[key], *fitting})

    def parse(
        self,
        parse: Callable[[Source, SchemaStore, DiagnosticCollector], ParsedT | None],
        source: Source,
        store: SchemaStore,
        collector: DiagnosticCollector,
    ) -> ParsedT | None:
        """What a parser makes of a text, now or before."""

        def make() -> tuple[ParsedT | None, DiagnosticCollector]:
            found = DiagnosticCollector()
            return parse(source, store, found), found

        parsed, found = self.memo.get((parse, source, id(store)), make)
        collector.extend(found.sorted())
        return parsed


@dataclass(frozen=True, slots=True)
class SetView:
    """A policy set as far as its files can be read.

    Attributes:
        trees: The trees of its policies and cases, by path.
    """

    folder: Path
    manifest: Manifest | None
    policies: Mapping[Path, Policy]
    lists: Mapping[str, ListFile]
    trees: Mapping[Path, MappingNode]
    store: SchemaStore


@dataclass(slots=True)
class Workspace:
    """The open texts, by path in a resolved folder, and what was made of files before.

    Attributes:
        disk: What is known of other files, until `look_again`.
    """

    texts: dict[Path, str] = field(default_factory=dict)
    parsed: Memo = field(default_factory=lambda: Memo(_MOST_PARSED))
    analyses: Memo = field(default_factory=lambda: Memo(_MOST_ANALYSES))
    checks: Memo = field(default_factory=lambda: Memo(_MOST_ANALYSES))
    disk: Disk = field(default_factory=Disk)

    def files(self) -> KeptFiles:
        """The files as they are in the editor now."""
        return KeptFiles(dict(self.texts), self.parsed, self.disk)

    def look_again(self) -> None:
        """Forget the disk: other programs change it too."""
        self.disk = Disk()

    def source(self, path: Path) -> Source | None:
        """The text of a file."""
        return self.files().read(path, DiagnosticCollector())

    def view(self, folder: Path) -> SetView:
        """The set of a folder as far as it can be read."""
        files, store, ignored = self.files(), store_of(folder), DiagnosticCollector()
        manifest, policies, trees = None, {}, {}
        for path in files.matching(folder, "*.yaml"):
            source = files.read(path, ignored)
            if source is None:
                continue
            tree = files.parse(_tree, source, store, ignored)
            if tree is None:
                continue
            trees[path] = tree
            match kind_of(path, files):
                case Kind.SET:
                    manifest = manifest_of(tree, source)
                case Kind.POLICY:
                    policies[path] = policy_of(tree, source)
        lists = self._lists(folder.parent / LISTS, store, files)
        return SetView(folder, manifest, policies, lists, trees, store)

    def _lists(
        self, folder: Path, store: SchemaStore, files: KeptFiles
    ) -> dict[str, ListFile]:
        ignored = DiagnosticCollector()
        sources = (files.read(p, ignored) for p in files.matching(folder, "*.yaml"))
        parsed = (files.parse(parse_list, s, store, ignored) for s in sources if s)
        return {item.name.text: item for item in parsed if item is not None}

    def analysis(
        self, view: SetView, policy: Policy, manifest: Manifest | None = None
    ) -> Analysis | None:
        """What is known about a policy of a set, perhaps under another manifest."""
        over = manifest or view.manifest
        if over is None:
            return None
        lists = tuple(item.source for item in view.lists.values())
        key = (policy.source, over.source, lists, id(view.store))
        return self.analyses.get(
            key, lambda: analyse(policy, over, view.lists, view.store)
        )


def kind_of(path: Path, files: Files) -> Kind | None:
    """What a rule file is by its place; None if it is none."""
    if path.suffix != ".yaml":
        return None
    if path.name == MANIFEST:
        return Kind.SET
    if path.parent.name == LISTS:
        return Kind.LIST if set_folders(path) else None
    if not files.has(path.parent / MANIFEST):
        return None
    return Kind.CASES if path.name.endswith(CASES_SUFFIX) else Kind.POLICY


def set_folders(path: Path) -> list[Path]:
    """The folders of the sets that a rule file is a part of."""
    if path.parent.name == LISTS:
        return policy_folders(path.parent.parent)
    return [path.parent]


def _plain(path: Path) -> Path:
    """The path without `..`; a case base may have it."""
    return Path(normpath(path)) if ".." in path.parts else path


def _tree(
    source: Source, _store: SchemaStore, _collector: DiagnosticCollector
) -> MappingNode | None:
    return tree_of(source)
