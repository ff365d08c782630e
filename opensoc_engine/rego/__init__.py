"""The text of rule bodies: grammar, tree, parser and printer."""
