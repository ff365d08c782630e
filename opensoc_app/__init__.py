"""The before/after app."""
