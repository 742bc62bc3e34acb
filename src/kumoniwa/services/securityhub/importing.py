"""BatchImportFindings: providers bring new findings and what has become of them.

Of a finding that is there, what customers set stays theirs, and an update that is not later than it is ignored.
https://docs.aws.amazon.com/securityhub/latest/userguide/finding-update-batchimportfindings.html
"""

from __future__ import annotations

from functools import partial
from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.services.securityhub import asff, automation, finding, hub, moment
from kumoniwa.services.securityhub.errors import InvalidInputException
from kumoniwa.services.securityhub.finding import Held, Source

BATCH_MAX = 100
CUSTOMERS_OWN = ("Note", "UserDefinedFields", "VerificationState", "Workflow")
"""What no provider may change of a finding that is there."""
BY_IMPORT = "BATCH_IMPORT_FINDINGS"
NAMES = {"ProductName": "Default", "CompanyName": "Personal"}
"""Those of an account's own product, unless it names itself; its product fields keep them: "Security Hub does not synchronize those two attributes",
asff-top-level-attributes.html in the guide."""
INGESTED = "securityhub:finding_ingestion"


class Unfit(Exception):
    """Why one finding of a batch is not taken."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def default_product(call: Call) -> str:
    """The product by which an account brings findings of its own."""
    return call.arn(f"product/{call.account}/default")


def BatchImportFindings(call: Call, *, Findings: list[dict[str, Any]]) -> dict:
    """Each finding by itself: those that do not fit are named, and the others are taken."""
    hub.existing(call)
    if not 1 <= len(Findings) <= BATCH_MAX:
        raise InvalidInputException(f"A batch must have between 1 and {BATCH_MAX} findings.")
    failed = []
    for each in Findings:
        try:
            call.atomically(partial(_take, call, each))
        except Unfit as unfit:
            failed.append({"Id": each.get("Id") or "", "ErrorCode": unfit.code, "ErrorMessage": unfit.text})
    return {"FailedCount": len(failed), "SuccessCount": len(Findings) - len(failed), "FailedFindings": failed}


def _take(call: Call, said: dict[str, Any]) -> None:
    if found := asff.faults(said):
        raise Unfit("InvalidInput", f"Finding does not adhere to Amazon Finding Format. {', '.join(found)}.")
    if len(orjson.dumps(said)) > asff.BYTES_MAX:
        raise Unfit("InvalidInput", f"The size of the finding exceeds {asff.BYTES_MAX // 1024} KB.")
    if said["AwsAccountId"] != call.account:
        raise Unfit("InvalidAccess", f"The account {call.account} may not import findings of the account {said['AwsAccountId']}.")
    if said["ProductArn"] != default_product(call):
        raise Unfit("InvalidAccess", f"The account {call.account} does not import findings for the product {said['ProductArn']}.")
    # https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-custom-providers.html: an integration of one's own may name itself.
    take(call, {**NAMES, **said})


def take(call: Call, said: dict[str, Any], *, origin: str = "", is_control: bool = False) -> None:
    """A finding as its provider says it now. One of a control is resolved as soon as it has passed:
    https://docs.aws.amazon.com/securityhub/latest/userguide/finding-workflow-status.html"""
    before = finding.one(call, said["ProductArn"], said["Id"])
    if before is not None and not origin and moment.read(said["UpdatedAt"]) <= moment.read(before.body["UpdatedAt"]):
        return
    body = _completed(call, said)
    if before is not None:
        body = _merged(body, said, before)
    if is_control and body["Compliance"]["Status"] == "PASSED" and body["Workflow"]["Status"] != "SUPPRESSED":
        body["Workflow"] = {**body["Workflow"], "Status": "RESOLVED"}
    body, customers = automation.applied(call, body, before.customers if before is not None else frozenset())
    finding.put(call, body, before, Source(BY_IMPORT, said["ProductArn"]), origin=origin, customers=customers)
    if not is_control:
        # Those of its own checks are free: https://aws.amazon.com/security-hub/pricing/
        call.bill(INGESTED, said["ProductArn"])


def _completed(call: Call, said: dict[str, Any]) -> dict[str, Any]:
    """What Security Hub adds to a finding that comes."""
    provided = dict(said.get("FindingProviderFields") or {})
    for name in asff.PROVIDED:
        if name not in provided and name in said:
            provided[name] = said[name]
    top = {**{name: value for name, value in said.items() if name not in asff.PROVIDED}, **provided}
    top["Severity"] = asff.severity(top["Severity"])
    provided["Severity"] = {name: value for name, value in top["Severity"].items() if name in ("Label", "Original")}
    partition = call.home.partition
    is_own = said["ProductArn"] == default_product(call)
    names = NAMES if is_own else said
    fields = {
        **{f"aws/securityhub/{name}": names[name] for name in NAMES}, **(said.get("ProductFields") or {}),
        "aws/securityhub/FindingId": f"{said['ProductArn']}/{said['Id']}",
    }  # fmt: skip
    return {
        **top, "FindingProviderFields": provided, "Region": call.region, "ProductFields": fields,
        "Resources": [{"Partition": partition, "Region": call.region, **each} for each in said["Resources"]],
        "RecordState": said.get("RecordState", "ACTIVE"), "Workflow": {"Status": "NEW", **(said.get("Workflow") or {})},
        "WorkflowState": said.get("WorkflowState", "NEW"),
    }  # fmt: skip


def _merged(body: dict[str, Any], said: dict[str, Any], before: Held) -> dict[str, Any]:
    """An update over what is there: with a value of its own beside the provider's fields, where both are said."""
    held, merged = before.body, dict(body)
    for name in asff.PROVIDED:
        if name in before.customers:
            merged.pop(name, None)
            merged |= {name: held[name]} if name in held else {}
        elif name in said:
            merged[name] = asff.severity(said[name]) if name == "Severity" else said[name]
    for name in CUSTOMERS_OWN:
        merged.pop(name, None)
        merged |= {name: held[name]} if name in held else {}
    return reopened(merged, held)


def reopened(body: dict[str, Any], held: dict[str, Any]) -> dict[str, Any]:
    """New again, if what was archived or had passed is so no more; what is suppressed stays so when it comes back.
    https://docs.aws.amazon.com/securityhub/latest/userguide/finding-workflow-status.html"""
    status = body["Workflow"]["Status"]
    is_back = (held["RecordState"], body["RecordState"]) == ("ARCHIVED", "ACTIVE")
    before, now = (each.get("Compliance", {}).get("Status") for each in (held, body))
    has_failed = before == "PASSED" and now in ("FAILED", "WARNING", "NOT_AVAILABLE")
    if status in ("NOTIFIED", "RESOLVED") and (is_back or has_failed):
        return {**body, "Workflow": {**body["Workflow"], "Status": "NEW"}}
    return body
