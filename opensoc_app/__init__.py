"""The before/after app: incidents, two defenders side by side, and why one was right."""
