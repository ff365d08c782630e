"""A folder of policies and cases is clean, or something is to be said about it.

What was found about a file is kept by its text and by what it was judged against: the
manifest, lists, schemas and the engine. So a second look at a folder parses only what
changed, and imports the compiler only if anything did. A folder is clean if there is
nothing to say, not even advice; who wants to know what is wrong with cases runs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from itertools import product
from typing import TYPE_CHECKING, Any

from opensoc_engine import set_cache
from opensoc_engine.set_files import (
    CASES_SUFFIX,
    MANIFEST,
    OWN,
    base_mark,
    read_set,
    set_digest,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from opensoc_engine.diagnostics import Diagnostic
    from opensoc_engine.lock import Content

KINDS = ("fires", "near-miss", "quiet")


@dataclass(frozen=True, slots=True)
class CleanSet:
    """A set that has no problem, and whose cases have none.

    Attributes:
        rules: How many there are.
        contents: Version and digest of each file, and where the version stands.
    """

    path: Path
    policies: int
    rules: int
    digest: str
    texts: Mapping[str, str]
    contents: Mapping[str, Any]

    def locked_contents(self) -> tuple[Content, ...]:
        """What the files say, as the lock file compares it."""
        found: tuple[Content, ...] = _judging().contents_of(self)
        return found


@dataclass(frozen=True, slots=True)
class Refused:
    """All that is to be said about a set; without a digest it does not compile."""

    diagnostics: tuple[Diagnostic, ...]
    policies: int = 0
    rules: int = 0
    digest: str = ""
    contents: tuple[Content, ...] = ()

    def locked_contents(self) -> tuple[Content, ...]:
        """What the files say, as the lock file compares it."""
        return self.contents


def clean_set(path: Path) -> CleanSet | Refused | None:
    """A folder that is clean, or all that is wrong; None if that must be looked for."""
    try:
        texts = read_set(path, with_cases=True)
        decoded = {name: text.decode() for name, text in texts.items()}
    except (OSError, ValueError):
        return None
    ground = {name: text for name, text in texts.items() if not _is_judged(name)}
    key = set_cache.key_of("clean files", ground)
    known = _known(key, path)
    marks = {
        f"{name} {sha256(text).hexdigest()}": name
        for name, text in texts.items()
        if _is_judged(name)
    }
    missing = {name for mark, name in marks.items() if mark not in known["files"]}
    facts = known["files"]
    if missing or not known["set"]:
        found: dict[str, Any] | Refused | None = _judging().judge(
            path, decoded, missing, list(facts.values())
        )
        if not isinstance(found, dict):
            return found
        facts |= {mark: found["files"][n] for mark, n in marks.items() if n in missing}
        known = {"set": found["set"], "files": {mark: facts[mark] for mark in marks}}
        set_cache.write(key, known)
    files = {name: facts[mark] for mark, name in marks.items()}
    return _clean(path, decoded, known["set"], files)


def _judging() -> Any:
    """What compiles, which takes long to import."""
    return import_module("opensoc_engine.judging")


def schemas_of(facts: Iterable[Any]) -> dict[str, str]:
    """The schema of the input of each policy."""
    return {fact["slug"]: fact["schema"] for fact in facts if "rules" in fact}


def _is_judged(name: str) -> bool:
    """True for policies and cases; the rest is what they are judged against."""
    return name.startswith(OWN) and name != f"{OWN}{MANIFEST}"


def _known(key: str, path: Path) -> dict[str, Any]:
    """What was found before, unless the base of the cases has changed since."""
    known = set_cache.read(key)
    try:
        if known is not None and known["set"]["base"] == base_mark(
            path, known["set"]["base"][0]
        ):
            return {"set": known["set"], "files": dict(known["files"])}
    except (OSError, TypeError, LookupError, ValueError):
        pass
    return {"set": None, "files": {}}


def _clean(
    path: Path, texts: Mapping[str, str], whole: Any, files: Mapping[str, Any]
) -> CleanSet | None:
    """The set, if its clean files also fit each other."""
    policies = {n: f for n, f in files.items() if not n.endswith(CASES_SUFFIX)}
    cases = [f for n, f in files.items() if n.endswith(CASES_SUFFIX)]
    rules = [rule for fact in policies.values() for rule in fact["rules"]]
    shown = {(rule, kind) for fact in cases for rule, kind in fact["shown"]}
    schemas = schemas_of(policies.values())
    fits = (
        len(set(rules)) == len(rules)
        and set(product(rules, KINDS)) <= shown
        and {rule for rule, _ in shown} <= set(rules)
        and all(schemas.get(fact["slug"]) == fact["schema"] for fact in cases)
    )
    if not fits:
        return None
    contents = dict(whole["contents"])
    contents |= {name: fact["content"] for name, fact in policies.items()}
    digest = set_digest(dict(_named(texts, policies, whole)))
    return CleanSet(path, len(policies), len(rules), digest, texts, contents)


def _named(
    texts: Mapping[str, str], policies: Mapping[str, Any], whole: Any
) -> Iterator[tuple[str, str]]:
    """The texts of a set by the names that its digest gives them."""
    yield "set", texts[f"{OWN}{MANIFEST}"]
    yield from ((f"policy {fact['slug']}", texts[n]) for n, fact in policies.items())
    yield from ((f"list {name}", texts[n]) for n, name in whole["lists"].items())
