"""Resource policies of tables: who else may use a table, as its owner wrote it.

A policy covers its table's indexes. AWS takes about half a minute to follow a change; here it holds at once.
Refusals: recorded from AWS by getmoto/moto (verified tests).
"""

from __future__ import annotations

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError, NotImplementedHere, ValidationException
from kumoniwa.kernel.record import Record
from kumoniwa.languages.dynamodb.value import INVALID
from kumoniwa.languages.policy import MalformedPolicyDocument, parse
from kumoniwa.services.dynamodb import table as tables
from kumoniwa.services.dynamodb.table import Table

POLICY_BYTES_MAX = 20 << 10
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/rbac-considerations.html


class PolicyNotFoundException(AwsError): ...


class TablePolicy(Record):
    """On the shelf under its table's name."""

    document: str
    revision: int
    """Milliseconds since the epoch: AWS's revisions are such, too, and grow."""


def policy_of(call: Call, arn: str) -> str | None:
    held = call.shelf(TablePolicy).records
    if not held:
        return None
    policy = held.get(arn.partition(":table/")[2].partition("/")[0])
    return policy.document if policy is not None else None


def _table(call: Call, arn: str) -> Table:
    parsed = arns.parse(arn)
    if parsed is None or parsed.service != "dynamodb" or not parsed.resource.startswith("table/"):
        raise ValidationException(f"Invalid ResourceArn: Invalid ResourceArn provided as input {arn}")
    if parsed.resource.count("/") > 1:
        raise NotImplementedHere("dynamodb: resource policies of streams and indexes")
    return tables.described(call, arn)


def _not_found(what: str) -> PolicyNotFoundException:
    return PolicyNotFoundException(f"Resource-based policy not found for the provided ResourceArn: {what}")


def _expect(table: Table, held: TablePolicy | None, revision: str | None) -> None:
    if revision is None:
        return
    if revision == "NO_POLICY":
        if held is not None:
            raise _not_found(
                f"Requested policy update expecting none to be present for table {table.name}, "
                f"but a policy exists with revision id {held.revision}."
            )
    elif held is None or revision != str(held.revision):
        stands = f"has revision id {held.revision}." if held is not None else "does not exist."
        raise _not_found(
            f"Requested update for policy with revision id {revision}, "
            f"but the policy associated to target table {table.name} {stands}"
        )


def check(document: str) -> None:
    """The texts were seen of AWS by cdk-preflight: pf-dynamodb-resource-policy-principal and -size."""
    if len(document.encode("utf-8", "replace")) > POLICY_BYTES_MAX:
        raise ValidationException(f"{INVALID}Maximum policy size of {POLICY_BYTES_MAX} bytes exceeded")
    try:
        parse(document, "resource")
    except MalformedPolicyDocument as error:
        raise ValidationException(f"{INVALID}Invalid policy document: {error.text}") from None


def PutResourcePolicy(
    call: Call, *, ResourceArn: str, Policy: str, ExpectedRevisionId: str | None = None
) -> dict:
    """The same policy again is no new revision."""
    table = _table(call, ResourceArn)
    check(Policy)
    return {"RevisionId": str(put(call, table, Policy, ExpectedRevisionId).revision)}


def put(call: Call, table: Table, document: str, expected: str | None = None) -> TablePolicy:
    shelf = call.shelf(TablePolicy)
    held = shelf.get(table.name)
    _expect(table, held, expected)
    if held is None or held.document != document:
        revision = max(milliseconds(call.now()), held.revision + 1 if held is not None else 0)
        held = shelf[table.name] = TablePolicy(document=document, revision=revision)
    return held


def GetResourcePolicy(call: Call, *, ResourceArn: str) -> dict:
    held = call.shelf(TablePolicy).get(_table(call, ResourceArn).name)
    if held is None:
        raise _not_found(ResourceArn)
    return {"Policy": held.document, "RevisionId": str(held.revision)}


def DeleteResourcePolicy(call: Call, *, ResourceArn: str, ExpectedRevisionId: str | None = None) -> dict:
    """Nothing is answered where there was no policy."""
    table = _table(call, ResourceArn)
    held = call.shelf(TablePolicy).get(table.name)
    _expect(table, held, ExpectedRevisionId)
    if held is None:
        return {}
    forget(call, table)
    return {"RevisionId": str(held.revision)}


def forget(call: Call, table: Table) -> None:
    if table.name in call.shelf(TablePolicy):
        del call.shelf(TablePolicy)[table.name]
