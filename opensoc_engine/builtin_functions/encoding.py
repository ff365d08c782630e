"""Builtins that decode and digest text, as UTF-8."""

from __future__ import annotations

import binascii
from hashlib import sha256

_GROUP = 4


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


def sha256_hex(text: str) -> str:
    """The SHA-256 digest of the string, in hexadecimal."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
