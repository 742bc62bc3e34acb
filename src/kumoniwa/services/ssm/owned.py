"""AWS's own documents: those Automation documents that are run most to make things right, and the Command document that runs a script, each
in one version that belongs to Amazon.

They are read from the file beside this one. https://docs.aws.amazon.com/systems-manager-automation-runbooks/latest/userguide/
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

OWNER = "Amazon"
PREFIXES = ("aws-", "awsconfigremediation-", "awssupport-")
"""With these begin the names of AWS's documents, and of nobody else's."""


@cache
def _bodies() -> dict[str, dict[str, Any]]:
    return yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())


@cache
def documents() -> dict[str, str]:
    """The content of each, by its name."""
    return {name: yaml.safe_dump(body, sort_keys=False) for name, body in _bodies().items()}


def schema_of(name: str) -> str:
    return _bodies()[name]["schemaVersion"]


def is_owned(name: str) -> bool:
    return name.lower().startswith(PREFIXES)
