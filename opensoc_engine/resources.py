"""Where the rules and the schemas are: in the checkout, or inside the wheel.

And how any file is read: never more of it than a policy may have.
"""

from __future__ import annotations

import os
import stat
from errno import EFBIG, EINVAL
from functools import cache
from pathlib import Path

from opensoc_engine.errors import InternalError
from opensoc_engine.source import MAX_BYTES

_PACKAGE = Path(__file__).parent
# A named pipe would otherwise be waited for.
_AT_ONCE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


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


def read_bounded(path: Path) -> bytes:
    """The content of a plain file of at most a megabyte; nothing is waited for.

    Raises:
        OSError: It can't be read, is no plain file, or is larger (`EFBIG`).
    """
    with os.fdopen(os.open(path, os.O_RDONLY | _AT_ONCE), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(EINVAL, "not a plain file", str(path))
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise OSError(EFBIG, f"larger than {MAX_BYTES} bytes", str(path))
    return content
