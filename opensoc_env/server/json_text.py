"""JSON from outside is looked at before anything parses it: depth, and its text.

Parsers recurse, and a lone surrogate is legal JSON that no answer can repeat. Both are
refused here, in linear time, for every route and every frame.
"""

from __future__ import annotations

import json
import re

MAX_DEPTH = 32
# A string, closed or not. Possessive, so that no text is gone through twice.
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
# How a surrogate is written; a pair of them is a character and fine.
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def fault_of(text: bytes) -> str | None:
    """Why JSON can't be taken, if it can't; whether it is JSON is not asked."""
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        return f"it is nested deeper than {MAX_DEPTH} levels"
    if _SURROGATE.search(text) and not _is_writable(text):
        return "it holds half a character, expected no lone surrogates"
    return None


def _depth(text: bytes) -> int:
    """How deep brackets nest outside of strings."""
    deepest = depth = 0
    for byte in _STRING.sub(b"", text):
        depth += _STEP.get(byte, 0)
        deepest = max(deepest, depth)
    return deepest


def _is_writable(text: bytes) -> bool:
    """True if what the text says can be said in UTF-8, or if it is no JSON."""
    try:
        json.dumps(json.loads(text), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    except ValueError:
        return True
    return True
