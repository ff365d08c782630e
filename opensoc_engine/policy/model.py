"""Policy, manifest, list and cases files as data, each part with its place.

What stands here fits the JSON Schema of its file. Bodies are still text: the Rego
parser reads them later. Everything is frozen, so passes can share it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from opensoc_engine.source import EmbeddedSource, Source, Span


@dataclass(frozen=True, slots=True)
class Name:
    """A name and the place where it is written."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Define:
    """A helper: a Rego head and one body or, for OR, several."""

    head: EmbeddedSource
    bodies: tuple[EmbeddedSource, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a policy.

    Attributes:
        bodies: The Rego bodies of `when`; the rule fires if any of them holds.
        action: What a verifier rule asks for.
        value: What a rubric's term adds: a number, or a Rego expression.
        value_span: Where `value` stands.
        field: The part of the input that a plausibility rule objects to.
        message: What a plausibility rule tells the author of the input.
        evidence: Variables of the bodies whose identities prove the verdict.
        metadata: The policy's metadata, overridden by the rule's own `attack`.
    """

    id: Name
    title: str
    bodies: tuple[EmbeddedSource, ...]
    action: Name | None
    value: EmbeddedSource | Decimal | None
    value_span: Span | None
    field: str | None
    message: str | None
    evidence: tuple[Name, ...]
    metadata: Mapping[str, Any]
    span: Span


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy file.

    Attributes:
        input_schema: The JSON Schema of `input`, if it is not the set's.
        bounds: Least and greatest sum of a rubric.
        metadata: Category, ATT&CK mapping, references, false positives and status.
    """

    slug: Name
    kind: str
    version: str
    status: str
    title: str
    category: str | None
    input_schema: Name | None
    bounds: tuple[Decimal, Decimal] | None
    defines: tuple[Define, ...]
    rules: tuple[Rule, ...]
    metadata: Mapping[str, Any]
    source: Source
    span: Span


@dataclass(frozen=True, slots=True)
class Manifest:
    """The `set.yaml` of a folder: how its policies are put together.

    Attributes:
        input_schema: The JSON Schema of `input`, by file name.
        decision: `strongest`, `violations` or `sum`.
        order: Outcomes, strongest first; empty unless the decision is `strongest`.
        default: The outcome when no rule fires.
        forbid: Trust labels that the policies may not read.
        strict_absence: True if every read of an optional field must be guarded.
        case_base: The file that each case extends, relative to the manifest.
        defines: Helpers that every policy of the set can use.
    """

    name: str
    kind: str
    version: str
    input_schema: Name
    decision: str
    order: tuple[str, ...]
    default: str | None
    forbid: tuple[str, ...]
    strict_absence: bool
    case_base: Name | None
    source: Source
    span: Span
    defines: tuple[Define, ...] = ()


@dataclass(frozen=True, slots=True)
class ListFile:
    """A versioned table that policies read as `data.<name>`.

    Attributes:
        values: Tuples and dicts of strings, numbers and booleans; numbers that are not
            integers are decimals.
    """

    name: Name
    version: str
    values: Any
    source: Source


@dataclass(frozen=True, slots=True)
class Vary:
    """A case's input as another case's with facts set or removed.

    Attributes:
        base: The other case.
        changes: Dotted path and new value, in the order of the file.
        removals: Dotted paths.
    """

    base: Name
    changes: tuple[tuple[Name, Any], ...]
    removals: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Expect:
    """What must come out of a case; None means that it is not checked.

    Attributes:
        action: The outcome of the whole set.
        value: The sum of a rubric.
        fired: All rules of the policy that fire, in any order.
        evidence: The evidence of the case's rule.
    """

    action: str | None
    value: Decimal | None
    fired: tuple[str, ...] | None
    evidence: tuple[str, ...] | None
    span: Span


@dataclass(frozen=True, slots=True)
class Case:
    """One input and what must come out.

    Attributes:
        rule: The rule that the case is about.
        shows: `fires`, `near-miss` or `quiet`.
        input: JSON values merged over the file's `given`; None if absent.
        places: Where each part of `input` stands, by path from the document's root.
    """

    name: Name
    rule: Name | None
    shows: str
    input: Any | None
    vary: Vary | None
    expect: Expect
    span: Span
    places: Mapping[tuple[str | int, ...], Span] = field(
        default_factory=dict, compare=False, repr=False
    )


@dataclass(frozen=True, slots=True)
class CasesFile:
    """The cases of one policy.

    Attributes:
        given: JSON values that each case's input extends.
        places: Where each part of `given` stands.
    """

    policy: Name
    given: Any
    cases: tuple[Case, ...]
    source: Source
    places: Mapping[tuple[str | int, ...], Span] = field(
        default_factory=dict, compare=False, repr=False
    )
