"""Plain values that can't be changed: what results share with their policy set."""

from __future__ import annotations

from typing import Any, NoReturn


class FrozenDict(dict[str, Any]):
    """A dictionary that can't be changed; it reads, compares, prints and dumps as one.

    >>> FrozenDict({"a": 1})["a"]
    1
    >>> FrozenDict({"a": 1})["b"] = 2
    Traceback (most recent call last):
    TypeError: this dictionary is shared and can't be changed; copy it with `dict()`
    """

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError(
            "this dictionary is shared and can't be changed; copy it with `dict()`"
        )

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[type[FrozenDict], tuple[dict[str, Any]]]:
        return FrozenDict, (dict(self),)


def freeze(value: Any) -> Any:
    """The value with tuples for lists and frozen dictionaries for dictionaries."""
    if isinstance(value, dict):
        return FrozenDict({key: freeze(part) for key, part in value.items()})
    if isinstance(value, list | tuple):
        return tuple(freeze(part) for part in value)
    return value
