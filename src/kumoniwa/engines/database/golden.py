"""The data folder that every server of an engine begins as in a cloud: made once, which takes a second of work or more, and copied."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile


class Golden:
    """One region's. ``folder`` is where it may lie."""

    def __init__(self, folder: str, seal: bytes) -> None:
        self.folder, self.seal = folder, seal
        self.making: asyncio.Future | None = None

    @property
    def path(self) -> str:
        """Where it lies. Another version of the package, or another seal, begins anew under another name."""
        raise NotImplementedError

    async def fill(self, data: str, scratch: str) -> None:
        """Make ``data``, beside which there is room in ``scratch``. Raises ServerFailed."""
        raise NotImplementedError

    async def copy(self, target: str) -> None:
        """Make ``target`` such a folder. Raises ServerFailed."""
        await self.made()
        await asyncio.to_thread(shutil.copytree, self.path, target)
        os.chmod(target, 0o700)

    async def made(self) -> None:
        if os.path.exists(self.path):
            return
        if self.making is None or self.making.done():
            self.making = asyncio.ensure_future(self._make())
        await asyncio.shield(self.making)

    async def close(self) -> None:
        """End the making, if it is under way: it would outlive its region."""
        if self.making is not None:
            self.making.cancel()
            await asyncio.gather(self.making, return_exceptions=True)

    async def _make(self) -> None:
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        scratch = tempfile.mkdtemp(prefix="making-", dir=self.folder)
        data = os.path.join(scratch, "data")
        try:
            await self.fill(data, scratch)
            try:
                os.rename(data, self.path)
            except OSError:
                if not os.path.exists(self.path):  # else somebody was faster
                    raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
