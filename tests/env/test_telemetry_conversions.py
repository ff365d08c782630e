from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensoc_env.telemetry.conversions import CONVERSIONS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("text", True, "true"),
        ("text", "a\ud800b", "a\ufffdb"),
        ("text", {"a": 1}, None),
        ("integer", "0x1F", 31),
        ("integer", " 443 ", 443),
        ("integer", "4 KB", None),
        ("boolean", "Yes", True),
        ("boolean", "maybe", None),
        ("hex_mask", "0x001410", "0x1410"),
        ("hex_mask", 4112, "0x1010"),
        ("ip", "::ffff:10.0.0.1", "10.0.0.1"),
        ("ip", "fe80::1%12", "fe80::1"),
        ("ip", "ec2.amazonaws.com", None),
        ("ip", "10.0.0.010", None),
        ("ip_list", "type: 5 a.b;10.0.0.1;::1;", ["10.0.0.1", "::1"]),
        ("file_name", "C:\\Windows\\System32\\CMD.EXE", "cmd.exe"),
        ("file_name", "/usr/bin/", None),
        ("extension", "C:\\a.b\\c.Docx", "docx"),
        ("extension", "C:\\a.b\\.profile", None),
        ("pipe_path", "\\PSEXESVC", "\\\\.\\pipe\\PSEXESVC"),
        ("account", "S-1-5-18", "SYSTEM"),
        ("account", "S-1-5-21-1-2-3-500", None),
        ("account", "CORP\\ana", "ana"),
        ("account_name", "ana@corp.example", "ana"),
        ("account_domain", "CORP\\ana", "CORP"),
        ("common_name", "CN=Ana Bell,OU=x,DC=y", "Ana Bell"),
        ("arn_name", "arn:aws:iam::1:user/ana", "ana"),
        ("host_name", "WS1.Corp.Example.", "ws1.corp.example"),
        ("sha256", "SHA1=00,SHA256=" + "AB" * 32, "ab" * 32),
        ("unescape", "&lt;Command&gt;", "<Command>"),
        ("compact_json", {"b": [1], "a": None}, '{"a":null,"b":[1]}'),
        ("timestamp", "2020-09-22 08:37:50.2390", "2020-09-22T08:37:50.239Z"),
        ("timestamp", "2020-09-22T10:37:50+02:00", "2020-09-22T08:37:50Z"),
        ("timestamp", "/Date(1600763870239)/", "2020-09-22T08:37:50.239000Z"),
        ("timestamp", "/Date(-99999999999999)/", None),
        ("timestamp", "0001-01-01T00:00:00+14:00", None),
        ("timestamp", "2020-13-01T00:00:00Z", None),
        ("timestamp", "yesterday", None),
    ],
)
def test_a_conversion_gives_the_value_or_nothing(
    name: str, value: Any, expected: Any
) -> None:
    assert CONVERSIONS[name](value) == expected


@pytest.mark.parametrize("name", sorted(CONVERSIONS))
@given(value=JSON)
def test_no_conversion_raises_on_recorded_data(name: str, value: Any) -> None:
    CONVERSIONS[name](value)
