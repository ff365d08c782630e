"""The verifier rules, written by hand."""
