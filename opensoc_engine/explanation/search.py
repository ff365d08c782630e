"""The fewest changed facts after which a rule flips, found by a bounded search.

A candidate is derived from the first line that fails (or, of a rule that fires, from a
line that holds), put into a copy of the document, and evaluated. If the rule has not
flipped, the lines of the new document give further candidates. Every flip that is
reported was accepted as a valid document and evaluated by the compiled policy set, and
needs each of its changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from heapq import heappop, heappush
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeAlias

from opensoc_engine.explanation.aims import guarded
from opensoc_engine.explanation.paths import Change, changes, edited
from opensoc_engine.explanation.remedies import defeat, reach
from opensoc_engine.explanation.samples import OTHER, plain
from opensoc_engine.explanation.tracer import nearest
from opensoc_engine.explanation.world import TooMuchWorkError, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opensoc_engine import ir
    from opensoc_engine.decision import CompiledPolicy, PolicySet
    from opensoc_engine.explanation.aims import Edits
    from opensoc_engine.explanation.paths import Edit, Path

    Document: TypeAlias = Mapping[str, Any]

# Facts that a flip may change: to fire, and to fire no more.
MAX_FACTS = 3
MAX_STOPPING_FACTS = 2
# Documents that one search may look into, and the steps that it may take in all; these
# are about two seconds.
MAX_LOOKS = 60
MAX_STEPS = 300_000
# Several edits may change one fact, such as words of one text.
_MAX_EDITS = 6
# A search goes on until it has this many flips, and tells of at most twice as many.
_ENOUGH = 3
_MAX_TOLD = 6
# Candidates of one document.
_MAX_CANDIDATES = 80


@dataclass(frozen=True, slots=True)
class Flip:
    """Changes that are needed, together, for a rule to fire, or to fire no more.

    Attributes:
        outcome: What the whole set decides then.
    """

    changes: tuple[Change, ...]
    outcome: str


@dataclass(slots=True)
class Budget:
    """How many documents may still be evaluated."""

    left: int
    used: int = 0

    def spend(self) -> bool:
        """Take one; False if there is none."""
        if self.used >= self.left:
            return False
        self.used += 1
        return True


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: may this rule, of this policy, fire or not on documents near one?

    Attributes:
        accept: The document as the set takes it, or None if it is not valid.
        fires: True if the rule is to fire.
    """

    policy_set: PolicySet
    item: CompiledPolicy
    rule: ir.Rule
    document: dict[str, Any]
    accept: Callable[[dict[str, Any]], dict[str, Any] | None]
    fires: bool


def find_flips(question: Question, budget: Budget) -> tuple[Flip, ...]:
    """The flips with the fewest facts, one for each set of facts; empty if none."""
    search = _Search(question, budget)
    search.run()
    return search.flips()


@dataclass(frozen=True, slots=True)
class _Node:
    """A document with the edits that led to it."""

    document: dict[str, Any]
    edits: Edits
    facts: int


@dataclass(slots=True)
class _Search:
    question: Question
    budget: Budget
    found: list[Flip] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    queue: list[tuple[float, int, int, _Node]] = field(default_factory=list)
    looks: int = 0
    steps: int = 0

    @property
    def _most_facts(self) -> int:
        return MAX_FACTS if self.question.fires else MAX_STOPPING_FACTS

    def run(self) -> None:
        """Look into documents, the most promising first, until it is enough."""
        self._push(_Node(self.question.document, (), 0), 0)
        while self.queue and self.looks < MAX_LOOKS and self.steps < MAX_STEPS:
            promise, _, _, node = heappop(self.queue)
            if self._is_enough(promise):
                return
            self.looks += 1
            if not self._expand(node):
                return

    def flips(self) -> tuple[Flip, ...]:
        """The best flip of each set of facts, of those with the fewest facts."""
        best: dict[tuple[Path, ...], Flip] = {}
        for flip in self.found:
            if len(flip.changes) == len(self.found[0].changes):
                best.setdefault(tuple(change.path for change in flip.changes), flip)
        return tuple(best.values())[:_MAX_TOLD]

    def _is_enough(self, promise: float) -> bool:
        """True if nothing better can come of what is left."""
        if not self.found:
            return False
        fewest = len(self.found[0].changes)
        return len(self.found) >= _ENOUGH or promise > fewest

    def _push(self, node: _Node, promise: float) -> None:
        heappush(self.queue, (promise, node.facts, len(self.seen), node))

    def _expand(self, node: _Node) -> bool:
        """Try all candidates of a document; False if the budget is spent."""
        world = World.of(self.question.item, node.document)
        try:
            distance, made = self._look(world)
            candidates = list(islice(made, _MAX_CANDIDATES))
        except TooMuchWorkError:
            return True
        finally:
            self.steps += world.steps
        return all(self._try(node, edits, distance) for edits in candidates)

    def _look(self, world: World) -> tuple[float, Iterator[Edits]]:
        """How many lines are left to put right, and what may do so."""
        frames = [
            (world.root(body.block), body.block) for body in self.question.rule.bodies
        ]
        if not self.question.fires:
            made = (guarded(partial(defeat, frame, block)) for frame, block in frames)
            return 1, chain.from_iterable(made)
        found = [nearest(frame, block) for frame, block in frames]
        best = min((items[0].distance for items in found if items), default=1)
        made = (
            guarded(partial(reach, frame, block, items))
            for (frame, block), items in zip(frames, found, strict=True)
        )
        return best, chain.from_iterable(made)

    def _try(self, node: _Node, edits: Edits, distance: float) -> bool:
        # Rules see exact numbers; a document has those of JSON.
        edits = tuple(replace(edit, value=plain(edit.value, None)) for edit in edits)
        try:
            document = node.document
            for edit in edits:
                document = edited(document, edit)
        except LookupError:
            return True
        if _is_endless(node, edits):
            return True
        differing = changes(self.question.document, document)
        key = repr(differing)
        if not differing or len(differing) > self._most_facts or key in self.seen:
            return True
        self.seen.add(key)
        if not self.budget.spend():
            return False
        after = _Node(document, (*node.edits, *edits), len(differing))
        outcome = self._verdict(document)
        if outcome is not None:
            self._report(after, outcome)
            return True
        # Each line that is left needs at least one fact more.
        self._push(after, after.facts + max(distance - 1, 0.5))
        return True

    def _verdict(self, document: dict[str, Any]) -> str | None:
        """What the compiled set decides; None if the rule has not flipped."""
        accepted = self.question.accept(document)
        if accepted is None:
            return None
        decision = self.question.policy_set.evaluate(accepted)
        fired = {finding.rule for finding in decision.findings}
        flipped = (self.question.rule.id in fired) == self.question.fires
        return decision.outcome if flipped else None

    def _report(self, node: _Node, outcome: str) -> None:
        """Keep a flip without the edits that it does not need."""
        document, edits = node.document, list(node.edits)
        for edit in node.edits:
            rest = [other for other in edits if other is not edit]
            smaller = self._apply(rest) if rest and self.budget.spend() else None
            decided = None if smaller is None else self._verdict(smaller)
            if smaller is not None and decided is not None:
                document, outcome, edits = smaller, decided, rest
        flip = Flip(tuple(self._owned(document)), outcome)
        if flip not in self.found:
            self.found.append(flip)
            self.found.sort(key=_weight)

    def _owned(self, document: dict[str, Any]) -> Iterator[Change]:
        """The changes, each with the id of the object that it belongs to."""
        world = World.of(self.question.item, self.question.document)
        for change in changes(self.question.document, document):
            names = (world.identity(change.path[:end]) for end in _ends(change))
            yield replace(change, owner=next(filter(None, names), None))

    def _apply(self, edits: list[Edit]) -> dict[str, Any] | None:
        document: dict[str, Any] = self.question.document
        try:
            for edit in edits:
                document = edited(document, edit)
        except LookupError:
            return None
        return document


def _is_endless(node: _Node, edits: Edits) -> bool:
    """True if one array would grow again and again, or the edits are too many."""
    grown = [edit.path for edit in (*node.edits, *edits) if edit.kind == "append"]
    return len(grown) > len(set(grown)) or len(node.edits) >= _MAX_EDITS


def _ends(change: Change) -> range:
    """Lengths of the paths above a change and of its own, the longest first."""
    last = len(change.path) - (change.kind == "added")
    return range(last, 0, -1)


def _weight(flip: Flip) -> tuple[int, int]:
    """Facts, then how much each of them says."""
    return len(flip.changes), sum(map(_burden, flip.changes))


def _burden(change: Change) -> int:
    """Less for a value that the rule asks for than for one that is just another."""
    if isinstance(change.after, str) and change.after.endswith(OTHER):
        return 2
    if change.kind == "removed" and change.owner is not None:
        # Without the event that a rule is about there is nothing to learn.
        is_whole = isinstance(change.path[-1], int)
        return 3 if is_whole else 1
    return change.count if change.kind == "added" else change.kind == "removed"
