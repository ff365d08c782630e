"""A compiled policy set becomes JSON values, and again a policy set.

What is packed is generated source, that source as code of this very Python, constants,
lists and what is said of rules; no pickles. The code is run as it is: unpack only what
this user packed, which `set_cache` sees to. Anything else that is not of the form that
packing gives is a `PackingError`.
"""

from __future__ import annotations

import marshal
from base64 import b64decode, b64encode
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any

from opensoc_engine.codegen.generated import Plan, generated_set
from opensoc_engine.codegen.namespace import compiled
from opensoc_engine.decision import PolicySet, RuleInfo
from opensoc_engine.evaluation import Part, RuleFacts
from opensoc_engine.frozen import FrozenDict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opensoc_engine.decision import Content

_FACTS = tuple(RuleFacts.__dataclass_fields__)


class PackingError(ValueError):
    """Something is not of the form that packing gives."""


def pack(policy_set: PolicySet) -> dict[str, Any]:
    """JSON values that say all of a set."""
    return {
        "name": policy_set.name,
        "version": policy_set.version,
        "digest": policy_set.digest,
        "decision": policy_set.decision,
        "order": list(policy_set.order),
        "default": policy_set.default,
        "inputs": dict(policy_set.inputs),
        "parts": [_pack_part(part) for part in policy_set.parts],
        "rules": {name: _pack_rule(info) for name, info in policy_set.rules.items()},
        "lists": {name: packed(values) for name, values in policy_set.lists.items()},
    }


def unpack(packed: Any, folder: Path, read: Callable[[], Content]) -> PolicySet:
    """The set that was packed.

    Args:
        packed: What `pack` gave.
        folder: Where its policies are now.
        read: Gives what the set was compiled from.

    Raises:
        PackingError: It was not packed by `pack`.
    """
    try:
        parts = tuple(map(_unpack_part, packed["parts"]))
        return PolicySet(
            packed["name"],
            packed["version"],
            packed["digest"],
            packed["decision"],
            tuple(packed["order"]),
            packed["default"],
            packed["inputs"],
            parts,
            _unpack_rules(packed["rules"], folder, parts),
            PackedLists(packed["lists"]),
            read,
        )
    except (LookupError, TypeError, ValueError, AttributeError, EOFError) as error:
        raise PackingError(f"{type(error).__name__}: {error}") from None


class PackedLists(Mapping[str, Any]):
    """Lists by name, each unpacked when it is asked for, which few ever are."""

    def __init__(self, packed: dict[str, Any]) -> None:
        self._packed = dict(packed)

    def __getitem__(self, name: str) -> Any:
        return unpacked(self._packed[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


def _pack_rule(info: RuleInfo) -> list[Any]:
    """What the facts of a rule don't say; its folder may be another one next time."""
    return [Path(info.path).name, info.line, info.text]


def _unpack_rules(
    known: Any, folder: Path, parts: tuple[Part, ...]
) -> dict[str, RuleInfo]:
    facts = {fact.rule: fact for part in parts for fact in part.facts}
    if known.keys() != facts.keys():
        raise PackingError("the rules are not those of the parts")
    return {
        rule: _unpack_rule(facts[rule], folder, *values)
        for rule, values in known.items()
    }


def _unpack_rule(
    facts: RuleFacts, folder: Path, file: str, line: int, text: str
) -> RuleInfo:
    path = str(folder / file)
    return RuleInfo(
        facts.policy, facts.rule, facts.title, text, path, line, facts.metadata
    )


def _pack_part(part: Part) -> dict[str, Any]:
    plan = part.code.plan
    source = part.code.source
    return {
        "source": source,
        "code": _pack_code(compiled(source, ", ".join(part.policies))),
        "order": list(part.order),
        "hidden": sorted(part.hidden),
        "facts": [_pack_facts(fact) for fact in part.facts],
        "constants": {k: packed(v) for k, v in part.code.constants.items()},
        "names": [list(pair) for pair in plan.names],
        "needs": plan.needs,
        "certain": [sorted(buckets) for buckets in plan.certain],
        "reads_all": plan.reads_all,
    }


def _unpack_part(known: Any) -> Part:
    plan = Plan(
        tuple((policy, rule) for policy, rule in known["names"]),
        tuple(
            tuple(tuple((b, n) for b, n in need) for need in bodies)
            for bodies in known["needs"]
        ),
        tuple(map(frozenset, known["certain"])),
        known["reads_all"],
    )
    constants = {name: unpacked(value) for name, value in known["constants"].items()}
    facts = tuple(RuleFacts(*map(unpacked, fact)) for fact in known["facts"])
    return Part(
        generated_set(known["source"], _unpack_code(known["code"]), constants, plan),
        facts,
        tuple(known["order"]),
        frozenset(known["hidden"]),
    )


def _pack_code(code: CodeType) -> str:
    return b64encode(marshal.dumps(code)).decode()


def _unpack_code(text: str) -> CodeType:
    code = marshal.loads(b64decode(text))  # noqa: S302 - this user's own, see above
    if not isinstance(code, CodeType):
        raise PackingError("the code of a part is no code")
    return code


def _pack_facts(facts: RuleFacts) -> list[Any]:
    return [packed(getattr(facts, name)) for name in _FACTS]


def packed(value: Any) -> Any:
    """A constant of a policy as JSON values.

    >>> packed((1, frozenset({"b", "a"}), {"k": None}))
    ['array', [1, ['set', ['a', 'b']], ['object', [['k', None]]]]]
    """
    if isinstance(value, tuple | list):
        return ["array", [packed(part) for part in value]]
    if isinstance(value, frozenset):
        return ["set", [packed(part) for part in sorted(value)]]
    if isinstance(value, dict):
        return ["object", [[packed(k), packed(v)] for k, v in value.items()]]
    if isinstance(value, Decimal):
        return ["decimal", str(value)]
    if value is None or isinstance(value, str | int):
        return value
    raise PackingError(f"a {type(value).__name__} is no constant of a policy")


def unpacked(value: Any) -> Any:
    """The constant that was packed; arrays are tuples.

    Raises:
        PackingError: It was not packed by `packed`.
    """
    if value is None or isinstance(value, str | int):
        return value
    match value:
        case ["array", list(parts)]:
            return tuple(map(unpacked, parts))
        case ["set", list(parts)]:
            return frozenset(map(unpacked, parts))
        case ["object", list(pairs)]:
            return FrozenDict({unpacked(key): unpacked(part) for key, part in pairs})
        case ["decimal", str(text)]:
            return Decimal(text)
    raise PackingError("a constant has an unknown form")
