"""Rows of builtins on addresses and networks."""

from opensoc_engine import types as t
from opensoc_engine.builtin_functions import networks
from opensoc_engine.builtins.rows import BOOLEAN, row, total

ROWS = (
    row(
        "net.cidr_contains",
        networks.cidr_contains,
        'net.cidr_contains("10.0.0.0/8", "10.1.2.3")',
        "true",
        total(t.Network(), t.Address(), BOOLEAN),
        total(t.Network(), t.Network(), BOOLEAN),
    ),
    row(
        "net.cidr_intersects",
        networks.cidr_intersects,
        'net.cidr_intersects("10.0.0.0/8", "10.1.0.0/16")',
        "true",
        total(t.Network(), t.Network(), BOOLEAN),
    ),
)
