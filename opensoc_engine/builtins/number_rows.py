"""Rows of builtins on numbers."""

from opensoc_engine import types as t
from opensoc_engine.builtin_functions import numbers
from opensoc_engine.builtins.rows import INTEGER, NUMBER, either, partial, row, total

_SUMS = (*either(total, INTEGER, INTEGER), *either(total, NUMBER, NUMBER))
_ROUND = (total(NUMBER, INTEGER),)
_BITS = (total(INTEGER, INTEGER, INTEGER),)
_SHIFT = (partial(INTEGER, INTEGER, INTEGER),)

ROWS = (
    row("sum", numbers.total, "sum([1, 2, 0.5])", "3.5", *_SUMS),
    row("product", numbers.product, "product([2, 3, 4])", "24", *_SUMS),
    row(
        "abs",
        numbers.magnitude,
        "abs(-2)",
        "2",
        total(INTEGER, INTEGER),
        total(NUMBER, NUMBER),
    ),
    row("round", numbers.round_half_up, "round(-2.5)", "-3", *_ROUND),
    row("ceil", numbers.ceiling, "ceil(2.1)", "3", *_ROUND),
    row("floor", numbers.floor, "floor(-2.1)", "-3", *_ROUND),
    row(
        "numbers.range",
        numbers.number_range,
        "numbers.range(3, 1)",
        "[3, 2, 1]",
        partial(INTEGER, INTEGER, t.Array(INTEGER)),
    ),
    row(
        "numbers.range_step",
        numbers.range_step,
        "numbers.range_step(0, 10, 4)",
        "[0, 4, 8]",
        partial(INTEGER, INTEGER, INTEGER, t.Array(INTEGER)),
    ),
    row("bits.and", numbers.bits_and, "bits.and(6, 3)", "2", *_BITS),
    row("bits.or", numbers.bits_or, "bits.or(6, 3)", "7", *_BITS),
    row("bits.xor", numbers.bits_xor, "bits.xor(6, 3)", "5", *_BITS),
    row("bits.lsh", numbers.shift_left, "bits.lsh(1, 4)", "16", *_SHIFT),
    row("bits.rsh", numbers.shift_right, "bits.rsh(18, 1)", "9", *_SHIFT),
)
