"""The shell in which a build's commands run, one after the other: what a command exports, and where it goes, the next one finds.

It is this machine's bash in a session of its own. Everything it started ends with it, and it ends with the region: a watcher in the
session waits at a pipe that only the region holds.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

from kumoniwa.engines.child import ended
from kumoniwa.kernel.clock import outside

LINE_CHARS_MAX = 200_000


class Shell:
    def __init__(self, child: asyncio.subprocess.Process, life: int, scratch: str) -> None:
        self.child, self.life, self.scratch = child, life, scratch
        self.mark = secrets.token_hex(16)
        self.buffer = b""
        self.count = 0
        self.is_closed = False

    @classmethod
    async def open(cls, folder: str, variables: dict[str, str], scratch: str) -> Shell:
        """``scratch`` is a folder that the build does not look into."""
        watched, life = os.pipe()
        pipe = asyncio.subprocess.PIPE
        try:
            child = await asyncio.create_subprocess_exec(
                "bash", "--noprofile", "--norc", cwd=folder, env=variables, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT,
                start_new_session=True, pass_fds=(watched,),
            )  # fmt: skip
        except BaseException:
            os.close(life)
            raise
        finally:
            os.close(watched)
        shell = cls(child, life, scratch)
        shell._write(f"(read -r _ <&{watched}; kill -KILL 0) >/dev/null 2>&1 &\nexec {watched}<&-\n")
        return shell

    def _write(self, text: str) -> None:
        self.child.stdin.write(text.encode())  # type: ignore[union-attr]

    @property
    def is_open(self) -> bool:
        return self.child.returncode is None

    async def run(self, command: str, say: Callable[[str], None]) -> int:
        """The exit status of a command; each line that it prints is said. One that exits ends the shell."""
        self.count += 1
        file = os.path.join(self.scratch, f"command-{self.mark}-{self.count}")
        Path(file).write_text(command + "\n")
        with outside():
            self._write(f". {file} </dev/null; printf '\\n%s %s\\n' {self.mark} \"$?\"\n")
            with contextlib.suppress(ConnectionError):
                await self.child.stdin.drain()  # type: ignore[union-attr]
            return await self._heard(say)

    async def _heard(self, say: Callable[[str], None]) -> int:
        is_blank_held = False
        while True:
            line = await self._line()
            if line is None:
                return await self.child.wait()
            if line.startswith(self.mark):
                return int(line.split()[1])
            if is_blank_held:
                say("")
            is_blank_held = line == ""  # The mark begins on a line of its own, after an empty one that is ours.
            if line:
                say(line)

    async def _line(self) -> str | None:
        while b"\n" not in self.buffer and len(self.buffer) < LINE_CHARS_MAX:
            piece = await self.child.stdout.read(1 << 16)  # type: ignore[union-attr]
            if not piece:
                rest, self.buffer = self.buffer, b""
                return rest.decode("utf-8", "replace") if rest else None
            self.buffer += piece
        line, _, self.buffer = self.buffer.partition(b"\n") if b"\n" in self.buffer else (self.buffer, b"", b"")
        return line.decode("utf-8", "replace").rstrip("\r")

    async def value(self, name: str) -> str | None:
        """What a variable holds now; None if it is not set."""
        file = os.path.join(self.scratch, f"value-{self.mark}")
        Path(file).write_text("")
        await self.run(f'[ -z "${{{name}+x}}" ] || printf "=%s" "${{{name}}}" > {file}', lambda line: None)
        held = Path(file).read_text(errors="replace")
        return held[1:] if held else None

    async def close(self) -> None:
        """End it with everything that it started. Once: the number of a closed pipe may be somebody else's by the second time."""
        if self.is_closed:
            return
        self.is_closed = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        os.close(self.life)
        await ended(self.child)


def scratch() -> tempfile.TemporaryDirectory:
    """A folder for one build, gone with it."""
    return tempfile.TemporaryDirectory(prefix="kumoniwa-build-", ignore_cleanup_errors=True)
