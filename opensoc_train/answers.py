"""Text that a model wrote becomes a triage answer, or None if it says no one thing.

The answer is a JSON object with an `action`, alone or with words or a code fence around
it. Words without an object, an object that breaks off, a key said twice and two answers
that differ are all None: a model that hedges has not answered. Only the end of
a very long text is read, so the work is bounded.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from opensoc_env.models import MAX_TEXT, SubmitTriage

if TYPE_CHECKING:
    from collections.abc import Iterator

# A model that thinks aloud writes some thousand words before its answer.
MAX_ANSWER_TEXT = 65_536
# Objects tried in one text; a long thought may quote log lines that hold braces.
_MAX_OBJECTS = 64
# No answer nests; deeper text is not worth a parser's stack.
_MAX_OBJECT_TEXT = 8_192
_WRAPPER = "submit_triage"
# What stands before it is thought, which may weigh several answers.
_END_OF_THOUGHT = "</think>"
_FIELDS = ("action", "cited_log_id", "rationale")
_LIST = "cited_log_ids"


def parse_answer(text: str) -> SubmitTriage | None:
    """The one answer in a text.

    >>> parse_answer('Sure: {"action": "monitor", "cited_log_id": "L1-2"}').action
    'monitor'
    >>> parse_answer("I would monitor this host.") is None
    True
    """
    spoken = text[-MAX_ANSWER_TEXT:].rpartition(_END_OF_THOUGHT)[2]
    found = [_read_answer(item) for item in _objects(spoken)]
    answers = [answer for answer in found if answer is not None]
    verdicts = {(answer.action, *answer.cited_log_ids) for answer in answers}
    return answers[-1] if len(verdicts) == 1 else None


def render_answer(answer: SubmitTriage) -> str:
    """An answer as one line of JSON that `parse_answer` reads back.

    The reason comes first and the action last: a model writes from left to right, and
    so decides after it has said why.
    """
    words = {
        "rationale": answer.rationale,
        "cited_log_ids": answer.cited_log_ids,
        "action": answer.action,
    }
    return json.dumps(words)


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects in a text, outermost only, left to right."""
    decoder = json.JSONDecoder(object_pairs_hook=_unique)
    begin = text.find("{")
    for _ in range(_MAX_OBJECTS):
        if begin < 0:
            return
        window = text[begin : begin + _MAX_OBJECT_TEXT]
        try:
            value, length = decoder.raw_decode(window)
        except (ValueError, RecursionError):
            length = 1
        else:
            yield value
        begin = text.find("{", begin + length)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; one with a key said twice is no object."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is said twice")
    return found


def _read_answer(words: dict[str, Any]) -> SubmitTriage | None:
    """An answer from an object. Other keys may stand beside those of an answer."""
    inner = words.get(_WRAPPER)
    words = inner if isinstance(inner, dict) else words
    fields = {key: words[key] for key in _FIELDS if words.get(key) is not None}
    cited = words.get(_LIST) or []
    if not isinstance(cited, list) or not _are_texts([*fields.values(), *cited]):
        return None
    fields = {key: value.strip() for key, value in fields.items()}
    fields[_LIST] = [log_id.strip() for log_id in cited if log_id.strip()]
    fields["action"] = fields.get("action", "").lower()
    fields["rationale"] = fields.get("rationale", "")[:MAX_TEXT]
    try:
        return SubmitTriage.model_validate(fields)
    except ValidationError:
        return None


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)
