"""The customer's logic of one step: templates or code before and after a data source, as resolvers and functions hold it."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record
from kumoniwa.languages import vtl
from kumoniwa.languages.vtl_value import TemplateError
from kumoniwa.services.appsync import code as codes
from kumoniwa.services.appsync.errors import BadRequestException

TEMPLATE_BYTES_MAX = 64 << 10
RUNTIME = {"name": "APPSYNC_JS", "runtimeVersion": "1.0.0"}


class Logic(Record):
    before: str | None = None
    """The request mapping template."""
    after: str | None = None
    code: str | None = None
    batch_max: int = 0

    @property
    def is_direct(self) -> bool:
        """Whether the customer left everything to a Lambda function."""
        return self.before is None and self.after is None and self.code is None

    def shown(self) -> dict[str, Any]:
        said: dict[str, Any] = {"maxBatchSize": self.batch_max}
        if self.before is not None:
            said["requestMappingTemplate"] = self.before
        if self.after is not None:
            said["responseMappingTemplate"] = self.after
        if self.code is not None:
            said |= {"code": self.code, "runtime": RUNTIME}
        return said


def _check_template(source: str | None, which: str) -> None:
    if source is None:
        return
    if len(source.encode()) > TEMPLATE_BYTES_MAX:
        raise BadRequestException(f"Invalid {which} template given, must be less than 64kb in size")
    try:
        vtl.compiled(source, vtl.APPSYNC)
    except TemplateError as error:
        raise BadRequestException(f"Invalid {which} template: {error}") from None


def checked(
    before: str | None,
    after: str | None,
    code: str | None,
    runtime: dict[str, Any] | None,
    batch_max: int | None,
    sync: dict[str, Any] | None,
) -> Logic:
    """Raises BadRequestException for logic that could not run."""
    if sync is not None and sync.get("conflictDetection", "NONE") != "NONE":
        raise NotImplementedHere("conflict detection of appsync")
    if (code is None) != (runtime is None):
        raise BadRequestException("Both code and runtime are required, or none of them.")
    if code is not None and (before is not None or after is not None):
        raise BadRequestException("Code cannot be used together with mapping templates.")
    if runtime is not None and runtime != RUNTIME:
        raise BadRequestException(f"Invalid runtime {runtime['name']} {runtime['runtimeVersion']}.")
    _check_template(before, "request")
    _check_template(after, "response")
    if code is not None:
        codes.checked(code, "request", "response")
    return Logic(before=before, after=after, code=code, batch_max=batch_max or 0)
