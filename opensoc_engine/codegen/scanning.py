"""The tests of elements become functions, one for each kind of element.

A function gives a number whose bits say which tests the element passed.

Tests that want a witness at the same places stand in functions of their own, which a
table names by the witness. The others are one tree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from opensoc_engine import ir
from opensoc_engine.codegen.expressions import variable
from opensoc_engine.codegen.ordering import ordered
from opensoc_engine.codegen.program import ELEMENT
from opensoc_engine.codegen.trees import Tree
from opensoc_engine.codegen.witnesses import witness_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opensoc_engine.codegen.expressions import Expressions
    from opensoc_engine.codegen.keys import Key
    from opensoc_engine.codegen.witnesses import Witness

# A block, and what is done with elements that fulfil it.
Test: TypeAlias = tuple[ir.Block, str]

# Fewer tests are tried one by one.
_MIN_MEMBERS = 3


@dataclass(slots=True)
class Group:
    """Tests that want a witness at the same places; members begin alike."""

    witness: Witness
    members: dict[Key, list[Test]] = field(default_factory=dict)
    witnesses: dict[Key, Witness] = field(default_factory=dict)

    def tests(self) -> list[Test]:
        """All tests."""
        return [test for member in self.members.values() for test in member]


@dataclass(slots=True)
class Scanner:
    """Writes the functions of kinds."""

    expressions: Expressions
    functions: Mapping[str, ir.Function]
    lines: list[str]
    _count: int = 0

    def kind(self, name: str, tests: list[Test]) -> None:
        """Write the function that tests elements of a kind."""
        groups, plain = self._grouped(tests)
        found = [f"def {name}(I, C, {variable(ELEMENT)}):", "    w = 0"]
        for group in groups:
            found += self._group(group)
        tree = Tree(self.expressions, (ELEMENT,))
        blocks = ordered((block for block, _ in plain), self.expressions.keys)
        for block, (_, leaf) in zip(blocks, plain, strict=True):
            tree.add(block, leaf)
        self.lines += [*found, *tree.lines("    "), "    return w"]

    def _grouped(self, tests: list[Test]) -> tuple[list[Group], list[Test]]:
        groups: dict[Key, Group] = {}
        plain = []
        for block, leaf in tests:
            witness = witness_of(block, self.functions)
            if witness is None:
                plain.append((block, leaf))
                continue
            key = witness.key(self.expressions.keys, ELEMENT)
            group = groups.setdefault(key, Group(witness))
            start = ir.Block(block.steps[: witness.length])
            member = self.expressions.keys.of(start, (ELEMENT,))
            group.members.setdefault(member, []).append((block, leaf))
            group.witnesses.setdefault(member, witness)
        large = []
        for group in groups.values():
            if len(group.members) < _MIN_MEMBERS:
                plain += group.tests()
            else:
                large.append(group)
        return large, plain

    def _group(self, group: Group) -> list[str]:
        """Lines that call the members whose witness an element has."""
        self._count += 1
        number, element = self._count, variable(ELEMENT)
        names = []
        for at, member in enumerate(group.members.values()):
            names.append(f"g{number}_{at}")
            tree = Tree(self.expressions, (ELEMENT,))
            for block, leaf in member:
                tree.add(block, leaf)
            self.lines += [f"def {names[-1]}(I, C, {element}):", "    w = 0"]
            self.lines += [*tree.lines("    "), "    return w"]
        self._chosen(number, names)
        look = Tree(self.expressions, (ELEMENT,))
        for at, place in enumerate(group.witness.places):
            table = self._table(group, at)
            steps = (*place.steps, ir.Bind("witness", place.value))
            look.add(ir.Block(steps), f"u |= {table}.get({{last}}, 0)")
        return [
            "    u = 0",
            *look.lines("    "),
            "    if u:",
            f"        for test in g{number}(u): w |= test(I, C, {element})",
        ]

    def _chosen(self, number: int, names: list[str]) -> None:
        """A function from bits to the members that they stand for."""
        shown = "".join(f"{name}, " for name in names)
        self.lines += [
            f"G{number} = ({shown})",
            "@lru_cache(4096)",
            f"def g{number}(u):",
            f"    chosen = enumerate(G{number})",
            "    return tuple([test for at, test in chosen if u >> at & 1])",
        ]

    def _table(self, group: Group, at: int) -> str:
        """The bits of the members by the values of a place."""
        found: dict[object, int] = {}
        for bit, witness in enumerate(group.witnesses.values()):
            for value in witness.places[at].values:
                found[value] = found.get(value, 0) | 1 << bit
        return self.expressions.table(found)
