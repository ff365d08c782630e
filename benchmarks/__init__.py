"""What the engine is measured against: hand-written rules, and other rule engines."""
