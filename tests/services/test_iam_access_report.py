"""IAM: when the accounts of an organization last used each service that its policies leave open to them.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GenerateOrganizationsAccessReport.html
"""

from __future__ import annotations

import pytest
from organization_workshop import FULL, MASTER, SCP, Garden, document
from refusals import refused

ALLOW = {"Effect": "Allow", "Resource": "*"}


@pytest.fixture
def garden(make_cloud):
    return Garden(make_cloud("us-east-1", "eu-west-1", "aws-global"), SCP)


def report(garden, path: str, policy: str | None = None, **more) -> dict:
    iam = garden.cloud.client("iam", key=MASTER)
    job = iam.generate_organizations_access_report(EntityPath=path, **({"OrganizationsPolicyId": policy} if policy else {}))["JobId"]
    return iam.get_organizations_access_report(JobId=job, **more)


def details(reply: dict) -> dict[str, dict]:
    return {each["ServiceNamespace"]: each for each in reply["AccessDetails"]}


def test_a_report_tells_of_each_service_who_used_it_last_and_where(garden):
    cloud, unit = garden.cloud, garden.unit("shop")
    one, other = garden.member(parent=unit), garden.member()
    keys = {account: garden.user(account) for account in (one, other, MASTER)}
    cloud.client("sqs", **keys[one]).list_queues()
    cloud.sleep(90)
    cloud.client("sqs", "eu-west-1", **keys[other]).list_queues()
    cloud.client("sns", **keys[MASTER]).list_topics()
    cloud.sleep(1)
    whole = report(garden, f"{garden.id}/{garden.root}")
    assert whole["JobStatus"] == "COMPLETED"
    found = details(whole)
    assert whole["NumberOfServicesAccessible"] == len(found) and whole["NumberOfServicesNotAccessed"] == len(found) - 1
    sqs = found["sqs"]
    assert (sqs["ServiceName"], sqs["Region"], sqs["TotalAuthenticatedEntities"]) == ("Amazon Simple Queue Service", "eu-west-1", 2)
    assert sqs["EntityPath"] == f"{garden.id}/{garden.root}/{other}"
    # The management account is not limited, and in no report but its own.
    assert found["sns"]["TotalAuthenticatedEntities"] == 0 and "LastAuthenticatedTime" not in found["sns"]
    own = details(report(garden, f"{garden.id}/{garden.root}/{MASTER}"))
    assert own["sns"]["TotalAuthenticatedEntities"] == 1 and own["sqs"]["TotalAuthenticatedEntities"] == 0
    of_unit = details(report(garden, f"{garden.id}/{garden.root}/{unit}"))["sqs"]
    assert (of_unit["EntityPath"], of_unit["Region"]) == (f"{garden.id}/{garden.root}/{unit}/{one}", "us-east-1")
    assert details(report(garden, f"{garden.id}/{garden.root}/{unit}/{one}"))["sqs"] == of_unit
    names = [each["ServiceNamespace"] for each in whole["AccessDetails"]]
    assert names == sorted(names)
    latest = report(garden, f"{garden.id}/{garden.root}", SortKey="LAST_AUTHENTICATED_TIME_DESCENDING", MaxItems=1)
    assert [each["ServiceNamespace"] for each in latest["AccessDetails"]] == ["sqs"] and latest["IsTruncated"]


def test_services_that_policies_do_not_leave_open_are_not_listed(garden):
    unit = garden.unit("shop")
    account, second = garden.member(parent=unit), garden.member()
    keys = {each: garden.user(each) for each in (account, second)}
    only = garden.policy(document({**ALLOW, "Action": ["sqs:*", "sns:Publish", "s3:*"]}), unit)
    garden.policy(document({"Effect": "Deny", "Action": "s3:*", "Resource": "*"}, {"Effect": "Deny", "Action": "sqs:DeleteQueue", "Resource": "*"}), account)
    garden.api.detach_policy(PolicyId=FULL, TargetId=unit)
    assert set(details(report(garden, f"{garden.id}/{garden.root}/{unit}"))) == {"sqs", "sns", "s3"}
    assert set(details(report(garden, f"{garden.id}/{garden.root}/{unit}/{account}"))) == {"sqs", "sns"}
    # By a policy: what it allows, of the accounts that it binds.
    for each in (account, second):
        garden.cloud.client("sqs", **keys[each]).list_queues()
    garden.cloud.sleep(1)
    by_policy = details(report(garden, f"{garden.id}/{garden.root}", only))
    assert set(by_policy) == {"sqs", "sns", "s3"} and by_policy["sqs"]["TotalAuthenticatedEntities"] == 1


def test_who_may_ask_and_for_what(garden):
    member = garden.member()
    path = f"{garden.id}/{garden.root}"
    iam = garden.cloud.client("iam", key=MASTER)
    for client, asked in (
        (garden.cloud.client("iam", key=member), path), (garden.cloud.client("iam", key="999999999999"), path),
        (iam, "o-other00000/r-nothing"), (iam, f"{path}/{garden.unit('a')}/{member}"),
    ):  # fmt: skip
        assert refused(client.generate_organizations_access_report, EntityPath=asked)[0] in ("InvalidInput", "InvalidInputException"), asked
    assert refused(iam.get_organizations_access_report, JobId="11111111-1111-4111-8111-111111111111")[0] in ("NoSuchEntity", "NoSuchEntityException")
    # Who may not ask the organization has a report that failed.
    keys = garden.user(MASTER, {**ALLOW, "Action": "iam:*OrganizationsAccessReport"})
    poor = garden.cloud.client("iam", **keys)
    job = poor.generate_organizations_access_report(EntityPath=path)["JobId"]
    told = poor.get_organizations_access_report(JobId=job)
    assert (told["JobStatus"], told["ErrorDetails"]["Code"]) == ("FAILED", "AccessDeniedException")


def test_a_report_survives_a_kill(garden):
    iam = garden.cloud.client("iam", key=MASTER)
    job = iam.generate_organizations_access_report(EntityPath=f"{garden.id}/{garden.root}")["JobId"]
    garden.cloud.restart("aws-global", kill=True)
    assert iam.get_organizations_access_report(JobId=job)["JobStatus"] == "COMPLETED"
