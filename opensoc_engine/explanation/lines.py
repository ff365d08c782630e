"""Lines of a policy with the values that they saw, and why one of them failed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opensoc_engine import ir
from opensoc_engine.explanation.paths import shown_path
from opensoc_engine.explanation.tracer import nearest
from opensoc_engine.explanation.world import UNGUARDED
from opensoc_engine.ir_walk import lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_engine.explanation.tracer import Failure, Line
    from opensoc_engine.explanation.world import Frame
    from opensoc_engine.interpreter import Way

# Helpers call helpers; the deepest call says the most.
_MAX_DEPTH = 8
_MAX_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Seen:
    """An expression of a line with its value.

    Attributes:
        value: As JSON, cut where it is long.
        place: Where in the document the value stands; None if it was computed.
    """

    text: str
    value: str
    place: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The value as JSON values."""
        return {"text": self.text, "value": self.value, "place": self.place}


@dataclass(frozen=True, slots=True)
class LineReport:
    """What came of a line.

    Attributes:
        state: `held`, `failed`, or `unknown` behind a line that failed.
        seen: The values on both sides, or of what is bound.
        note: What the values do not say.
        inside: Why the helper failed that the line calls.
    """

    path: str
    line: int
    column: int
    text: str
    state: str
    seen: tuple[Seen, ...] = ()
    note: str = ""
    inside: tuple[LineReport, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The line as JSON values."""
        return {
            "file": self.path,
            "line": self.line,
            "column": self.column,
            "text": self.text,
            "state": self.state,
            "seen": [seen.to_json() for seen in self.seen],
            "note": self.note,
            "inside": [line.to_json() for line in self.inside],
        }


def shown_value(value: Any) -> str:
    """A value as JSON, cut where it is long; arrays of objects by their size."""
    if isinstance(value, frozenset | set):
        inner = ", ".join(shown_value(part) for part in sorted(value))
        text = f"{{{inner}}}" if value else "set()"
    elif isinstance(value, list | tuple) and any(isinstance(v, dict) for v in value):
        text = f"[{len(value)} objects]"
    elif isinstance(value, list | tuple):
        text = f"[{', '.join(map(shown_value, value))}]"
    elif isinstance(value, dict):
        pairs = (f"{key}: {shown_value(part)}" for key, part in value.items())
        text = f"{{{', '.join(pairs)}}}"
    elif isinstance(value, Decimal):
        text = str(value)
    else:
        text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 3]}..."


def report(
    line: Line,
    state: str,
    seen: tuple[Seen, ...] = (),
    note: str = "",
    inside: tuple[LineReport, ...] = (),
) -> LineReport:
    """A line at its place."""
    span = line[0].span
    assert span is not None
    begin, text = span.begin, " ".join(span.text.split())
    name = span.source.name
    return LineReport(name, begin.line, begin.column, text, state, seen, note, inside)


def held(frame: Frame, line: Line, way: Way) -> LineReport:
    """A line that held, with what it saw on a way to the end."""
    return report(line, "held", tuple(_values(frame.at(way), line[-1])))


def failed(frame: Frame, failure: Failure, depth: int = 0) -> LineReport:
    """A line that failed, with what it saw and which lines of its helpers failed."""
    here, step = frame.at(failure.way), failure.step
    try:
        seen, note = tuple(_values(here, step)), _note(here, step)
        inner = tuple(_inside(here, step, depth))
    except UNGUARDED:
        seen, note, inner = (), "behind a line that failed", ()
    return report(failure.line, "failed", seen, note, inner)


def _inside(frame: Frame, step: ir.Step, depth: int) -> Iterator[LineReport]:
    """The first line that failed in the nearest body of a helper or of `every`."""
    if depth >= _MAX_DEPTH:
        return
    match step:
        case ir.Test(ir.HelperCall(name, arguments)):
            bodies = [(body, block) for body, block, _ in frame.enter(name, arguments)]
        case ir.Try(_, ir.PartialHelper(name, arguments)):
            bodies = [(body, block) for body, block, _ in frame.enter(name, arguments)]
        case ir.Exclude(ir.Block((ir.Test(ir.HelperCall() as call),))):
            yield from _what_held(frame, call)
            return
        case ir.ForAll(_, _, _, _, block):
            bodies = [(frame.at(way), block) for way in refused(frame, step)[:1]]
        case _:
            return
    found = [
        (item.distance, number, body, item.attempt)
        for number, (body, block) in enumerate(bodies)
        for item in nearest(body, block)[:1]
    ]
    for _, _, body, attempt in sorted(found, key=lambda part: part[:2])[:1]:
        for failure in attempt.failures[:1]:
            yield failed(body, failure, depth + 1)


def _what_held(frame: Frame, call: ir.HelperCall) -> Iterator[LineReport]:
    """The last line of a helper that holds, unless its elements say it already."""
    for body, block, _ in frame.enter(call.function, call.arguments):
        for way in body.ways(block)[:1]:
            if not any(isinstance(step, ir.Each) for step in block.steps):
                yield held(body, lines(block)[-1], way)
            return


def refused(frame: Frame, step: ir.ForAll) -> list[Way]:
    """The elements of an `every` that its body does not hold for, each bound."""
    each = ir.Each(step.key, step.value, step.collection, step.kind)
    evaluation = frame.world.evaluation
    starts = evaluation.step(each, frame.way)
    return [start for start in starts if not evaluation.ways(step.block, start)]


def _note(frame: Frame, step: ir.Step) -> str:
    match step:
        case ir.Try(_, ir.PartialOperation("field", (base, _)) as partial):
            place = frame.place(partial)
            text = _text(partial) or "the field"
            where = f" at `{shown_path(place)}`" if place is not None else ""
            return f"`{text}` is not there{where}" if base else ""
        case ir.Try(_, partial):
            return f"`{_text(partial)}` has no value"
        case ir.Each(_, _, collection):
            return f"`{_text(collection)}` has no element"
        case ir.Exclude(block):
            return _excluded(frame, block)
        case ir.ForAll():
            return f"not for {_element(frame, step)}"
    return ""


def _element(frame: Frame, step: ir.ForAll) -> str:
    ways = refused(frame, step)
    if not ways:
        return "every element"
    here = frame.at(ways[0])
    place = here.place(ir.Variable(step.value))
    value = shown_value(ways[0][step.value])
    return f"`{shown_path(place)}`" if place else f"`{step.value}` = {value}"


def _excluded(frame: Frame, block: ir.Block) -> str:
    """What makes the line hold that `not` stands before."""
    culprits = dict.fromkeys(_culprits(frame, block, 0))
    shown = ", ".join(f"`{shown_path(place)}`" for place in culprits)
    return f"it holds because of {shown}" if shown else "what follows `not` holds"


def _culprits(frame: Frame, block: ir.Block, depth: int) -> Iterator[tuple[Any, ...]]:
    """Where the elements stand that fulfil a block and the helpers that it calls."""
    for way in frame.ways(block)[:1]:
        here = frame.at(way)
        for step in block.steps:
            if isinstance(step, ir.Each):
                place = here.place(ir.Variable(step.value))
                if place is not None:
                    yield place
                continue
            match step:
                case ir.Test(ir.HelperCall(name, arguments)) if depth < _MAX_DEPTH:
                    for body, inner, _ in here.enter(name, arguments):
                        yield from _culprits(body, inner, depth + 1)


def _values(frame: Frame, step: ir.Step) -> Iterator[Seen]:
    """The values that decide a step: both sides, arguments, or what is bound."""
    match step:
        case ir.Each(_, name):
            if name in frame.way:
                yield looked_up(frame, ir.Variable(name), name)
        case ir.Bind(name, value):
            text = name if name in frame.way else _text(value)
            node = ir.Variable(name) if name in frame.way else value
            yield looked_up(frame, node, text)
        case ir.Test(condition):
            yield from _sides(frame, condition)
        case ir.Exclude(block):
            for inner in block.steps:
                if isinstance(inner, ir.Test):
                    yield from _sides(frame, inner.condition)
        case ir.Try(_, partial):
            for argument in partial.arguments:
                if not isinstance(partial, ir.PartialOperation):
                    yield from _side(frame, argument)


def _sides(frame: Frame, condition: ir.Expression) -> Iterator[Seen]:
    match condition:
        case (
            ir.Operation(_, arguments)
            | ir.BuiltinCall(_, arguments)
            | ir.HelperCall(_, arguments)
        ):
            for argument in arguments:
                yield from _side(frame, argument)
        case _:
            yield from _side(frame, condition)


def _side(frame: Frame, node: ir.Expression) -> Iterator[Seen]:
    """A value, unless it is large or stands in the line itself."""
    text = _text(node)
    if isinstance(node, ir.Constant) and not _says_something(node.value, text):
        return
    try:
        found = looked_up(frame, node, text)
    except UNGUARDED:
        return
    if found.value != text:
        yield found


def _says_something(value: Any, text: str) -> bool:
    """True for what a list says in few words."""
    is_table = isinstance(value, tuple) and any(isinstance(v, dict) for v in value)
    return text.startswith("data.") and not is_table


def looked_up(frame: Frame, node: ir.Expression, text: str) -> Seen:
    """An expression with its value and its place."""
    place = frame.place(node)
    value = frame.value(node)
    names = _names(frame, value)
    shown = shown_value(value) if names is None else names
    return Seen(text, shown, None if place is None else shown_path(place))


def _names(frame: Frame, value: Any) -> str | None:
    """The id of an object of the document, or the ids of an array of them."""
    world = frame.world
    if isinstance(value, dict):
        place = world.places.get(id(value))
        return None if place is None else world.identity(place)
    if not isinstance(value, list | tuple) or not value:
        return None
    found = [_names(frame, part) for part in value if isinstance(part, dict)]
    if len(found) < len(value) or None in found:
        return None
    return f"[{', '.join(map(str, found))}]"


def _text(node: ir.Placed) -> str:
    return "" if node.span is None else " ".join(node.span.text.split())
