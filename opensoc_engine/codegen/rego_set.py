"""A checked policy set becomes what OPA loads: modules, lists as data, and a manifest.

The files have the layout of an OPA bundle, below the root `opensoc`. The same policies
give the same bytes: no clock, no user and no order of a file system comes in.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from opensoc_engine.codegen.rego import json_text, policy_module
from opensoc_engine.codegen.rego_names import (
    DECISION,
    FIRED,
    LISTS,
    ROOT,
    package_name,
)
from opensoc_engine.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from opensoc_engine.analysis.checker import CheckedProgram
    from opensoc_engine.policy.model import ListFile, Manifest, Policy

DATA, MANIFEST = "data.json", ".manifest"

# What a set decides, by the word of its manifest; `findings` and `order` stand before.
_OUTCOMES = {
    "strongest": """\
# The strongest action that any rule asks for.
default outcome := {default}

outcome := action if {{
	some action, rank in order
	rank == min(ranks)
}}

ranks := {{order[finding.action] | some finding in findings}}

order := {order}
""",
    "violations": """\
# Any violation makes the input implausible.
default outcome := "plausible"

outcome := "implausible" if count(findings) > 0
""",
}
_HEADER = """\
# METADATA
# title: {title}
package {path}

import rego.v1
"""
# What a set gathers from each policy; `{known}` and `{path}` are the policy's.
_FINDINGS = """\
findings contains object.union(finding, {known}) if {{
	some finding in data.{path}.{fired}
}}
"""
_TOTAL = """\
total[{policy}] := sum([value | some value in terms]) if {{
	terms := {{term.rule: term.value | some term in data.{path}.{fired}}}
}}
"""


@dataclass(frozen=True, slots=True)
class ExportedSet:
    """A policy set to be exported.

    Attributes:
        programs: Its policies, with the helpers that the set shares.
        digest: SHA-256 of its texts, as its decisions carry it.
    """

    manifest: Manifest
    programs: tuple[CheckedProgram, ...]
    digest: str


def export(
    sets: Iterable[ExportedSet], lists: Mapping[str, ListFile]
) -> dict[str, str]:
    """The files of a bundle by path, sorted.

    Raises:
        InputError: Two names would get the same package.
    """
    files: dict[str, str] = {}
    known = tuple(sets)
    for exported in known:
        for path, text in _set_files(exported):
            if path in files:
                problem = f"`{exported.manifest.name}` has two policies for `{path}`"
                raise InputError(f"{problem}; rename one of them")
            files[path] = text
    values = {name: item.values for name, item in sorted(lists.items())}
    files[DATA] = json_text({ROOT: {LISTS: values}}) + "\n"
    files[MANIFEST] = _manifest_text(known)
    return dict(sorted(files.items()))


def bundle(files: Mapping[str, str]) -> bytes:
    """The files as a gzipped tar archive, the same bytes for the same files."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", fileobj=packed, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for path, text in sorted(files.items()):
            content = text.encode()
            entry = tarfile.TarInfo(f"/{path}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _manifest_text(sets: Sequence[ExportedSet]) -> str:
    digests = {item.manifest.name: item.digest for item in sets}
    revision = sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()
    manifest = {
        "metadata": {ROOT: {"digests": digests}},
        "rego_version": 1,
        "revision": revision,
        "roots": [ROOT],
    }
    return json.dumps(manifest, indent=2, sort_keys=True) + "\n"


def _set_files(exported: ExportedSet) -> Iterator[tuple[str, str]]:
    folder = f"{ROOT}/{package_name(exported.manifest.name)}"
    policies = [checked.program.policy for checked in exported.programs]
    for policy, checked in zip(policies, exported.programs, strict=True):
        name = package_name(policy.slug.text)
        yield f"{folder}/{name}.rego", policy_module(checked, exported.manifest)
    yield f"{folder}/{DECISION}.rego", decision_module(exported.manifest, policies)


def decision_module(manifest: Manifest, policies: Sequence[Policy]) -> str:
    """The module that puts the policies of a set together.

    A rubric's policies may have different inputs, so each has a total of its own: the
    sum of its terms, one for each rule. A rule with two values is an error in OPA.
    """
    root = f"{ROOT}.{package_name(manifest.name)}"
    title = json_text(f"What the set `{manifest.name}` decides")
    parts = [_HEADER.format(title=title, path=f"{root}.{DECISION}")]
    each = _TOTAL if manifest.decision == "sum" else _FINDINGS
    for policy in policies:
        slug = policy.slug.text
        text = each.format(
            policy=json_text(slug),
            known=json_text({"policy": slug, "version": policy.version}),
            path=f"{root}.{package_name(slug)}",
            fired=FIRED,
        )
        parts.append(text)
    if manifest.decision != "sum":
        order = {action: rank for rank, action in enumerate(manifest.order)}
        outcome = _OUTCOMES[manifest.decision].format(
            default=json_text(manifest.default), order=json_text(order)
        )
        parts.append(outcome)
    return "\n".join(parts)
