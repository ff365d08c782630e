from __future__ import annotations

import io
import json

import pytest

from opensoc_env.telemetry.reader import (
    MAX_DEPTH,
    MAX_LINE,
    Document,
    Fault,
    read_documents,
)


def read(raw: bytes) -> list[Document | Fault]:
    return list(read_documents(io.BytesIO(raw)))


def values(raw: bytes) -> list[object]:
    return [d.value if isinstance(d, Document) else d for d in read(raw)]


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1}\n{"a":2}\n',
        b'{"a":1}\r\n\r\n{"a":2}',
        b'\xef\xbb\xbf{"a":1}\n{"a":2}\n',
        b'{\n "a": 1\n}\n{\n "a": 2\n}\n',
    ],
)
def test_documents_stand_one_a_line_or_over_many_lines(raw: bytes) -> None:
    assert values(raw) == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    "raw",
    [b'[{"a":1},{"a":2}]', b'[\n{"a":1},\n{"a":2}\n]\n', b'[{"a":1},\n{"a":2}]\n'],
)
def test_an_array_is_one_document(raw: bytes) -> None:
    assert values(raw) == [[{"a": 1}, {"a": 2}]]


def test_a_document_knows_the_line_that_it_begins_in() -> None:
    assert [d.line for d in read(b'\n{"a":1}\n\n{"a":2}\n')] == [2, 4]
    assert [d.line for d in read(b'{\n"a":1}\n\n{\n"a":2}\n')] == [1, 4]


def test_a_broken_line_costs_itself_alone() -> None:
    found = values(b'{"a":1}\n{"a":\n{"a":3}\n')

    assert found == [{"a": 1}, Fault(2, "the JSON value does not end"), {"a": 3}]


def test_a_broken_first_line_costs_itself_alone() -> None:
    found = values(b'{"a":1\n{"b":\n{"a":3}\n')

    assert found[2] == {"a": 3}
    assert [fault.line for fault in found[:2]] == [1, 2]


def test_an_array_that_does_not_end_keeps_its_whole_lines() -> None:
    found = values(b'[\n{"a":1},\n{"a":2},\n{"a"')

    assert found == [{"a": 1}, {"a": 2}, Fault(4, "the JSON value does not end")]


def test_a_broken_document_over_many_lines_is_one_fault() -> None:
    found = values(b'{\n "a": 1,\n "b": [1,\n')

    assert len(found) == 1
    assert "the rest of the file is left out" in found[0].reason


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"a":NaN}', "`NaN` is no JSON number"),
        (b'{"a":-Infinity}', "`-Infinity` is no JSON number"),
        (b'{"a":1e999}', "the number `1e999` is too large"),
        (b'{"a":' + b"1" * 5000 + b"}", "a number has more than 1000 digits"),
        (b'{"a":"\xff"}', "not UTF-8 at byte 7"),
        (b"[" * 500_000, f"nest more than {MAX_DEPTH} levels"),
        (b'{"a":' * 500_000, f"nest more than {MAX_DEPTH} levels"),
        (b"[" * 101 + b"]" * 101, f"nest more than {MAX_DEPTH} levels"),
        (b'"text"', "found text"),
        (b"12", "found a number"),
        (b"hello", "not JSON: expecting value at column 1"),
        (b'{"a":1} {}', "text after the JSON value at column 8"),
    ],
)
def test_a_hostile_line_is_one_fault_with_its_reason(line: bytes, reason: str) -> None:
    found = values(b'{"a":0}\n' + line + b'\n{"a":2}\n')

    assert found[0] == {"a": 0}
    assert found[2:] == [{"a": 2}]
    assert reason in found[1].reason


def test_nesting_up_to_the_limit_is_read() -> None:
    raw = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH

    assert isinstance(read(raw)[0], Document)


def test_a_line_over_the_limit_is_one_fault_and_the_rest_goes_on() -> None:
    long = b'{"a":"' + b"x" * 50_000_000 + b'"}'

    found = values(b'{"a":1}\n' + long + b'\n{"a":3}\n')

    assert found == [{"a": 1}, Fault(2, "the line is longer than 16 MiB"), {"a": 3}]


def test_a_line_of_just_the_limit_is_read() -> None:
    line = b'{"a":"' + b"x" * (MAX_LINE - 8) + b'"}'

    assert len(line) == MAX_LINE
    assert len(values(line + b'\n{"a":2}\n')) == 2


@pytest.mark.parametrize("raw", [b"", b"\n \n\t\n"])
def test_an_empty_file_is_a_fault(raw: bytes) -> None:
    assert values(raw) == [Fault(1, "the file is empty")]


@pytest.mark.parametrize(
    ("raw", "advice"),
    [
        (b"ElfFile\0\0\0", "export it as JSON"),
        ('{"a":1}'.encode("utf-16"), "save it as UTF-8"),
        (b"\x1f\x8b\x08\x00", "unpack it"),
        (b"a\0b", "not text"),
    ],
)
def test_what_is_no_text_is_one_fault_with_advice(raw: bytes, advice: str) -> None:
    (fault,) = values(raw)

    assert advice in fault.reason


def test_half_a_surrogate_pair_becomes_a_replacement_character() -> None:
    raw = rb'{"a":"\ud800\"x\udc00", "b":"\ud83d\ude00", "\ud800":"C:\\udir"}'

    (value,) = values(raw)

    assert value == {"a": '\ufffd"x\ufffd', "b": "\U0001f600", "\ufffd": "C:\\udir"}
    assert json.dumps(value, ensure_ascii=False).encode()
