"""Random policies of the kind that people write: events filtered, joined and counted.

Bodies are put together from lines that the optimiser knows how to move: kinds, guards,
helpers with several bodies, lists, equal fields of two events, numbers of events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from policy_modules import Texts

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

LISTS: dict[str, Any] = {
    "rows": (
        {"name": "a", "needs": ("a",), "least": 1},
        {"name": "a", "needs": ("b", "a"), "least": 0},
        {"name": "b", "needs": (), "least": 2},
    ),
    "words": ("ab", "b", "-"),
    "hosts": ("a", "B-a"),
}
DEFINES: dict[str, tuple[str, ...]] = {
    "mixed(e)": (
        'e.kind == "process"\nnot e.signed\nlisted(e.host)',
        'e.kind == "network"\ne.port in {1, 2}',
    ),
    "listed(text)": (
        (
            "some row in data.rows\nrow.name == text\n"
            "every need in row.needs { contains(text, need) }"
        ),
    ),
    "either(e)": (
        "some row in data.rows\npicked(e, row)\nrow.least <= e.size",
        'startswith(e.host, "B")',
    ),
    "picked(e, row)": (
        "e.host == row.name",
        "e.parent\ne.parent.name == row.name",
    ),
    "worded(text)": ("some word in data.words\ncontains(lower(text), word)",),
    "local(e)": (
        "some network in input.networks\nnet.cidr_contains(network, e.ip)",
        'net.cidr_contains("10.0.0.0/8", e.ip)',
    ),
    "same_host(one, other)": ("lower(one.host) == lower(other.host)",),
    "after(one, other)": (
        (
            "a := time.parse_rfc3339_ns(one.at)\nb := time.parse_rfc3339_ns(other.at)\n"
            "a >= b\na - b < 9000000000"
        ),
    ),
    "peers(first) := found": (
        (
            'found := [g | some g in input.events; g.kind == "process";'
            " same_host(g, first); not g.signed]"
        ),
    ),
    "named(e)": ("some name in input.names\nlower(name) == lower(e.host)",),
    "owned(e)": ("some name in input.names\nlocal_name(name)\nname == e.host",),
    "local_name(name)": ("some g in input.events\ng.host == name\ng.size > 0",),
    "unsigned(events) := [g | some g in events; not g.signed]": ("",),
    "many(events)": ("count(events) >= 2", "sum([g.size | some g in events]) >= 3"),
    "busy contains e.host": (
        'some e in input.events\ne.kind == "process"\ne.size > 0',
    ),
}
PROCESS = (
    "{0}.signed",
    "not {0}.signed",
    "{0}.size >= 1",
    '{0}.host == "a"',
    "{0}.host in data.hosts",
    "worded({0}.host)",
    "listed({0}.host)",
    "either({0})",
    "mixed({0})",
    "not mixed({0})",
    '{0}.parent\n{0}.parent.name == "a"',
    "not {0}.parent",
    "{0}.score > 0.5",
    '{0}.parent.user != "b"',
    "not {0}.host in busy",
    "named({0})",
    "not owned({0})",
    "count(peers({0})) >= 2",
    "many(unsigned(peers({0})))",
    "peers({0})[0].id == {0}.id",
    (
        'sum([g.size | some g in input.events; g.kind == "process";'
        " g.host == {0}.host]) > 2"
    ),
    'count({{g.host | some g in input.events; g.kind == "network"}}) >= 1',
    'every g in input.events {{ g.host != "zz" }}',
    "not local_host({0})",
)
NETWORK = (
    "{0}.port == 2",
    "{0}.port > 1",
    "local({0})",
    "not local({0})",
    "mixed({0})",
    '{0}.host == "b"',
    "{0}.host in busy",
    "not named({0})",
    "count([g | some g in input.events; g.size == {0}.size]) >= 2",
)
ANY = ("{0}.size >= 0", "mixed({0})", '{0}.host != "ab"', "{0}.host in busy")
PAIRS = (
    "{1}.host == {0}.host",
    "same_host({1}, {0})",
    "{1}.size == {0}.size",
    "{1}.id != {0}.id",
    "{1}.host == {0}.host\n{1}.size >= {0}.size",
    "{1}.size > {0}.size",
)
TIMED = ("after({1}, {0})", "{1}.parent.name == {0}.host")
HELPERS = {**DEFINES, "local_host(e)": ('e.host == "b"', "e.host in busy")}


@st.composite
def policies(draw: DrawFn) -> Texts:
    """One to four rules of one or two bodies; evidence is the first event."""
    rules = {
        f"r{number}": tuple(draw(bodies()) for _ in range(draw(st.integers(1, 2))))
        for number in range(draw(st.integers(1, 4)))
    }
    return Texts(rules, HELPERS, evidence=("e",), lists=LISTS)


@st.composite
def bodies(draw: DrawFn) -> str:
    """Lines about one event, or about two."""
    lines, kind = draw(event("e"))
    if draw(st.booleans()):
        more, other = draw(event("f"))
        pairs = PAIRS + (TIMED if kind == other == "process" else ())
        joined = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=2))
        late = [line.format("e", "f") for line in joined]
        late += draw(
            st.lists(st.sampled_from(lines[1:] or ["e.size >= -9"]), max_size=1)
        )
        lines = [*lines, *more, *late]
    return "\n".join(lines)


@st.composite
def event(draw: DrawFn, name: str) -> tuple[list[str], str]:
    """A loop over events, its lines, and the kind that they know."""
    kind = draw(st.sampled_from(("process", "network", "any")))
    lines = [f"some {name} in input.events"]
    if kind != "any":
        lines.append(f'{name}.kind == "{kind}"')
    choices = {"process": PROCESS, "network": NETWORK, "any": ANY}[kind]
    picked = draw(st.lists(st.sampled_from(choices), max_size=4))
    return lines + [line.format(name) for line in picked], kind


HOSTS = st.sampled_from(("a", "A", "b", "ab", "B-a"))
_SHARED = {"host": HOSTS, "size": st.integers(-1, 3)}


@st.composite
def documents(draw: DrawFn) -> dict[str, Any]:
    """Up to ten events, each with an id of its own, up to ten names, and a network.

    Arrays of more than eight elements are looked up, shorter ones gone through.
    """
    made = draw(st.lists(_processes | _networks, max_size=10))
    numbered = [{**item, "id": f"e{at}"} for at, item in enumerate(made)]
    return {
        "events": numbered,
        "names": draw(st.lists(HOSTS, max_size=10)),
        "limits": {"a": 1},
        "threshold": 1,
        "networks": draw(st.sampled_from(([], ["192.0.2.0/24"]))),
    }


_processes = st.fixed_dictionaries(
    {
        **_SHARED,
        "kind": st.just("process"),
        "signed": st.booleans(),
        "at": st.integers(0, 20).map("2026-01-31T08:00:{:02d}Z".format),
    },
    optional={
        "score": st.sampled_from((0, 1, 2)),
        "parent": st.fixed_dictionaries({"name": HOSTS}, optional={"user": HOSTS}),
    },
)
_networks = st.fixed_dictionaries(
    {
        **_SHARED,
        "kind": st.just("network"),
        "ip": st.sampled_from(("10.0.0.1", "192.0.2.7", "203.0.113.9")),
        "port": st.integers(0, 3),
    }
)
