"""Why a rule fired or not, and what would change that: the parts of `explain`.

`world` knows where values stand in a document, `tracer` runs lines without stopping at
the first that fails, `lines` says what they saw, `remedies` and `aims` derive changes
from a line, and `search` puts changes together until a rule flips.
"""
