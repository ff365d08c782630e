from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from policy_modules import Texts, attempt
from sloppy_policies import STATEMENTS
from wild_policies import ATOMS, FIELDS, LISTS, SCHEMA, Writer, seeded, value_of

from opensoc_engine import InputError, PolicyError, compile_policies
from opensoc_engine.analysis.scope import Strictness
from opensoc_engine.assembly import fraction_names
from opensoc_engine.codegen.expressions import Reader
from opensoc_engine.codegen.python import generate_set
from opensoc_engine.decision import exact
from opensoc_engine.interpreter import interpret
from opensoc_engine.schema_types import schema_type

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from opensoc_engine import ir

SECONDS = 20  # Far more than any of these takes, and far less than a hang.
KIND = schema_type("input.json", {"input.json": SCHEMA})
FORBIDDEN = (frozenset[str](), frozenset({"claim", "free_text"}))
HEADS = (
    "f(a)",
    "g(a)",
    "v(a) := {}",
    "w(a) := [a, {}]",
    "evs contains {}",
    "lim := {}",
)

# Any text that fits the schema of a policy.

WORDS = """
some x in |every y in | { | } |not | := |; |x|y| == | in | + |[|]|(|)|, |: |f(|count(
"""
PIECES = st.sampled_from(
    (*ATOMS, *(f".{name}" for name in FIELDS), *STATEMENTS, *WORDS.split("|"))
)
BODIES = st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=20)
WHENS = BODIES | st.lists(BODIES, min_size=1, max_size=3)
NAMES = st.from_regex(r"[a-z]{1,3}", fullmatch=True)
POLICIES = st.fixed_dictionaries(
    {
        "policy": st.just("p"),
        "kind": st.just("verifier"),
        "version": st.just("1.0.0"),
        "status": st.just("test"),
        "title": st.just("A policy"),
        "rules": st.lists(
            st.fixed_dictionaries(
                {
                    "id": NAMES,
                    "title": st.just("A rule"),
                    "when": WHENS,
                    "action": NAMES | st.just("go"),
                },
                optional={"evidence": st.lists(NAMES, min_size=1, max_size=2)},
            ),
            min_size=1,
            max_size=3,
        ),
    },
    optional={
        "input": st.sampled_from(("incident.schema.json", "no.schema.json")),
        "define": st.dictionaries(
            BODIES | st.sampled_from(("f(x)", "x := 1", "s contains x")),
            WHENS,
            max_size=3,
        ),
    },
)
MANIFEST = """\
{set: s, kind: verifier, version: 1.0.0, input: input.schema.json, default: stay,
 decision: strongest, order: [go], forbid: [claim, free_text]}
"""


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(POLICIES)
def test_any_policy_compiles_or_is_told_why_not(policy: dict[str, Any]) -> None:
    files = {"set.yaml": MANIFEST, "p.yaml": json.dumps(policy)}
    files["schemas/input.schema.json"] = json.dumps(SCHEMA)
    start, told = time.monotonic(), ""
    try:
        compiled = compile_policies(files)
    except PolicyError as error:
        told = str(error)

    assert told.startswith("error[E") or (
        compiled.evaluate(value_of(SCHEMA, seeded(0))).outcome in {"go", "stay"}
    )
    assert time.monotonic() - start < SECONDS


SIMPLE = (
    *({"type": "string"}, {"type": "null"}, {"$ref": "#"}, {"const": 1}),
    *({"enum": ["a"]}, {"$ref": 3}, True, 7, {"type": ["string"]}),
)


@st.composite
def schemas(draw: st.DrawFn) -> Any:
    """Something like a JSON Schema, with mistakes in it."""
    return draw(
        st.recursive(
            st.sampled_from(SIMPLE),
            lambda inner: st.builds(
                lambda key, one, more: (
                    {"type": "object", "properties": {"a": one}, "required": more},
                    {"type": "array", "items": one, "x-trust": key},
                    {"type": "object", "additionalProperties": one},
                    {"oneOf": [one], "discriminator": more},
                )[len(key) % 4],
                st.sampled_from(("claim", "", "abc", "ab", "a")),
                inner,
                st.sampled_from((["a"], {"propertyName": "a"}, None, 5)),
            ),
            max_leaves=6,
        )
    )


@given(schemas())
def test_any_schema_has_a_type_or_is_told_why_not(schema: Any) -> None:
    documents = {"input.json": {"type": "object", "properties": {"x": schema}}}
    told = ""
    try:
        schema_type("input.json", documents)
    except InputError as error:
        told = str(error)

    assert not told or "input.json" in told


# Whatever compiles runs.


def grown(random: Random) -> tuple[Texts, ir.Module]:
    """A policy of lines that were kept because it compiles with them."""
    forbidden = random.choice(FORBIDDEN)
    strictness = random.choice((Strictness.NOTHING_REFUSED, Strictness.FIELDS))
    writer, defines, lines = Writer(random), dict[str, tuple[str, ...]](), list[str]()
    found: tuple[Texts, ir.Module] | None = None

    def fits(texts: Texts) -> bool:
        nonlocal found
        module, _ = attempt(texts, strictness, KIND, forbidden)
        found = found if module is None else (texts, module)
        return module is not None

    assert fits(Texts({"rule": ("true",)}, {}))
    for head, call, body in heads(writer):
        texts = Texts({"rule": (call,)}, {**defines, head: (body,)}, lists=LISTS)
        if fits(texts):
            defines[head] = (body,)
    for _ in range(25):
        before = list(writer.known)
        line = writer.line(random.randint(1, 3))
        used = [f"count([{name}]) == 1" for name in writer.known]
        body = "\n".join([*lines, line, *used])
        names = tuple(writer.known[-1:]) if random.random() < 0.2 else ()
        value = writer.expression(2) if random.random() < 0.2 else None
        if fits(Texts({"rule": (body,)}, defines, names, value, LISTS)):
            lines.append(line)
        else:
            writer.known = before
    assert found is not None
    return found


def heads(writer: Writer) -> Iterator[tuple[str, str, str]]:
    """Heads of helpers, a body that calls each, and its own body."""
    calls = ("input.n", "input.events[0]", "input.hosts", "input.ss", "1")
    for head in HEADS * 3:
        name, is_function = head[: head.index(" ") if " " in head else 1], "(a)" in head
        inner = writer.inner("a") if is_function else writer.inner()
        shown = head.format(inner.expression(2))
        argument = f"{name[0]}({writer.pick(*calls)})"
        if head.endswith("(a)"):
            body = "\n".join([*inner.body(2, 1, ["a"]), "count([a]) == 1"])
            yield shown, argument, body
        elif is_function:
            yield shown, f"count([{argument}]) == 1", "count([a]) == 1"
        elif "contains" in head:
            yield shown, f"count({name}) >= 0", "\n".join(inner.body(2, 1))
        else:
            yield shown, f"count([{name}]) == 1", ""


def outcomes(module: ir.Module, document: Any) -> list[str]:
    """What each back end finds, as text."""
    reader = Reader(frozenset(fraction_names(KIND)))
    fast = generate_set({"test": module}, "test", reader).module("test").rules["rule"]
    slow = interpret(module)["rule"]
    return [str(list(fast(document, {}))), str(list(slow(exact(document), {})))]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_what_compiles_never_fails_and_both_back_ends_agree(seed: int) -> None:
    random = seeded(seed)
    texts, module = grown(random)

    for _ in range(5):
        fast, slow = outcomes(module, value_of(SCHEMA, random))
        assert fast == slow, texts
