"""Policies from the words of other engines."""
