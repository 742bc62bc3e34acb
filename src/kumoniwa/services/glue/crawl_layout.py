"""Which tables there are in a tree of folders, and which folders are partitions of them.

"When the majority of schemas at a folder level are similar, the crawler creates partitions of a table instead of separate tables": files of one
format and compression, whose schemas are more than 70 % alike, and of no more than five kinds.
https://docs.aws.amazon.com/glue/latest/dg/crawler-s3-folder-table-partition.html, https://repost.aws/knowledge-center/glue-crawler-detect-schema.
That the majority is to be as large as the likeness, that folders all lie equally deep, and that files beside folders are tables of their own, are
our rules.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from kumoniwa.engines.classify_text import Seen
from kumoniwa.languages import glue_schema
from kumoniwa.languages.glue_schema import SIMILAR, Columns

KINDS_MAX = 5


class Stored(NamedTuple):
    """A file."""

    name: str
    size: int
    seen: Seen


@dataclass
class Folder:
    folders: dict[str, Folder] = field(default_factory=dict)
    files: list[Stored] = field(default_factory=list)

    def at(self, names: list[str]) -> Folder:
        """A folder below, which is made if it is not there."""
        found = self
        for name in names:
            found = found.folders.setdefault(name, Folder())
        return found


class Amount(NamedTuple):
    """What is in files, as the parameters of tables and partitions tell it."""

    objects: int
    bytes: int
    records: int


class Part(NamedTuple):
    values: list[str]
    path: list[str]
    seen: Seen
    amount: Amount


class Found(NamedTuple):
    """A table, whose place is a folder or a file."""

    path: list[str]
    """The bucket first."""
    is_file: bool
    keys: list[str]
    seen: Seen
    amount: Amount
    parts: list[Part]


class Rules(NamedTuple):
    combines: bool = False
    """Schemas need not be alike: the policy CombineCompatibleSchemas."""
    level: int | None = None
    """At which level tables lie; the bucket's is 1."""


def tables(folder: Folder, path: list[str], rules: Rules) -> list[Found]:
    if rules.level is not None and len(path) < rules.level and folder.folders:
        return [*_each_file(folder, path), *_below(folder, path, rules)]
    whole = _as_one(folder, path, rules._replace(combines=True) if rules.level is not None else rules)
    return [whole] if whole is not None else [*_each_file(folder, path), *_below(folder, path, rules)]


def _each_file(folder: Folder, path: list[str]) -> list[Found]:
    return [of_file(each, [*path, each.name]) for each in folder.files]


def of_file(stored: Stored, path: list[str]) -> Found:
    """A table of its own."""
    return Found(path, True, [], stored.seen, _amount([stored]), [])


def _below(folder: Folder, path: list[str], rules: Rules) -> list[Found]:
    return [found for name, each in sorted(folder.folders.items()) for found in tables(each, [*path, name], rules)]


def _amount(files: list[Stored]) -> Amount:
    return Amount(len(files), sum(each.size for each in files), sum(each.seen.records for each in files))


def _as_one(folder: Folder, path: list[str], rules: Rules) -> Found | None:
    """The folder as one table, if it is one."""
    leaves = list(_leaves(folder, []))
    depth = len(leaves[0][0]) if leaves else 0
    if not leaves or any(each is None or len(names) != depth for names, each in leaves):
        return None
    parts = []
    for names, each in leaves:
        seen = together([file.seen for file in each.files], rules.combines)  # type: ignore[union-attr]
        if seen is None:
            return None
        parts.append((names, seen, _amount(each.files)))  # type: ignore[union-attr]
    seen = together([each for _, each, _ in parts], rules.combines)
    if seen is None:
        return None
    total = Amount(*(sum(each[place] for _, _, each in parts) for place in range(3)))
    keys = [_key([names[place] for names, _, _ in parts], place) for place in range(depth)]
    told = [Part([_value(name, key) for name, key in zip(names, keys)], [*path, *names], each, amount) for names, each, amount in parts]
    return Found(path, False, [key for key, _ in keys], seen, total, told if depth else [])


def _leaves(folder: Folder, names: list[str]) -> list[tuple[list[str], Folder | None]]:
    """The folders that have files, and None for one that has folders, too."""
    if folder.files and folder.folders:
        return [(names, None)]
    if folder.files:
        return [(names, folder)]
    return [found for name, each in sorted(folder.folders.items()) for found in _leaves(each, [*names, name])]


def _key(names: list[str], place: int) -> tuple[str, bool]:
    """How a level is called, and whether its folders say so themselves: ``year=2026``."""
    told = {name.partition("=")[0] for name in names if "=" in name}
    is_told = len(told) == 1 and all("=" in name for name in names) and told != {""}
    return (told.pop().lower() if is_told else f"partition_{place}"), is_told


def _value(name: str, key: tuple[str, bool]) -> str:
    return name.partition("=")[2] if key[1] else name


# Schemas -------------------------------------------------------------------------------------------


def _form(seen: Seen) -> tuple[str, ...]:
    of_serde = [f"{name}={value}" for name, value in sorted(seen.serde_parameters.items()) if name != "paths"]
    return seen.classification, seen.compression, seen.serde, *of_serde


def together(all_seen: list[Seen], combines: bool) -> Seen | None:
    """What all of them are; None if they are not alike."""
    if len({_form(each) for each in all_seen}) > 1 or not (combines or _are_alike([each.columns for each in all_seen])):
        return None
    first = all_seen[0]
    columns = first.columns
    for each in all_seen[1:]:
        if each.columns != columns:
            columns = glue_schema.united(columns, each.columns)
    paths = sorted({path for each in all_seen for path in each.serde_parameters.get("paths", "").split(",") if path})
    serde = {**first.serde_parameters, "paths": ",".join(paths)} if paths else first.serde_parameters
    records = sum(each.records for each in all_seen)
    size = sum(each.records * each.record_bytes for each in all_seen) // max(records, 1)
    return Seen(first.classification, columns, first.serde, serde, first.parameters, first.compression, records, size)


def _are_alike(schemas: list[Columns]) -> bool:
    kinds: list[tuple[Columns, int]] = []
    for schema in schemas:
        for place, (columns, count) in enumerate(kinds):
            if glue_schema.are_similar(columns, schema):
                kinds[place] = columns, count + 1
                break
        else:
            kinds.append((schema, 1))
            if len(kinds) > KINDS_MAX:
                return False
    return max(count for _, count in kinds) > SIMILAR * len(schemas)
