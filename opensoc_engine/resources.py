"""Where the rules and the schemas are: in the checkout, or inside the wheel."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from opensoc_engine.errors import InternalError

_PACKAGE = Path(__file__).parent


@cache
def data_root() -> Path:
    """The folder that holds `rules/` and `schemas/`.

    Raises:
        InternalError: The installation lacks them.
    """
    for folder in (_PACKAGE.parent, _PACKAGE / "package_data"):
        if (folder / "schemas" / "event.schema.json").is_file():
            return folder
    raise InternalError("the installation has no `schemas` folder: install it again")
