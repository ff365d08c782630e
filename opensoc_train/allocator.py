"""The C library's allocator is told to keep memory that the trainer frees.

Training on a CPU frees and asks again for buffers of many megabytes in every step. By
default glibc gives each back to the system, and the system must then clear it anew.
Keeping it made late steps of a base model nearly twice as fast here.
"""

from __future__ import annotations

import ctypes
import sys

# Numbers of glibc's <malloc.h>.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_NEVER = 2**31 - 1
_PAD = 1 << 30


def keep_freed_memory() -> bool:
    """Keep freed memory in this process; False where there is no glibc."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    wanted = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, _NEVER), (_TOP_PAD, _PAD))
    done = [mallopt(option, value) for option, value in wanted]
    return all(done)
