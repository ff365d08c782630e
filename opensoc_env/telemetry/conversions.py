"""Named conversions from recorded values to values of the event schema.

A conversion takes one recorded value that is not absent and returns the converted
value, or None where the value does not say what the field asks for. It never guesses
and never raises on recorded data. `CONVERSIONS` is the one table: a mapping file may
use these names and no others.
"""

from __future__ import annotations

import html
import ipaddress
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

Conversion = Callable[[Any], Any]

# The longest decimal that the schema's integers can hold has 16 digits.
_INTEGER = re.compile(r"[0-9]{1,16}|0[xX][0-9a-fA-F]{1,14}")
_HEX = re.compile(r"0[xX]0*([0-9a-fA-F]{1,16})")
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?:\.([0-9]{1,9}))?[0-9]* ?(Z|UTC|[+-][0-9]{2}:?[0-9]{2})?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SERIAL_TIME = re.compile(r"/Date\((-?[0-9]{1,14})\)/")
_SHA256 = re.compile(r"(?:^|SHA256=)([0-9A-Fa-f]{64})(?:,|$)", re.IGNORECASE)

_SID = re.compile(r"[Ss]-1(?:-[0-9]+)+")
# Windows gives these accounts the same security identifier on every machine.
_WELL_KNOWN = {
    "S-1-5-7": "ANONYMOUS LOGON",
    "S-1-5-18": "SYSTEM",
    "S-1-5-19": "LOCAL SERVICE",
    "S-1-5-20": "NETWORK SERVICE",
}
_TRUE, _FALSE = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})


def text(value: Any) -> str | None:
    """The value as text; lone surrogates become U+FFFD."""
    if isinstance(value, (dict, list)) or value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    out = str(value)
    if out.isascii():
        return out
    return out.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def lower(value: Any) -> str | None:
    """Text in lower case."""
    return None if (out := text(value)) is None else out.lower()


def strip(value: Any) -> str | None:
    """Text without white space at its ends."""
    return None if (out := text(value)) is None else out.strip()


def unescape(value: Any) -> str | None:
    """Text with XML and HTML character references resolved once."""
    return None if (out := text(value)) is None else html.unescape(out)


def integer(value: Any) -> int | None:
    """A whole number, written in decimal or as 0x hexadecimal."""
    out = (text(value) or "").strip()
    return int(out, 0 if out[:2].lower() == "0x" else 10) if _is_int(out) else None


def _is_int(out: str) -> bool:
    return _INTEGER.fullmatch(out) is not None


def boolean(value: Any) -> bool | None:
    """True for true, yes and 1; False for false, no and 0."""
    out = (lower(value) or "").strip()
    return True if out in _TRUE else False if out in _FALSE else None


def hex_mask(value: Any) -> str | None:
    """An access mask as lower-case hexadecimal without leading zeros."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return hex(value)
    match = _HEX.fullmatch((text(value) or "").strip())
    return f"0x{match[1].lower()}" if match else None


def ip(value: Any) -> str | None:
    """An address in its short form; IPv4 mapped into IPv6 becomes IPv4."""
    out = (text(value) or "").strip().partition("%")[0]
    try:
        address = ipaddress.ip_address(out)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def ip_list(value: Any) -> list[str] | None:
    """The addresses of a list parted by semicolons; what is no address is left out."""
    parts = map(ip, (text(value) or "").split(";"))
    return [part for part in parts if part is not None] or None


def one_item(value: Any) -> list[str] | None:
    """A list of the whole text."""
    return None if (out := text(value)) is None else [out]


def words(value: Any) -> list[str] | None:
    """The words of a text, in lower case."""
    return (lower(value) or "").split() or None


def file_name(value: Any) -> str | None:
    """The last part of a Windows or POSIX path, in lower case."""
    out = (lower(value) or "").strip().strip('"')
    return re.split(r"[\\/]", out)[-1] or None


def extension(value: Any) -> str | None:
    """The extension of a path without its dot, in lower case."""
    name = file_name(value) or ""
    return name.rpartition(".")[2] if "." in name.lstrip(".") else None


def registry_value(value: Any) -> str | None:
    """The last part of a registry path."""
    return (text(value) or "").rpartition("\\")[2] or None


def pipe_path(value: Any) -> str | None:
    r"""The full path of a named pipe: `\PSEXESVC` becomes `\\.\pipe\PSEXESVC`."""
    name = (text(value) or "").lstrip("\\")
    return f"\\\\.\\pipe\\{name}" if name else None


def account_name(value: Any) -> str | None:
    r"""The account of `DOMAIN\account`, `account@domain` or `account`."""
    out = (text(value) or "").strip().rpartition("\\")[2]
    return out.partition("@")[0] or None


def account_domain(value: Any) -> str | None:
    r"""The domain of `DOMAIN\account` or `account@domain`."""
    out = (text(value) or "").strip()
    before, slash, _ = out.rpartition("\\")
    return (before if slash else out.partition("@")[2]) or None


def well_known_sid(value: Any) -> str | None:
    """The account that a well-known security identifier names on every machine."""
    return _WELL_KNOWN.get((text(value) or "").strip().upper())


def account(value: Any) -> str | None:
    """The account of a name, or of a security identifier that is well known."""
    out = (text(value) or "").strip()
    return well_known_sid(out) if _SID.fullmatch(out) else account_name(out)


def account_or_sid(value: Any) -> str | None:
    """The account of a name; a security identifier stays where none is well known."""
    return account(value) or (text(value) or "").strip() or None


def common_name(value: Any) -> str | None:
    """The first name of an LDAP distinguished name."""
    match = re.match(r"\s*[A-Za-z]+=([^,]+)", text(value) or "")
    return match[1].strip() if match else None


def arn_name(value: Any) -> str | None:
    """The last part of an Amazon resource name."""
    out = text(value) or ""
    return re.split(r"[:/]", out)[-1] or None if out.startswith("arn:") else None


def host_name(value: Any) -> str | None:
    """A host name in lower case without a trailing dot."""
    return (lower(value) or "").strip().rstrip(".") or None


def sha256(value: Any) -> str | None:
    """The SHA-256 of `SHA1=..,SHA256=..` or of a bare digest, in lower case."""
    match = _SHA256.search(text(value) or "")
    return match[1].lower() if match else None


def compact_json(value: Any) -> str | None:
    """Compact JSON text of an object or a list."""
    if not isinstance(value, (dict, list)):
        return text(value)
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def timestamp(value: Any) -> str | None:
    """RFC 3339 in UTC; a time without a zone is taken for UTC.

    `naive` says whether a zone was there. Digits after the ninth of a second are cut.
    """
    out = (text(value) or "").strip()
    if serial := _SERIAL_TIME.fullmatch(out):
        return _serial_time(int(serial[1]))
    match = _TIME.fullmatch(out)
    if not match:
        return None
    try:
        moment = datetime.fromisoformat(f"{match[1]}T{match[2]}{_zone(match[4])}")
        whole = moment.astimezone(UTC).replace(tzinfo=None).isoformat()
    except (ValueError, OverflowError):
        return None
    fraction = (match[3] or "").rstrip("0")
    return f"{whole}{'.' + fraction if fraction else ''}Z"


def _serial_time(milliseconds: int) -> str | None:
    """The time of a `/Date(...)/`, which counts from 1970."""
    try:
        moment = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None
    return moment.isoformat().replace("+00:00", "Z")


def _zone(mark: str | None) -> str:
    return "+00:00" if mark in {None, "Z", "UTC"} else str(mark)


def is_naive(value: Any) -> bool:
    """True for a time that is written without its zone."""
    match = _TIME.fullmatch((text(value) or "").strip())
    return match is not None and match[4] is None


CONVERSIONS: dict[str, Conversion] = {
    conversion.__name__: conversion
    for conversion in (
        account,
        account_domain,
        account_name,
        account_or_sid,
        arn_name,
        boolean,
        common_name,
        compact_json,
        extension,
        file_name,
        hex_mask,
        host_name,
        integer,
        ip,
        ip_list,
        lower,
        one_item,
        pipe_path,
        registry_value,
        sha256,
        strip,
        text,
        timestamp,
        unescape,
        well_known_sid,
        words,
    )
}
