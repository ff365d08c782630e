"""rego-cpp in a process of its own, which answers lines of JSON.

It keeps megabytes of every question for good, so that only the end of its process
frees them.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import regopy


class Child:
    """One interpreter; each method is a line that can be sent."""

    def __init__(self) -> None:
        self.new()

    def new(self) -> None:
        """An interpreter without modules."""
        self._engine = regopy.Interpreter()
        self._modules = 0

    def module(self, text: str) -> None:
        """Read a module."""
        self._modules += 1
        self._engine.add_module(f"module_{self._modules}", text)

    def data(self, text: str) -> None:
        """Read the data of modules."""
        self._engine.add_data_json(text)

    def ask(self, rule: str, document: str) -> Any:
        """The value of a rule, or None if it is undefined."""
        self._engine.set_input_term(document)
        # Asked alone, `false` would come out as undefined.
        answer = str(self._engine.query(f"answer = data.{rule}"))
        if answer == "undefined":
            return None
        return json.loads(answer)["bindings"]["answer"]


def main() -> None:
    """Answer each line of the input: the name of a method, and its arguments."""
    child = Child()
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(getattr(child, name)(*arguments)), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
