"""Builtins that decode and digest text, as UTF-8."""

from __future__ import annotations

import binascii
import re
from base64 import b64encode
from hashlib import md5, sha1, sha256
from urllib.parse import unquote_plus

from opensoc_engine.builtin_functions.strings import MAX_LENGTH

_GROUP = 4
_TO_URL = str.maketrans("-_+/", "+/  ")
# A percent sign that no two hexadecimal digits follow.
_BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")


def base64_decode(text: str) -> str | None:
    """The text that the base64 string holds; bytes that are not UTF-8 become U+FFFD."""
    packed = text.replace("\n", "").replace("\r", "")
    if len(packed) % _GROUP or not packed.isascii():
        return None
    try:
        found = binascii.a2b_base64(packed, strict_mode=True)
    except binascii.Error:
        return None
    return found.decode(errors="replace")


def base64_is_valid(text: str) -> bool:
    """True if the string is base64."""
    return base64_decode(text) is not None


def base64_encode(text: str) -> str:
    """The base64 string of a text."""
    return b64encode(_bytes(text)[: MAX_LENGTH // 4 * 3]).decode()


def base64url_decode(text: str) -> str | None:
    """The text that a base64 string for addresses holds, with or without padding."""
    padding = "" if text.endswith("=") else "=" * (-len(text) % _GROUP)
    return base64_decode(text.translate(_TO_URL) + padding)


def hex_decode(text: str) -> str | None:
    """The text of a hexadecimal string; bytes that are not UTF-8 become U+FFFD."""
    try:
        return binascii.unhexlify(text).decode(errors="replace")
    except ValueError:
        return None


def hex_encode(text: str) -> str:
    """The text as UTF-8 in hexadecimal."""
    return _bytes(text)[: MAX_LENGTH // 2].hex()


def urlquery_decode(text: str) -> str | None:
    """The text of a part of a query in an address: `%20` and `+` are spaces."""
    return None if _BAD_ESCAPE.search(text) else unquote_plus(text)


def md5_hex(text: str) -> str:
    """The MD5 digest of the string, in hexadecimal."""
    return md5(_bytes(text), usedforsecurity=False).hexdigest()


def sha1_hex(text: str) -> str:
    """The SHA-1 digest of the string, in hexadecimal."""
    return sha1(_bytes(text), usedforsecurity=False).hexdigest()


def sha256_hex(text: str) -> str:
    """The SHA-256 digest of the string, in hexadecimal."""
    return sha256(_bytes(text)).hexdigest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
