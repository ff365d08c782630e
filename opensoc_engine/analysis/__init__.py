"""Names, types and trust of parsed policies."""
