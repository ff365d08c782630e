"""What builtins do, by family: plain functions of plain values; None is no value."""
