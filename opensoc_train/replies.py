"""What answers alerts, whatever it is, gives replies: its words and what they say.

A built-in defender, a model on this machine, one behind an endpoint and a file of saved
answers all look the same from here on, so one evaluation serves them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from opensoc_train.answers import parse_answer, render_answer
from opensoc_train.prompts import ChatMessage, render_prompt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opensoc_env.defenders import Defender, TriageItem
    from opensoc_env.models import SubmitTriage


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer.

    Attributes:
        text: The words as they came.
        answer: What they say; None if they can't be read.
    """

    text: str
    answer: SubmitTriage | None


class Replier(Protocol):
    """Gives a reply to each alert, in order."""

    @property
    def name(self) -> str:
        """How score tables call it."""

    def reply(self, items: Sequence[TriageItem]) -> list[Reply]:
        """One reply for each item."""


class TextModel(Protocol):
    """Writes a completion for each chat, in order."""

    @property
    def name(self) -> str:
        """How score tables call it."""

    def complete(self, chats: Sequence[Sequence[ChatMessage]]) -> list[str]:
        """One completion for each chat."""


@dataclass(frozen=True, slots=True)
class ModelDefender:
    """A language model as a defender: it is prompted, and its words are parsed."""

    model: TextModel

    @property
    def name(self) -> str:
        """How score tables call it."""
        return self.model.name

    def reply(self, items: Sequence[TriageItem]) -> list[Reply]:
        """The model's reply to each alert."""
        texts = self.model.complete([render_prompt(i.observation) for i in items])
        return [Reply(text, parse_answer(text)) for text in texts]

    def answer(self, items: Sequence[TriageItem]) -> list[SubmitTriage | None]:
        """What the replies say."""
        return [reply.answer for reply in self.reply(items)]


@dataclass(frozen=True, slots=True)
class SpokenDefender:
    """A defender without words, such as a baseline; its words are its answer."""

    defender: Defender

    @property
    def name(self) -> str:
        """How score tables call it."""
        return self.defender.name

    def reply(self, items: Sequence[TriageItem]) -> list[Reply]:
        """The defender's answer to each alert."""
        return [_spoken(answer) for answer in self.defender.answer(items)]


@dataclass(frozen=True, slots=True)
class SavedReplies:
    """Replies kept from an earlier run, by the id of their alert; no reply is empty."""

    name: str
    texts: Mapping[str, str]

    def reply(self, items: Sequence[TriageItem]) -> list[Reply]:
        """The saved reply to each alert."""
        texts = [self.texts.get(item.observation.episode_id, "") for item in items]
        return [Reply(text, parse_answer(text)) for text in texts]


def _spoken(answer: SubmitTriage | None) -> Reply:
    return Reply("" if answer is None else render_answer(answer), answer)
