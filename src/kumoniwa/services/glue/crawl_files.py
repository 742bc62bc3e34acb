"""The files that a crawler looks at: what lies in S3 below its targets, read in its role's name, and what each of them is.

Files without content and markers of folders are nothing; exclusions are patterns of paths relative to the target.
https://docs.aws.amazon.com/glue/latest/dg/define-crawler-choose-data-sources.html#crawler-source-type
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

from kumoniwa.engines import classifying, columnar, worker
from kumoniwa.engines.classify_text import Seen
from kumoniwa.gate.names import region_of_bucket
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.languages import backtracking
from kumoniwa.services.glue.crawl_layout import Stored
from kumoniwa.wire.message import whole

HEAD_BYTES, HEAD_BYTES_MAX, TAIL_BYTES = 1 << 20, 10 << 20, 256 << 10
BYTES_AT_ONCE, READS_AT_ONCE, DEPTH_MAX = 32 << 20, 16, 100


class CrawlFailed(Exception):
    """The text says why."""


class Target(NamedTuple):
    bucket: str
    prefix: str
    """Empty, or with a slash at its end, or the key of a file."""
    exclusions: list[str]
    sample: int | None
    """So many files of each folder are looked at."""

    @property
    def path(self) -> list[str]:
        return [self.bucket, *(name for name in self.prefix.split("/") if name)]

    def folders(self, key: str) -> list[str]:
        """Those in which a file lies below the target. Raises CrawlFailed."""
        found = key.removeprefix(self.begin).split("/")[:-1]
        if len(found) > DEPTH_MAX:
            raise CrawlFailed(f"s3://{self.bucket}/{key} lies too deep.")  # our words, and our limit
        return found

    @property
    def begin(self) -> str:
        return self.prefix if self.prefix.endswith("/") or not self.prefix else self.prefix + "/"


def target(said: dict[str, Any]) -> Target:
    bucket, _, prefix = said["Path"].removeprefix("s3://").partition("/")
    return Target(bucket, prefix, said.get("Exclusions") or [], said.get("SampleSize"))


class Listed(NamedTuple):
    key: str
    size: int


def _matcher(pattern: str) -> Callable[[str], bool]:
    """A pattern as Java's paths have it: ``**`` stands for folders, too. Raises CrawlFailed."""
    made, depth = [], 0
    for found in re.finditer(r"\\(.)|(\*\*)|(\*)|(\?)|\[(!?)([^\]/]+)\]|(.)", pattern, re.DOTALL):
        escaped, both, star, mark, negation, inner, plain = found.groups()
        if both or star or mark:
            made.append(".*" if both else "[^/]*" if star else "[^/]")
        elif inner:
            kept = inner.replace("\\", "\\\\").replace("[", "\\[").replace("^", "\\^")
            made.append(f"[{'^' if negation else ''}{kept}]")
        elif plain in ("{", "}") or (plain == "," and depth):
            depth += {"{": 1, "}": -1, ",": 0}[plain]
            made.append({"{": "(?:", "}": ")", ",": "|"}[plain])
        else:
            made.append(re.escape(escaped or plain))
    try:
        compiled = backtracking.compiled("".join(made))
    except backtracking.InvalidPattern:
        raise CrawlFailed(f"The exclude pattern {pattern} is not valid.") from None

    def matches(path: str) -> bool:
        try:
            return compiled.is_whole(path)
        except backtracking.TooMuchWork:
            raise CrawlFailed(f"The exclude pattern {pattern} takes too long.") from None

    return matches


class Reader:
    """``role`` is a call as the crawler's role."""

    def __init__(self, role: Call, where: Target, custom: list[dict[str, Any]]) -> None:
        self.role, self.where, self.custom = role, where, custom
        self.region = region_of_bucket(role.home, where.bucket)

    async def _ask(self, operation: str, **params: Any) -> dict[str, Any]:
        try:
            return await self.role.ask(f"s3:{operation}", to_region=self.region, Bucket=self.where.bucket, **params)
        except AwsError as error:
            # Our words, around those of S3.
            raise CrawlFailed(f"{operation} of s3://{self.where.bucket}/{params.get('Key', self.where.prefix)} failed: {error.text}") from None

    async def listed(self) -> AsyncIterator[list[Listed]]:
        """Page by page."""
        excluded = [_matcher(each) for each in self.where.exclusions]
        prefix, begin, token, in_folder = self.where.prefix, self.where.begin, {}, {}
        while True:
            page = await self._ask("ListObjectsV2", Prefix=prefix, **token)
            found = []
            for each in page.get("Contents", ()):
                key, size = each["Key"], each["Size"]
                if (key != prefix and not key.startswith(begin)) or not size or key.endswith(("/", "_$folder$")):
                    continue
                relative = key.removeprefix(begin) if key.startswith(begin) else key.rpartition("/")[2]
                folder = key.rpartition("/")[0]
                if any(matches(relative) for matches in excluded):
                    continue
                in_folder[folder] = in_folder.get(folder, 0) + 1
                if self.where.sample is None or in_folder[folder] <= self.where.sample:
                    found.append(Listed(key, size))
            if found:
                yield found
            if not page.get("NextContinuationToken"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    async def stored(self, listed: list[Listed]) -> list[tuple[str, Stored]]:
        """What these files are, by their keys. Raises CrawlFailed."""
        found: list[tuple[str, Stored]] = []
        place = 0
        while place < len(listed):
            now, size = [], 0
            while place < len(listed) and size < BYTES_AT_ONCE:
                now.append(listed[place])
                place += 1
                size += min(now[-1].size, HEAD_BYTES)
            files = [each for start in range(0, len(now), READS_AT_ONCE) for each in await self._read(now[start : start + READS_AT_ONCE], HEAD_BYTES)]
            for each, seen in zip(now, await self._seen(files)):
                if seen.wants_more and each.size > HEAD_BYTES:
                    (seen,) = await self._seen(await self._read([each], HEAD_BYTES_MAX))
                if not seen.classification:
                    raise CrawlFailed(f"s3://{self.where.bucket}/{each.key} cannot be classified. {seen.why}")
                found.append((each.key, Stored(each.key.rpartition("/")[2], each.size, seen)))
        return found

    async def _seen(self, files: list[classifying.File]) -> list[Seen]:
        try:
            return await classifying.seen(classifying.Task(files, self.custom))
        except (worker.WorkFailed, worker.WorkTimedOut) as error:
            raise CrawlFailed(f"Internal Service Exception {error}".strip()) from None

    async def _read(self, listed: list[Listed], most: int) -> list[classifying.File]:
        return list(await asyncio.gather(*(self._ends(each, most) for each in listed)))

    async def _ends(self, each: Listed, most: int) -> classifying.File:
        head = await self._stretch(each, 0, min(each.size, most))
        if not classifying.is_told_at_end(head) or each.size <= most:
            return classifying.File(each.size, head, head if classifying.is_told_at_end(head) else b"")
        tail = await self._stretch(each, each.size - TAIL_BYTES, TAIL_BYTES)
        if needed := min(classifying.footer_bytes(head, tail), each.size):
            tail = await self._stretch(each, each.size - needed, needed)
        return classifying.File(each.size, head[:64], tail)

    async def _stretch(self, each: Listed, start: int, length: int) -> bytes:
        got = await self._ask("GetObject", Key=each.key, Range=f"bytes={start}-{start + length - 1}")
        body = await whole(got["Body"], length)
        if body.startswith((b"PAR1", b"ORC")) and start == 0:
            columnar.check_installed()
        return body
