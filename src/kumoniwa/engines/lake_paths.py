"""Folders of partitions, as Hive spells them: ``year=2023/month=12/``."""

from __future__ import annotations

import re

NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_ODD = re.compile(r'[\x00-\x1f"#%\'*/:=?\\\x7f{\[\]^]')


def value_of(value: str | None) -> str:
    """The text that the catalogue keeps of a value."""
    return value or NO_VALUE


def folder_of(names: list[str], values: list[str | None]) -> str:
    """What a path may not hold is spelled by its number."""
    return "".join(f"{name}={_ODD.sub(lambda each: f'%{ord(each[0]):02X}', value_of(value))}/" for name, value in zip(names, values))
