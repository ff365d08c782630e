"""A builtin that is true or false of a text becomes texts that turn it around."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from opensoc_engine.explanation.aims import aims, different, written
from opensoc_engine.explanation.samples import ADDRESSES, OTHER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_engine import ir
    from opensoc_engine.explanation.aims import Edits
    from opensoc_engine.explanation.world import Frame

_TRIED = 8


def turn_builtin(
    frame: Frame, name: str, arguments: tuple[ir.Expression, ...], *, to: bool
) -> Iterator[Edits]:
    """Changes after which a builtin may be true, or false."""
    values = [frame.value(argument) for argument in arguments]
    match name, values:
        case "net.cidr_contains", [network, address]:
            for other in _addresses(network, to=to):
                yield from aims(frame, arguments[1], other)
            if to:
                yield from aims(frame, arguments[0], str(ip_network(address)))
        case "glob.match", [pattern, _, _]:
            text = pattern.replace("*", "") if to else OTHER
            yield from aims(frame, arguments[2], text)
        case "regex.match", [pattern, _]:
            yield from aims(frame, arguments[1], pattern if to else "")
        case _, [str(), part]:
            for inner, node in written(frame, arguments[0]):
                for other in _texts(name, inner.value(node), part, to=to):
                    yield from aims(inner, node, other)
        case _:
            for argument in arguments:
                yield from different(frame, argument)


def _addresses(network: str, *, to: bool) -> Iterator[str]:
    """Addresses inside a network, or outside of it."""
    known = ip_network(network, strict=False)
    if to:
        yield str(known[1] if known.num_addresses > 1 else known[0])
    else:
        yield from (text for text in ADDRESSES if ip_address(text) not in known)


def _texts(name: str, text: str, part: Any, *, to: bool) -> Iterator[str]:
    """Texts that hold a part where the builtin looks for it, or do not."""
    parts = [part] if isinstance(part, str) else sorted(part)[:_TRIED]
    for wanted in parts:
        if not to:
            rest = re.sub(re.escape(wanted), "", text, flags=re.IGNORECASE)
            yield " ".join(rest.split()) if wanted else text
        elif name in ("startswith", "strings.any_prefix_match"):
            yield wanted + text
        elif name in ("endswith", "strings.any_suffix_match"):
            yield text + wanted
        else:
            yield f"{text} {wanted}" if text else wanted
    if not to:
        yield OTHER
