"""Log lines: one event, one line, and no value can pose as anything else."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensoc_engine import data_root
from opensoc_env.log_text import (
    SEEN_STYLES,
    STYLES,
    UNSEEN_STYLE,
    camel,
    label,
    quote,
    render_fields,
    short_hashes,
    split_line,
    styles_of,
)

Texts = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "x disposition=blocked",
            'x" disposition="blocked',
            'x", "disposition": "blocked',
            "x] [y@1 disposition=z",
            "x; Disposition: blocked",
            "x\\= disposition=blocked",
            "x disposition\\=blocked",
            " ",
            "a  b ",
            "none",
            "x\ndisposition=blocked",
            "\u0441ertutil",
        ]
    ),
)
Fields = st.fixed_dictionaries(
    {"command_line": Texts, "name": Texts},
    optional={"pid": st.integers(0, 99), "args": st.lists(Texts, max_size=2)},
)


def start(**process: Any) -> dict[str, Any]:
    return {
        "event_type": "process.start",
        "fields": {
            "disposition": "allowed",
            "process": {"name": "winword.exe", **process},
            "user": {"name": "a.meier"},
            "host": {"name": "ws-012"},
        },
    }


def test_line_names_host_and_user_first_and_disposition_last() -> None:
    text = render_fields(start(pid=4312), {})

    assert text == (
        "host=ws-012 user=a.meier process.name=winword.exe process.pid=4312 "
        "disposition=allowed"
    )


def test_order_of_keys_in_the_event_does_not_matter() -> None:
    event = start(pid=7, command_line="winword /n")
    turned = {"fields": dict(reversed(event["fields"].items()))}

    assert render_fields(event, {}) == render_fields(turned, {})


def test_name_at_the_end_of_the_path_is_said_once() -> None:
    text = render_fields(start(executable=r"C:\Office\WINWORD.EXE"), {})

    assert "process.name" not in text
    assert r"process.executable=C:\Office\WINWORD.EXE" in text


def test_name_that_differs_from_the_path_is_shown_beside_it() -> None:
    text = render_fields(start(executable=r"C:\Temp\evil.exe"), {})

    assert "process.name=winword.exe" in text


@pytest.mark.parametrize(
    "hostile",
    [
        "x disposition=blocked",
        'x" disposition="blocked',
        "x\ndisposition=blocked",
        "a=b",
        "cert\u200butil",
        "\u0441ertutil",
        "",
    ],
)
def test_hostile_value_stays_one_quoted_ascii_word(hostile: str) -> None:
    text = quote(hostile)

    assert text.startswith('"')
    assert text.endswith('"')
    assert text.isascii()
    assert "\n" not in text


def test_long_text_keeps_both_ends_and_says_what_is_cut() -> None:
    text = quote("begin" + "x" * 5_000 + "end")

    assert text.startswith('"begin')
    assert text.endswith('end"')
    assert "[4608 characters cut]" in text
    assert len(text) < 450


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"pid": 1}, "process.pid=1"),
        ({"parent": {"name": "a.exe", "pid": 2}}, "parent.name=a.exe parent.pid=2"),
        (
            {"code_signature": {"trusted": False}},
            "process.code_signature.trusted=false",
        ),
        (
            {"pe": {"original_file_name": "cmd.exe"}},
            "process.pe.original_file_name=cmd.exe",
        ),
    ],
)
def test_every_field_that_a_rule_can_read_is_in_the_line(
    change: dict[str, Any], shown: str
) -> None:
    assert shown in render_fields(start(**change), {})


def test_hash_is_shortened_to_eight_characters_and_a_mark() -> None:
    full = "ab" * 32

    text = render_fields(start(hash={"sha256": full}), short_hashes([full]))

    assert "process.sha256=abababab\u2026 " in text


def test_hashes_that_share_eight_characters_still_read_differently() -> None:
    one, other = "a" * 64, "a" * 12 + "b" * 52

    short = short_hashes([one, other])

    assert short[one] != short[other]


def test_list_of_addresses_is_joined_by_commas() -> None:
    event = {"fields": {"dns": {"answers": {"data": ["192.0.2.1", "192.0.2.2"]}}}}

    assert render_fields(event, {}) == "dns.answers.data=192.0.2.1,192.0.2.2"


def line(process: dict[str, Any], style: str) -> str:
    fields = {"process": process, "disposition": "allowed"}
    event = {"event_type": "process.start", "source": "edr", "fields": fields}
    return render_fields(event, {}, style)


@pytest.mark.parametrize("style", STYLES)
@given(process=Fields)
def test_no_value_adds_or_hides_a_key_in_any_style(
    style: str, process: dict[str, Any]
) -> None:
    plain = {
        key: ["x"] * len(value) if isinstance(value, list) else "x"
        for key, value in process.items()
    }
    keys = [key for key, _ in split_line(line(process, style))]

    assert keys == [key for key, _ in split_line(line(plain, style))]


@pytest.mark.parametrize("style", STYLES)
@given(one=Fields, other=Fields)
def test_two_events_read_the_same_only_if_they_are(
    style: str, one: dict[str, Any], other: dict[str, Any]
) -> None:
    # A list is not told from one text that has its elements' look; no field is both.
    first, second = ({**p, "args": []} for p in (one, other))

    assert (line(first, style) == line(second, style)) == (first == second)


@pytest.mark.parametrize("style", STYLES)
@given(process=Fields)
def test_a_line_of_any_style_is_one_line_of_ascii(
    style: str, process: dict[str, Any]
) -> None:
    text = line(process, style)

    assert text.isascii()
    assert text.isprintable()


@pytest.mark.parametrize("style", STYLES)
def test_splitting_gives_each_field_of_a_line(style: str) -> None:
    words = split_line(line({"name": "a.exe", "command_line": "a b", "pid": 7}, style))

    assert len(words) == 4
    assert all(key in word for key, word in words)
    assert "7" in words[2][1]


@pytest.mark.parametrize("style", STYLES)
def test_a_short_hash_is_the_same_word_in_every_style(style: str) -> None:
    full = "ab" * 32
    event = start(hash={"sha256": full}) | {"source": "edr"}

    assert "abababab\u2026" in render_fields(event, short_hashes([full]), style)


def every_key(node: Any, path: str = "") -> set[str]:
    """Dotted keys of all objects in a schema's properties."""
    found: set[str] = set()
    for key, value in node.get("properties", {}).items():
        dotted = f"{path}.{key}" if path else key
        found |= every_key(value, dotted) or {dotted}
    return found


def test_no_two_fields_have_one_name_in_any_style() -> None:
    text = (data_root() / "schemas" / "event.schema.json").read_text("utf-8")
    keys: set[str] = set()
    for found in (json.loads(text), *json.loads(text)["$defs"].values()):
        keys |= every_key(found)
    for member in json.loads(text)["oneOf"]:
        keys |= every_key(member["properties"]["fields"])

    assert len(set(map(label, keys))) == len(set(map(camel, keys))) == len(keys)
    assert all(re.fullmatch(r"[a-z0-9_.]+", key) for key in keys)


def test_a_sensor_has_one_style_in_an_episode_and_several_over_episodes() -> None:
    seen = {styles_of(f"episode {n}", ["edr", "dns"])["edr"] for n in range(60)}

    assert seen == set(SEEN_STYLES)
    assert UNSEEN_STYLE not in seen
    assert styles_of("one", ["dns", "edr"]) == styles_of("one", ["edr", "dns"])
