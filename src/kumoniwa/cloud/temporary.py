"""Folders of clouds whose state goes with their process: a module of its own, for a cloud that keeps its state starts without it."""

from __future__ import annotations

import os
import shutil
import tempfile


def made() -> str:
    """A folder for this process's cloud; those of clouds that were killed are removed meanwhile."""
    _sweep()
    return tempfile.mkdtemp(prefix=f"kumoniwa-{os.getpid()}-")


def removed(path: str) -> None:
    shutil.rmtree(path, ignore_errors=True)


def _sweep() -> None:
    for name in os.listdir(tempfile.gettempdir()):
        parts = name.split("-")
        if len(parts) == 3 and parts[0] == "kumoniwa" and parts[1].isdigit() and not os.path.exists(f"/proc/{parts[1]}"):
            removed(os.path.join(tempfile.gettempdir(), name))
