"""The schema that random policies are written for, and documents that fit it.

There are few different values, so that many things are equal.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from opensoc_engine import types as t

INTEGER, NUMBER, TEXT = t.Number(integer=True), t.Number(), t.Text()
META = t.Object(
    "Meta",
    (
        t.Field("owner", TEXT, required=False),
        t.Field("score", NUMBER),
        t.Field("level", t.Enum(("high", "low")), required=False),
    ),
)
_SHARED = (
    t.Field("id", TEXT, identity=True),
    t.Field("size", INTEGER),
    t.Field("tags", t.Array(TEXT)),
    t.Field("signed", t.Boolean()),
    t.Field("meta", META, required=False),
)
FILE = t.Object(
    "File", (*_SHARED, t.Field("kind", t.Enum(("file",))), t.Field("path", TEXT))
)
FLOW = t.Object(
    "Flow",
    (
        *_SHARED,
        t.Field("kind", t.Enum(("flow",))),
        t.Field("port", INTEGER, required=False),
        t.Field("hosts", t.Array(TEXT), required=False),
        t.Field("ip", t.Address()),
    ),
)
DOCUMENT = t.Object(
    "Document",
    (
        t.Field("items", t.Array(t.Union("item", "kind", (FILE, FLOW)))),
        t.Field("names", t.Array(TEXT)),
        t.Field("numbers", t.Array(INTEGER)),
        t.Field("limits", t.Map(TEXT, INTEGER)),
        t.Field("threshold", NUMBER),
        t.Field("strict", t.Boolean()),
        t.Field("networks", t.Array(t.Network())),
        t.Field("at", t.Array(t.Timestamp())),
        t.Field("site", t.Object("Site", (t.Field("name", TEXT),)), required=False),
    ),
)
LISTS = {
    "words": ("a", "ab", "b-c"),
    "costs": {"file": 1, "flow": 3},
    "private": ("10.0.0.0/8", "192.168.0.0/16", "fe80::/10"),
}

# ---- documents: few different values, so that many things are equal

WORDS = st.sampled_from(("", "a", "b", "ab", "a-b", "b-c", "A", "a.b", "file", "é"))
SMALL = st.integers(-3, 12)
QUARTERS = st.integers(-8, 40).map(lambda n: n / 4)
META_VALUES = st.fixed_dictionaries(
    {"score": QUARTERS},
    optional={"owner": WORDS, "level": st.sampled_from(("high", "low"))},
)
_COMMON: dict[str, Any] = {
    "size": SMALL,
    "tags": st.lists(WORDS, max_size=3),
    "signed": st.booleans(),
}
ADDRESSES = st.sampled_from(
    ("10.1.2.3", "192.168.0.9", "8.8.8.8", "::ffff:10.0.0.1", "fe80::1", "2001:db8::9")
)
ITEMS = st.fixed_dictionaries(
    {**_COMMON, "kind": st.just("file"), "path": WORDS}, optional={"meta": META_VALUES}
) | st.fixed_dictionaries(
    {**_COMMON, "kind": st.just("flow"), "ip": ADDRESSES},
    optional={
        "meta": META_VALUES,
        "port": SMALL,
        "hosts": st.lists(WORDS, max_size=2),
    },
)
TIMES = st.sampled_from(
    (
        "2026-01-31T08:00:00Z",
        "2026-01-31T09:00:00+01:00",
        "2026-01-31T08:00:00.25Z",
        "1999-12-31T23:59:59-11:30",
    )
)


def _numbered(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**item, "id": f"i{number}"} for number, item in enumerate(items)]


DOCUMENTS = st.fixed_dictionaries(
    {
        "items": st.lists(ITEMS, max_size=4).map(_numbered),
        "names": st.lists(WORDS, max_size=3),
        "numbers": st.lists(SMALL, max_size=4),
        "limits": st.dictionaries(WORDS, SMALL, max_size=3),
        "threshold": QUARTERS,
        "strict": st.booleans(),
        "networks": st.lists(
            st.sampled_from(("10.0.0.0/8", "10.1.2.0/24", "fe80::/10", "::/0")),
            max_size=2,
        ),
        "at": st.lists(TIMES, max_size=3),
    },
    optional={"site": st.fixed_dictionaries({"name": WORDS})},
)
