"""Modules become a program: rules over streams, and what each rule needs of them.

The passes in order: helpers are shared, known values put in, lists looked up, lines
moved out of loops, loops over events put on streams, helpers of one expression put in,
needs found and tests of elements made of them, streams of one loop put back. After each
of them the rules have the same solutions in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from opensoc_engine import ir
from opensoc_engine.codegen.alternatives import Splitter
from opensoc_engine.codegen.costs import costly_functions
from opensoc_engine.codegen.folding import Same
from opensoc_engine.codegen.fusing import Inliner, fused, uses
from opensoc_engine.codegen.hoisting import Hoister
from opensoc_engine.codegen.keys import Keys
from opensoc_engine.codegen.merging import Merger, reachable
from opensoc_engine.codegen.needs import NeedFinder
from opensoc_engine.codegen.optimiser import Optimiser
from opensoc_engine.codegen.rewriting import Substitution, called_once, reads_all
from opensoc_engine.codegen.schedule import Scheduler
from opensoc_engine.codegen.streams import Streamer, Streams, find_spine
from opensoc_engine.codegen.tables import tabled
from opensoc_engine.codegen.weakening import Weakener

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Mapping, Sequence

    from opensoc_engine.codegen.keys import Key
    from opensoc_engine.codegen.needs import Total
    from opensoc_engine.codegen.rewriting import Rewriter
    from opensoc_engine.codegen.streams import Index, Spine, Stream

# The variable of an element in tests; no name of a policy begins with a digit.
ELEMENT = "0"
# Lines of a test that every element takes; the body looks at the rest.
_MAX_TESTS = 40


@dataclass(frozen=True, slots=True)
class Body:
    """A body of a rule, and what of the buckets it needs.

    Attributes:
        counts: How many elements it needs, by bucket.
        totals: Sums that it needs; their streams are buckets.
    """

    body: ir.RuleBody
    counts: Mapping[int, int] = field(default_factory=dict)
    totals: tuple[Total, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with the bodies that can be fulfilled at all."""

    policy: str
    id: str
    bodies: tuple[Body, ...]


@dataclass(frozen=True, slots=True)
class Bucket:
    """Elements that are put together while the document is read.

    Attributes:
        tests: Blocks by kind; an element that fulfils one is put in, once. It is called
            `ELEMENT` in all of them.
    """

    number: int
    tests: tuple[tuple[str, ir.Block], ...]

    @property
    def weight(self) -> int:
        """How much the tests ask."""
        return min((len(block.steps) for _, block in self.tests), default=99)


@dataclass(frozen=True, slots=True)
class Source:
    """Where the elements of a stream are.

    Attributes:
        is_exact: True if all elements of the bucket are elements of the stream.
    """

    bucket: int
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Program:
    """All that Python is written from.

    Attributes:
        sources: Where elements of a stream are found; it may not be in a bucket.
        reads_all: True if a rule looks at the document as a whole.
    """

    keys: Keys
    spine: Spine | None
    functions: Mapping[str, ir.Function]
    rules: tuple[Rule, ...]
    streams: tuple[Stream, ...] = ()
    indexes: tuple[Index, ...] = ()
    buckets: tuple[Bucket, ...] = ()
    sources: Mapping[int, Source] = field(default_factory=dict)
    reads_all: bool = False


def build(modules: Mapping[str, ir.Module]) -> Program:
    """The program of some policies."""
    keys = Keys()
    merger = Merger(keys)
    for policy, module in modules.items():
        merger.add(policy, module)
    optimiser = Optimiser(merger.functions, keys)
    for function in merger.functions.values():
        optimiser.add(function)
    rules = [_optimised(item.policy, item.rule, optimiser) for item in merger.rules]
    functions = reachable(_parts(rules), optimiser.functions)
    for name, function in functions.items():
        if function.kind == "predicate":
            functions[name] = optimiser.functions[name] = tabled(function, optimiser)
    functions = reachable(_parts(rules), optimiser.functions)
    for rewriter in (Scheduler(), Hoister(keys)):
        rules = [_rule_with(rewriter, rule) for rule in rules]
        functions = _functions_with(rewriter, functions)
    return _on_streams(keys, rules, functions)


def _optimised(policy: str, rule: ir.Rule, optimiser: Optimiser) -> Rule:
    bodies = [optimiser.rule(body) for body in rule.bodies]
    return Rule(policy, rule.id, tuple(Body(b) for b in bodies if b is not None))


def _parts(rules: Iterable[Rule]) -> list[object]:
    return [
        (body.body.block, body.body.evidence, body.body.value)
        for rule in rules
        for body in rule.bodies
    ]


def _rule_with(rewriter: Rewriter, rule: Rule) -> Rule:
    bodies = [
        Body(
            ir.RuleBody(
                rewriter.block(item.body.block),
                rewriter.all(item.body.evidence),
                None
                if item.body.value is None
                else rewriter.expression(item.body.value),
            ),
        )
        for item in rule.bodies
    ]
    return replace(rule, bodies=tuple(bodies))


def _functions_with(
    rewriter: Rewriter, functions: Mapping[str, ir.Function]
) -> dict[str, ir.Function]:
    return {name: rewriter.function(item) for name, item in functions.items()}


def _on_streams(
    keys: Keys, rules: list[Rule], functions: dict[str, ir.Function]
) -> Program:
    parts = [*_parts(rules), *((f.bodies, f.results) for f in functions.values())]
    whole = reads_all(parts)
    blocks = (item.body.block for rule in rules for item in rule.bodies)
    spine = find_spine(blocks, functions)
    private = called_once(*parts)
    streams = Streams(spine, keys, functions, costly_functions(functions), private)
    rules = [_streamed_rule(streams, rule) for rule in rules]
    functions = {
        name: _streamed_function(streams, item) for name, item in functions.items()
    }
    rules = [_rule_with(Same(), rule) for rule in rules]
    functions = _functions_with(Same(), functions)
    inliner = Inliner(functions)
    rules = [_rule_with(inliner, rule) for rule in rules]
    functions = _functions_with(inliner, functions)
    made = streams.refined(inliner)
    indexes = tuple(streams.indexes.values())
    finder = NeedFinder(
        functions,
        {stream.function: stream for stream in made if stream.kinds is not None},
        {index.function: index for index in indexes},
    )
    sorter = Sorter(Weakener(keys, spine, functions, costly_functions(functions)), made)
    rules = [sorter.rule(rule, finder) for rule in rules]
    buckets = sorter.used(rules)
    parts = [
        *_parts(rules),
        *((stream.block, stream.rest) for stream in made),
        *((index.block, index.key) for index in indexes),
        *((t.block, t.value) for r in rules for b in r.bodies for t in b.totals),
        *(block for bucket in buckets for _, block in bucket.tests),
    ]
    used = reachable(parts, functions)
    numbers = {bucket.number for bucket in buckets}
    sources = {at: s for at, s in sorter.sources.items() if s.bucket in numbers}
    rules = _fused(rules, used, made, indexes, sources)
    named = _uses(rules, used, made, indexes)
    made = tuple(stream for stream in made if named[stream.function])
    return Program(
        keys, spine, used, tuple(rules), made, indexes, buckets, sources, whole
    )


def _uses(
    rules: list[Rule],
    functions: Mapping[str, ir.Function],
    streams: Sequence[Stream],
    indexes: Sequence[Index],
) -> Counter[str]:
    return uses(
        (
            *_parts(rules),
            *functions.values(),
            *(stream.array for stream in streams),
            *(ir.HelperCall(f"s{index.stream}", ()) for index in indexes),
        )
    )


def _fused(
    rules: list[Rule],
    functions: Mapping[str, ir.Function],
    streams: Sequence[Stream],
    indexes: Sequence[Index],
    sources: Mapping[int, Source],
) -> list[Rule]:
    """The rules, with the streams in them that nobody else goes through."""
    once = _uses(rules, functions, streams, indexes)
    inexact = {s.function: s for s in streams if not _is_exact(sources.get(s.number))}
    buckets = {f"s{at}": f"t{source.bucket}" for at, source in sources.items()}
    found = []
    for rule in rules:
        bodies = [
            replace(
                item,
                body=replace(
                    item.body, block=fused(item.body.block, inexact, buckets, once)
                ),
            )
            for item in rule.bodies
        ]
        found.append(replace(rule, bodies=tuple(bodies)))
    return found


def _is_exact(source: Source | None) -> bool:
    return source is not None and source.is_exact


def _streamed_rule(streams: Streams, rule: Rule) -> Rule:
    found = []
    for item in rule.bodies:
        body = item.body
        tail = (*body.evidence, *(() if body.value is None else (body.value,)))
        streamer = Streamer(streams, tail)
        value = None if body.value is None else streamer.expression(body.value)
        evidence = streamer.all(body.evidence)
        block = streamer.block(body.block)
        found.append(Body(ir.RuleBody(block, evidence, value)))
    return replace(rule, bodies=tuple(found))


def _streamed_function(streams: Streams, function: ir.Function) -> ir.Function:
    streamer = Streamer(streams, function.results)
    results = streamer.all(function.results)
    bodies = tuple(streamer.block(body) for body in function.bodies)
    return replace(function, bodies=bodies, results=results)


class Sorter:
    """Finds the buckets that streams come from, and what bodies need of them.

    Attributes:
        sources: Where the elements of streams are, as far as anybody asked.
    """

    def __init__(self, weakener: Weakener, streams: Sequence[Stream]) -> None:
        self._weakener = weakener
        self._streams = streams
        self._splitter = Splitter(weakener.functions)
        self._buckets: dict[Key, Bucket] = {}
        self.sources: dict[int, Source] = {}

    def rule(self, rule: Rule, finder: NeedFinder) -> Rule:
        """The rule with what its bodies need."""
        bodies = tuple(self._body(item, finder) for item in rule.bodies)
        return replace(rule, bodies=bodies)

    def _body(self, item: Body, finder: NeedFinder) -> Body:
        needs = finder.needs(item.body.block)
        counts: dict[int, int] = {}
        for number, least in needs.counts.items():
            bucket = self._source(number).bucket
            counts[bucket] = max(least, counts.get(bucket, 0))
        totals = tuple(
            replace(total, stream=self._source(total.stream).bucket)
            for total in needs.totals
        )
        wanted = {total.stream for total in totals}
        kept = {
            number: least
            for number, least in counts.items()
            if least > 1 or number in wanted or self._bucket(number).weight
        }
        # That there is some element of a kind says little: one such need is enough.
        return Body(item.body, kept or dict(sorted(counts.items())[:1]), totals)

    def used(self, rules: Iterable[Rule]) -> tuple[Bucket, ...]:
        """The buckets that bodies need."""
        numbers = {n for rule in rules for item in rule.bodies for n in item.counts}
        return tuple(self._bucket(number) for number in sorted(numbers))

    def _bucket(self, number: int) -> Bucket:
        return next(b for b in self._buckets.values() if b.number == number)

    def _source(self, number: int) -> Source:
        if number not in self.sources:
            self.sources[number] = self._sorted(self._streams[number])
        return self.sources[number]

    def _sorted(self, stream: Stream) -> Source:
        """The bucket of a stream: for each kind, a test that holds for its elements."""
        weakener, tests = self._weakener, []
        weakener.exact = True
        for kind in stream.kinds or ():
            test = weakener.test(stream.block, stream.element, kind)
            if test is not None:
                weakener.exact &= len(test.steps) <= _MAX_TESTS
                steps = ir.Block(test.steps[:_MAX_TESTS])
                element = Substitution({stream.element: ir.Variable(ELEMENT)})
                blocks = self._splitter.split(steps)
                tests += [(kind, element.block(block)) for block in blocks]
        keys = weakener.keys
        key = tuple((kind, keys.of(block, (ELEMENT,))) for kind, block in tests)
        bucket = Bucket(len(self._buckets), tuple(tests))
        found = self._buckets.setdefault(key, bucket)
        return Source(found.number, weakener.exact)
