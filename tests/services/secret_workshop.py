"""What tests of secrets and parameters share."""

from __future__ import annotations

from pathlib import Path


def is_on_disk(cloud, text: str) -> bool:
    """Whether anything this cloud has written holds these words."""
    return any(text.encode() in file.read_bytes() for file in Path(cloud.folder).rglob("*") if file.is_file())
