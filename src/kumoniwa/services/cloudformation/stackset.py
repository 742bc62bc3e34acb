"""A stack set: one template for many accounts and regions, its instances there, and what was done to them.

The set lives in the region that administers it. An instance is a promise of a stack elsewhere; an operation brings some of them
to what the set says now, and is carried out by `rollout`.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.cloudformation import stack as stacks
from kumoniwa.services.cloudformation import telling
from kumoniwa.store.rows import Table

ADMINISTRATION = "AWSCloudFormationStackSetAdministrationRole"
EXECUTION = "AWSCloudFormationStackSetExecutionRole"
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs-self-managed.html"""
SELF_MANAGED, SERVICE_MANAGED = "SELF_MANAGED", "SERVICE_MANAGED"
DRIFTS = Table(
    "cloudformation_set_drift",
    """create table if not exists cloudformation_set_drift
       (instance text, operation text, logical text, status text, body text, primary key (instance, logical)) without rowid""",
)
"""What the last detection found of each resource of an instance."""


class StackSetNotFoundException(AwsError): ...


class StackInstanceNotFoundException(AwsError): ...


class OperationNotFoundException(AwsError): ...


class OperationInProgressException(AwsError): ...


class OperationIdAlreadyExistsException(AwsError): ...


class InvalidOperationException(AwsError): ...


class LimitExceededException(AwsError): ...


class Target(Record):
    """An organizational unit or root that a set is deployed to; accounts that come to it are deployed to in these regions, too."""

    unit: str
    path: str
    """``o-…/r-…/ou-…/``, down to the unit itself."""
    regions: tuple[str, ...]


class StackSet(Record):
    """Shelved by name while it is active, and by its id once it is deleted. Its template is a document under ``wish``."""

    name: str
    id: str
    wish: str
    created: float
    status: str = "ACTIVE"
    description: str = ""
    values: dict[str, str] = {}
    hidden: tuple[str, ...] = ()
    """The parameters nobody is shown."""
    capabilities: tuple[str, ...] = ()
    tags: dict[str, str] = {}
    administration_role: str = ""
    execution_role: str = EXECUTION
    token: str = ""
    drift: dict[str, Any] = {}
    """StackSetDriftDetectionDetails of the last detection."""
    permissions: str = SELF_MANAGED
    auto: dict[str, Any] = {}
    """AutoDeployment, of one with service-managed permissions."""
    targets: tuple[Target, ...] = ()
    queues: bool = False
    """Whether its execution is managed: operations wait for one another instead of being refused."""

    @property
    def key(self) -> str:
        return self.name if self.status == "ACTIVE" else self.id

    @property
    def is_of_organization(self) -> bool:
        return self.permissions == SERVICE_MANAGED


class Instance(Record):
    """Shelved by the set's id, account and region."""

    set_id: str
    account: str
    region: str
    stack_name: str
    stack_id: str = ""
    made_by: str = ""
    """The operation that made its stack."""
    status: str = "OUTDATED"
    detailed: str = "PENDING"
    reason: str = ""
    overrides: dict[str, str] = {}
    operation: str = ""
    drift: str = "NOT_CHECKED"
    drift_at: float = 0.0
    unit: str = ""
    """The target of the set by which it is deployed to."""

    @property
    def key(self) -> str:
        return key_of(self.set_id, self.account, self.region)


class Result(Record):
    """How an operation ended, or has not, for one account and region."""

    account: str
    region: str
    status: str = "PENDING"
    reason: str = ""
    unit: str = ""
    gate: tuple[str, ...] = ()
    """What the account's gate said, and why."""


class Operation(Record):
    """Shelved by the set's id and its own."""

    id: str
    set_id: str
    number: int
    """Operations of a set are counted."""
    action: str
    created: float
    preferences: dict[str, Any] = {}
    results: tuple[Result, ...] = ()
    """In the order in which they are tried."""
    status: str = "QUEUED"
    ended: float = 0.0
    reason: str = ""
    retains: bool = False
    administration_role: str = ""
    execution_role: str = ""
    targets: dict[str, Any] = {}
    """DeploymentTargets, as they were asked for."""
    after: tuple[str, ...] = ()
    """Keys of operations that must be over before."""
    needs: tuple[str, ...] = ()
    """Keys of those that must have succeeded."""
    drift: dict[str, Any] = {}
    imports: dict[str, str] = {}
    """Stacks that become instances' own, by the instances' keys."""

    @property
    def key(self) -> str:
        return f"{self.set_id}/{self.id}"

    @property
    def is_over(self) -> bool:
        return self.status in ("SUCCEEDED", "FAILED", "STOPPED")


def key_of(set_id: str, account: str, region: str) -> str:
    return f"{set_id}/{account}/{region}"


def become(call: Call, action: str, instance: Instance, **news: Any) -> Instance:
    """Change an instance by an operation of this kind, and tell of its status if it is another."""
    after = call.shelf(Instance)[instance.key] = changed(instance, **news)
    if (after.status, after.detailed, after.reason) != (instance.status, instance.detailed, instance.reason):
        telling.of_instance(call, action, after)
    return after


# Finding ---------------------------------------------------------------------------------------------


def find(call: Call, name_or_id: str) -> StackSet | None:
    """An active set, by its name or its id. Whoever administers for the organization sees those that are the organization's."""
    found = call.shelf(StackSet).get(name_or_id.partition(":")[0])
    if found is None or name_or_id not in (found.name, found.id):
        return None
    return found if found.is_of_organization or not is_delegated(call) else None


def is_delegated(call: Call) -> bool:
    return call.principal.account != call.account


def get(call: Call, name_or_id: str) -> StackSet:
    found = find(call, name_or_id)
    if found is None:
        raise StackSetNotFoundException(f"StackSet {name_or_id} not found")
    return found


def instances(call: Call, found: StackSet) -> list[Instance]:
    return [each for each in call.shelf(Instance).values() if each.set_id == found.id]


def promise(call: Call, found: StackSet, result: Result) -> Instance:
    """The instance in a place, as one that is still to be made if there is none."""
    shelf, key = call.shelf(Instance), key_of(found.id, result.account, result.region)
    held = shelf.get(key)
    if held is None:
        held = shelf[key] = Instance(
            set_id=found.id, account=result.account, region=result.region, unit=result.unit,
            stack_name=f"StackSet-{found.name[:80]}-{call.new_id()}",
        )  # fmt: skip
    return held


def operations(call: Call, found: StackSet) -> list[Operation]:
    """Newest first."""
    every = [each for each in call.shelf(Operation).values() if each.set_id == found.id]
    return sorted(every, key=lambda each: -each.number)


def operation(call: Call, found: StackSet, id: str) -> Operation:
    each = call.shelf(Operation).get(f"{found.id}/{id}")
    if each is None:
        raise OperationNotFoundException(f"Operation {id} not found")
    return each


def template(call: Call, found: StackSet) -> str:
    row = call.rows(stacks.DOCUMENTS).one(
        "select body from cloudformation_document where wish = ? and stage = 'Original'", found.wish
    )
    return row[0].decode()


# Shown -----------------------------------------------------------------------------------------------


def given(values: dict[str, str], hidden: tuple[str, ...] = ()) -> list[dict[str, str]]:
    return [
        {"ParameterKey": key, "ParameterValue": "****" if key in hidden else value}
        for key, value in values.items()
    ]


def shown(call: Call, found: StackSet) -> dict[str, Any]:
    """As DescribeStackSet answers it."""
    reply = {
        "StackSetName": found.name,
        "StackSetId": found.id,
        "Status": found.status,
        "TemplateBody": template(call, found),
        "Parameters": given(found.values, found.hidden),
        "Capabilities": list(found.capabilities),
        "Tags": [{"Key": key, "Value": value} for key, value in found.tags.items()],
        "StackSetARN": call.arn(f"stackset/{found.id}"),
        "AdministrationRoleARN": found.administration_role,
        "PermissionModel": found.permissions,
        "OrganizationalUnitIds": sorted({each.unit for each in found.targets} | {each.unit for each in instances(call, found) if each.unit}),
        "ManagedExecution": {"Active": found.queues},
        "Regions": sorted({each.region for each in instances(call, found)}),
    }
    optional = {
        "AutoDeployment": found.auto,
        "Description": found.description,
        "ExecutionRoleName": found.execution_role,
        "StackSetDriftDetectionDetails": found.drift,
    }
    return reply | {name: value for name, value in optional.items() if value}


def summary(found: StackSet) -> dict[str, Any]:
    """As ListStackSets answers it."""
    reply: dict[str, Any] = {
        "StackSetName": found.name,
        "StackSetId": found.id,
        "Status": found.status,
        "PermissionModel": found.permissions,
        "DriftStatus": found.drift.get("DriftStatus", "NOT_CHECKED"),
        "ManagedExecution": {"Active": found.queues},
    }
    optional = {
        "AutoDeployment": found.auto,
        "Description": found.description,
        "LastDriftCheckTimestamp": found.drift.get("LastDriftCheckTimestamp"),
    }
    return reply | {name: value for name, value in optional.items() if value}


def instance_shown(each: Instance) -> dict[str, Any]:
    """As ListStackInstances answers it."""
    reply: dict[str, Any] = {
        "StackSetId": each.set_id,
        "Region": each.region,
        "Account": each.account,
        "Status": each.status,
        "StackInstanceStatus": {"DetailedStatus": each.detailed},
        "OrganizationalUnitId": each.unit,
        "DriftStatus": each.drift,
    }
    optional = {
        "StackId": each.stack_id,
        "StatusReason": each.reason,
        "LastOperationId": each.operation,
        "LastDriftCheckTimestamp": each.drift_at,
    }
    return reply | {name: value for name, value in optional.items() if value}


def operation_summary(each: Operation) -> dict[str, Any]:
    """As ListStackSetOperations answers it."""
    failed = sum(result.status == "FAILED" for result in each.results)
    reply: dict[str, Any] = {
        "OperationId": each.id,
        "Action": each.action,
        "Status": each.status,
        "CreationTimestamp": each.created,
        "OperationPreferences": each.preferences,
        "StatusDetails": {"FailedStackInstancesCount": failed},
    }
    optional = {"EndTimestamp": each.ended, "StatusReason": each.reason}
    return reply | {name: value for name, value in optional.items() if value}


def operation_shown(each: Operation) -> dict[str, Any]:
    """As DescribeStackSetOperation answers it."""
    more = {
        "StackSetId": each.set_id,
        "AdministrationRoleARN": each.administration_role,
        "ExecutionRoleName": each.execution_role,
        "DeploymentTargets": each.targets,
        "StackSetDriftDetectionDetails": each.drift,
    }
    shown = operation_summary(each) | {name: value for name, value in more.items() if value}
    return shown | ({"RetainStacks": each.retains} if each.action == "DELETE" else {})


def result_shown(each: Result) -> dict[str, Any]:
    reply: dict[str, Any] = {
        "Account": each.account,
        "Region": each.region,
        "Status": each.status,
        "OrganizationalUnitId": each.unit,
    }
    optional = {"StatusReason": each.reason, "AccountGateResult": dict(zip(("Status", "StatusReason"), each.gate))}
    return reply | {name: value for name, value in optional.items() if value}
