"""What an editor asks about rule files: texts and positions in, plain answers out.

Nothing here knows an editor's protocol. Half-written files are the rule: what can be
read of them is used, and what can't is left out.
"""
