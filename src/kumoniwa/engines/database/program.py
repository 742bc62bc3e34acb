"""Programs of databases, each run in a process of its own."""

from __future__ import annotations

import hmac
import os
import subprocess
import sys
from functools import cache

from kumoniwa.engines.child import child

ADMINISTRATOR = "rdsadmin"
"""The owner of a server, as whom no customer comes in.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Roles.html"""


class ServerFailed(Exception):
    """The text is what the server, or the program that makes one, said last."""


def administrator_password(seal: bytes) -> str:
    """That of the owner of every server in a cloud: it lies nowhere, but follows from the seal."""
    return hmac.digest(seal, b"rdsadmin", "sha256").hex()


@cache
def can_run() -> bool:
    """Whether a server that refuses to be root's can run: anybody's but root's can; for root a process tries."""
    return os.getuid() != 0 or subprocess.run([sys.executable, "-I", "-c", begin(f"{__package__}.keeper", "probe")], check=False).returncode == 0


async def run(*command: str, env: dict[str, str] | None = None, said: bytes = b"") -> bytes:
    """What a program printed that ran in a process of its own. Raises ServerFailed with its last words."""
    async with child(*command, env=env) as process:
        out, err = await process.communicate(said)
    if process.returncode:
        raise ServerFailed((err or out).decode("utf-8", "replace").strip()[-1_000:])
    return out


def isolated(*command: str) -> list[str]:
    """The same command in the namespaces in which servers run."""
    return [sys.executable, "-I", "-X", "utf8", "-c", begin(f"{__package__}.keeper", "alone"), *command]


def begin(module: str, entry: str) -> str:
    """The program of a Python that is isolated, and yet finds the package that this is."""
    here = __file__.rsplit(os.sep, 4)[0]
    return f"import sys; {here!r} in sys.path or sys.path.insert(0, {here!r}); from {module} import {entry}; {entry}()"
