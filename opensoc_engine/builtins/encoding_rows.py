"""Rows of builtins on encodings and digests."""

from opensoc_engine.builtin_functions import encoding
from opensoc_engine.builtins.rows import CHANGE, IS, TEXT, partial, row, total

_DECODE = (partial(TEXT, TEXT),)

ROWS = (
    row(
        "base64.decode",
        encoding.base64_decode,
        'base64.decode("Y21k")',
        '"cmd"',
        *_DECODE,
    ),
    row(
        "base64.is_valid",
        encoding.base64_is_valid,
        'base64.is_valid("Y21")',
        "false",
        *IS,
    ),
    row(
        "base64.encode",
        encoding.base64_encode,
        'base64.encode("a")',
        '"YQ=="',
        *CHANGE,
    ),
    row(
        "base64url.decode",
        encoding.base64url_decode,
        'base64url.decode("fj8")',
        '"~?"',
        *_DECODE,
    ),
    row("hex.decode", encoding.hex_decode, 'hex.decode("636D64")', '"cmd"', *_DECODE),
    row("hex.encode", encoding.hex_encode, 'hex.encode("cmd")', '"636d64"', *CHANGE),
    row(
        "urlquery.decode",
        encoding.urlquery_decode,
        'urlquery.decode("a%20b+c")',
        '"a b c"',
        *_DECODE,
    ),
    row(
        "crypto.md5",
        encoding.md5_hex,
        'substring(crypto.md5("abc"), 0, 8)',
        '"90015098"',
        *CHANGE,
    ),
    row(
        "crypto.sha1",
        encoding.sha1_hex,
        'substring(crypto.sha1("abc"), 0, 8)',
        '"a9993e36"',
        *CHANGE,
    ),
    row(
        "crypto.sha256",
        encoding.sha256_hex,
        'substring(crypto.sha256("abc"), 0, 8)',
        '"ba7816bf"',
        total(TEXT, TEXT),
    ),
)
