"""What happens in its own time: builds run."""

from __future__ import annotations

from typing import Any

from kumoniwa.services.codebuild import running


async def run(region: Any) -> None:
    await running.run(region)
