"""Log lines: one event, one line, and no value can pose as anything else."""

from __future__ import annotations

from typing import Any

import pytest

from opensoc_env.log_text import quote, render_fields, short_hashes


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
    event = {"fields": {"answers": ["192.0.2.1", "192.0.2.2"]}}

    assert render_fields(event, {}) == "answers=192.0.2.1,192.0.2.2"
