"""JSON bytes become structs with just the fields that rules read, and then outcomes.

The same rules are compiled once more, to read attributes. What no rule reads is skipped
while the bytes are decoded, and so is evidence, for only the outcome is asked; numbers
with a fraction are decimals from the start. Bytes must fit the input schema in all that
rules read, as documents must for `PolicySet`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from opensoc_engine import types as t
from opensoc_engine.codegen.attributes import (
    StructReader,
    answers,
    attribute,
    fields_read,
)
from opensoc_engine.codegen.python import generate_set
from opensoc_engine.errors import InputError
from opensoc_engine.evaluation import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from opensoc_engine.codegen.attributes import Reads
    from opensoc_engine.decision import PolicySet


@dataclass(frozen=True, slots=True)
class StructuredSet:
    """A policy set over structs.

    Attributes:
        fields: The names of the fields that the structs have.
    """

    part: Part
    default: str
    decoder: msgspec.json.Decoder[Any]
    fields: frozenset[str]

    def decode(self, text: bytes | str) -> Any:
        """The struct of a document.

        Raises:
            InputError: It is not JSON, or a field that rules read has another type.
        """
        try:
            return self.decoder.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(f"the document can't be read: {error}") from None

    def outcome(self, struct: Any) -> str:
        """The outcome for what `decode` gave."""
        return self.part.outcome(struct) or self.default


def structured(policy_set: PolicySet) -> StructuredSet:
    """A verifier set over structs.

    Raises:
        InputError: The set is no verifier, its policies have different inputs, or a
            rule reads the document in a way that structs do not allow.
    """
    compiled = policy_set.compiled
    documents = {item.document for item in compiled}
    if policy_set.decision != "strongest" or len(documents) != 1:
        raise InputError("only a verifier with one input can be put on structs")
    modules = {item.policy.slug.text: answers(item.program) for item in compiled}
    reads = fields_read(modules.values())
    code = generate_set(modules, f"{policy_set.name} over structs", StructReader())
    facts = tuple(fact for part in policy_set.parts for fact in part.facts)
    if code.plan.reads_all or len(policy_set.parts) != 1:
        raise InputError("a rule looks at the document as a whole")
    part = Part(code, facts, policy_set.order, frozenset())
    kind = _Shapes(reads).of("", documents.pop())
    decoder = msgspec.json.Decoder(kind)
    return StructuredSet(part, policy_set.default, decoder, frozenset(reads.parents))


class _Shapes:
    """Makes the types that bytes are decoded to."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._count = 0

    def of(self, parent: str, *kinds: t.Type) -> Any:
        """The type that holds values of all some types, as far as they are read.

        Args:
            parent: The field whose value, or element, it is.
            kinds: The types.
        """
        objects = list(_objects(kinds))
        if objects and all(isinstance(k, t.Object | t.Union) for k in kinds):
            return self._struct(parent, objects)
        if all(isinstance(kind, t.Array) for kind in kinds):
            elements = [kind.element for kind in kinds if isinstance(kind, t.Array)]
            return list[self.of(parent, *elements)]  # type: ignore[misc]
        found = {_plain(kind) for kind in kinds}
        return found.pop() if len(found) == 1 else Any

    def _struct(self, parent: str, objects: Sequence[t.Object]) -> Any:
        kinds: dict[str, list[t.Type]] = {}
        for kind in objects:
            for field in kind.fields:
                if self._reads.has(parent, field.name):
                    kinds.setdefault(field.name, []).append(field.type)
        self._count += 1
        fields = [
            (attribute(name), self.of(name, *found) | None, None)
            for name, found in kinds.items()
        ]
        rename = {attribute(name): name for name in kinds}
        return msgspec.defstruct(
            f"Struct{self._count}", fields, rename=rename, gc=False
        )


def _objects(kinds: Iterable[t.Type]) -> Iterable[t.Object]:
    for kind in kinds:
        if isinstance(kind, t.Union):
            yield from kind.members
        elif isinstance(kind, t.Object):
            yield kind


def _plain(kind: t.Type) -> Any:
    if t.is_string(kind):
        return str
    match kind:
        case t.Boolean():
            return bool
        case t.Number(integer):
            return int if integer else Decimal
        case t.Map():
            raise InputError("a rule reads an object whose keys no schema lists")
    return Any
