"""A mount namespace in which a server finds everything as it is, and can write in its own folder alone.

A customer who makes itself its server's owner, which a server of the distribution lets it, comes no further than that.
https://man7.org/linux/man-pages/man2/mount_setattr.2.html
"""

from __future__ import annotations

import ctypes
import os
import struct

_CLONE_NEWNS, _MS_BIND, _MS_PRIVATE = 0x0002_0000, 4_096, 1 << 18
_MOUNT_SETATTR = 442
"""On every architecture."""
_HERE, _RECURSIVE, _READ_ONLY = -100, 0x8000, 1


def keep_to(folder: str) -> bool:
    """Be this process's whole world but for reading; answers whether the kernel gives that. What is open stays as it was opened."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS) != 0:
        return False

    def set_attributes(path: str, how: int, *, on: int = 0, off: int = 0, spread: int = 0) -> bool:
        attributes = struct.pack("=QQQQ", on, off, spread, 0)
        return libc.syscall(_MOUNT_SETATTR, _HERE, os.fsencode(path), how, attributes, ctypes.c_size_t(len(attributes))) == 0

    if not set_attributes("/", _RECURSIVE, spread=_MS_PRIVATE):
        return False
    own = os.fsencode(folder)
    if libc.mount(own, own, None, ctypes.c_ulong(_MS_BIND), None) != 0 or not set_attributes("/", _RECURSIVE, on=_READ_ONLY):
        return False
    return set_attributes(folder, 0, off=_READ_ONLY)
