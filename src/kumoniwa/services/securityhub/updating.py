"""BatchUpdateFindings: what customers make of findings, which their providers may not change back.

https://docs.aws.amazon.com/securityhub/latest/userguide/finding-update-batchupdatefindings.html
"""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.services.securityhub import asff, finding, hub
from kumoniwa.services.securityhub.errors import InvalidInputException
from kumoniwa.services.securityhub.finding import Source
from kumoniwa.wire import timestamps

BATCH_MAX = 100
BY_UPDATE = "BATCH_UPDATE_FINDINGS"
_MOST = {"Types": 50, "RelatedFindings": 10, "UserDefinedFields": 50}
_TEXT_MAX = 512


def check(changes: dict[str, Any]) -> None:
    """Whether a change may be made at all. Raises InvalidInputException."""
    for name, most in _MOST.items():
        if len(changes.get(name) or ()) > most:
            raise InvalidInputException(f"{name} must have {most} members at most.")
    if len((changes.get("Note") or {}).get("Text", "")) > _TEXT_MAX:
        raise InvalidInputException(f"The text of a note must be {_TEXT_MAX} characters at most.")


def made(call: Call, body: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A finding after a change. ``UpdatedAt`` is its provider's."""
    body = dict(body)
    for name, value in changes.items():
        if name == "Note":
            body[name] = {**value, "UpdatedAt": timestamps.to_millisecond(call.now())}
        elif name == "Severity":
            kept = {part: each for part, each in body["Severity"].items() if part in ("Original", "Product")}
            body[name] = asff.severity({**kept, **value}) if value.keys() & {"Label", "Normalized"} else {**body["Severity"], **value}
        elif name == "Workflow":
            body[name] = {**body["Workflow"], **value}
        else:
            body[name] = value
    return body


def BatchUpdateFindings(
    call: Call,
    *,
    FindingIdentifiers: list[dict[str, str]],
    Note: dict[str, str] | None = None,
    Severity: dict[str, Any] | None = None,
    VerificationState: str | None = None,
    Confidence: int | None = None,
    Criticality: int | None = None,
    Types: list[str] | None = None,
    UserDefinedFields: dict[str, str] | None = None,
    Workflow: dict[str, str] | None = None,
    RelatedFindings: list[dict[str, str]] | None = None,
) -> dict:
    """The codes of what is not processed are those of
    https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchUpdateFindingsUnprocessedFinding.html"""
    hub.existing(call)
    if not 1 <= len(FindingIdentifiers) <= BATCH_MAX:
        raise InvalidInputException(f"A batch must have between 1 and {BATCH_MAX} finding identifiers.")
    said = {
        "Note": Note, "Severity": Severity, "VerificationState": VerificationState, "Confidence": Confidence, "Criticality": Criticality,
        "Types": Types, "UserDefinedFields": UserDefinedFields, "Workflow": Workflow, "RelatedFindings": RelatedFindings,
    }  # fmt: skip
    changes = {name: value for name, value in said.items() if value is not None}
    check(changes)
    processed, unprocessed, seen = [], [], set()
    for each in FindingIdentifiers:
        held = finding.one(call, each["ProductArn"], each["Id"])
        body = made(call, held.body, changes) if held is not None else None
        if (each["ProductArn"], each["Id"]) in seen:
            code, text = "DuplicatedFindingIdentifier", "The finding identifier stands in the request more than once."
        elif held is None:
            code, text = "FindingNotFound", "The finding was not found."
        elif len(orjson.dumps(body)) > asff.BYTES_MAX:
            code, text = "FindingSizeExceeded", f"The size of the finding would exceed {asff.BYTES_MAX // 1024} KB."
        else:
            seen.add((each["ProductArn"], each["Id"]))
            finding.put(call, body, held, Source(BY_UPDATE, call.principal.arn), customers=held.customers | changes.keys())
            processed.append(each)
            continue
        unprocessed.append({"FindingIdentifier": each, "ErrorCode": code, "ErrorMessage": text})
    return {"ProcessedFindings": processed, "UnprocessedFindings": unprocessed}


def GetFindingHistory(
    call: Call, *, FindingIdentifier: dict[str, str], StartTime: float | None = None, EndTime: float | None = None
) -> dict:
    """The last 90 days, the newest change first. https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetFindingHistory.html"""
    hub.existing(call)
    now = call.now()
    start, end = now - finding.KEPT_S if StartTime is None else StartTime, now if EndTime is None else EndTime
    if start > end:
        raise InvalidInputException("StartTime must not be later than EndTime.")
    if end - start > finding.KEPT_S:
        raise InvalidInputException("StartTime and EndTime must lie within 90 days.")
    return {"Records": finding.history(call, FindingIdentifier["ProductArn"], FindingIdentifier["Id"], start, end)}
