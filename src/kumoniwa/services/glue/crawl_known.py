"""What a crawler that looks at new folders only knows of those that it has looked at: what their files were then.

https://docs.aws.amazon.com/glue/latest/dg/incremental-crawls.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import msgspec

from kumoniwa.kernel.call import Call
from kumoniwa.services.glue.crawl_files import Listed
from kumoniwa.services.glue.crawl_layout import Stored
from kumoniwa.store.rows import Table

FOLDERS = Table(
    "glue_crawled", "create table if not exists glue_crawled (crawler text, folder text, body blob, primary key (crawler, folder)) without rowid"
)
AT_ONCE = 500


def forget(call: Call, crawler: str) -> None:
    call.rows(FOLDERS).run("delete from glue_crawled where crawler = ?", crawler)


def _folder(bucket: str, key: str) -> str:
    return f"{bucket}/{key.rpartition('/')[0]}"


class Known:
    def __init__(self, call: Call, crawler: str) -> None:
        self.call, self.crawler = call, crawler
        self.looked: dict[str, bool] = {}
        """Folders of this crawl, and whether they were known before."""
        self.new: dict[str, list[Stored]] = {}

    def of(self, bucket: str, listed: list[Listed]) -> Iterator[tuple[str, Stored]]:
        """The files of the known folders among these, told once."""
        for each in listed:
            folder = _folder(bucket, each.key)
            if folder in self.looked:
                continue
            sql = "select body from glue_crawled where crawler = ? and folder = ?"
            held = self.call.rows(FOLDERS).one(sql, self.crawler, folder)
            self.looked[folder] = held is not None
            for stored in msgspec.msgpack.decode(held[0], type=list[Stored]) if held is not None else ():
                yield each.key.rpartition("/")[0] + "/" * ("/" in each.key) + stored.name, stored

    def has(self, bucket: str, each: Listed) -> bool:
        return self.looked[_folder(bucket, each.key)]

    def add(self, bucket: str, key: str, stored: Stored) -> None:
        self.new.setdefault(_folder(bucket, key), []).append(stored)

    async def keep(self) -> None:
        """From now on the new ones are known."""
        rows = self.call.rows(FOLDERS)
        for number, (folder, files) in enumerate(self.new.items()):
            rows.run("insert or replace into glue_crawled values (?,?,?)", self.crawler, folder, msgspec.msgpack.encode(files))
            if number % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)
