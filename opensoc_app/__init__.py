"""The before/after app: incidents, two defenders side by side, and who was right."""
