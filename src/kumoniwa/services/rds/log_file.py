"""What a server wrote of itself: its logs, each as one file.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.html
"""

from __future__ import annotations

import os
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.services.rds import engine_list, hosting
from kumoniwa.services.rds.errors import DBLogFileNotFoundFault, InvalidParameterValue
from kumoniwa.services.rds.instance import Instance, existing

LINES_MAX, PORTION_BYTES_MAX = 10_000, 1 << 20
"""A portion ends at what comes first: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DownloadDBLogFilePortion.html"""


def _file(call: Call, instance: Instance, name: str) -> str:
    return os.path.join(hosting.folder_of(call, instance.cluster or instance.id), engine_list.of(instance).logs[name])


def DescribeDBLogFiles(
    call: Call, *, DBInstanceIdentifier: str, FilenameContains: str | None = None, FileLastWritten: int | None = None, FileSize: int | None = None,
    Filters: list[dict] | None = None,
) -> dict:  # fmt: skip
    instance, found = existing(call, DBInstanceIdentifier), []
    for name in engine_list.of(instance).logs:
        try:
            facts = os.stat(_file(call, instance, name))
        except FileNotFoundError:
            continue
        written = milliseconds(facts.st_mtime)
        if (FilenameContains or "") in name and written >= (FileLastWritten or 0) and facts.st_size >= (FileSize or 0):
            found.append({"LogFileName": name, "LastWritten": written, "Size": facts.st_size})
    return {"DescribeDBLogFiles": found}


def DownloadDBLogFilePortion(
    call: Call, *, DBInstanceIdentifier: str, LogFileName: str, Marker: str | None = None, NumberOfLines: int | None = None
) -> dict:
    """From a marker on, or from the beginning if that is ``0``; without one, the last lines."""
    instance = existing(call, DBInstanceIdentifier)
    if LogFileName not in engine_list.of(instance).logs or not os.path.exists(_file(call, instance, LogFileName)):
        raise DBLogFileNotFoundFault(f"DBLog File: {LogFileName}, is not found on the DB instance")
    most = NumberOfLines or LINES_MAX
    if not 1 <= most <= LINES_MAX:
        raise InvalidParameterValue(f"Invalid number of lines: {most}. It must be between 1 and {LINES_MAX}")
    begin = _place(Marker)
    with open(_file(call, instance, LogFileName), "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(min(begin, size) if begin is not None else max(0, size - PORTION_BYTES_MAX))
        place, body = file.tell(), file.read(PORTION_BYTES_MAX)
    whole = body[: body.rfind(b"\n") + 1]  # a line that is being written is told when it is
    lines = whole.splitlines(keepends=True)
    told = lines[-most:] if begin is None else lines[:most]
    end = place + (len(whole) if begin is None else sum(map(len, told)))
    reply: dict[str, Any] = {"LogFileData": b"".join(told).decode("utf-8", "replace"), "Marker": str(end), "AdditionalDataPending": end < size}
    return reply


def _place(marker: str | None) -> int | None:
    if marker is None or marker == "":
        return None
    if not marker.isascii() or not marker.isdigit() or len(marker) > 18:
        raise InvalidParameterValue(f"Invalid marker: {marker}")
    return int(marker)
