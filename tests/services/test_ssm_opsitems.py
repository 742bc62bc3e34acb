"""Systems Manager: OpsItems, from opened to resolved."""

from __future__ import annotations

import pytest
from refusals import refused

ACCOUNT = "000000000000"


@pytest.fixture
def ssm(cloud):
    return cloud.client("ssm")


def opened(ssm, title="disk full", **more) -> str:
    return ssm.create_ops_item(Title=title, Description="d", Source="monitor", **more)["OpsItemId"]


def item(ssm, id_) -> dict:
    return ssm.get_ops_item(OpsItemId=id_)["OpsItem"]


def test_an_item_is_opened_changed_and_resolved(cloud, ssm):
    made = ssm.create_ops_item(
        Title="t", Description="d", Source="s", Priority=2, Severity="2", Category="Availability", OperationalData={"k": {"Value": "v", "Type": "String"}},
        Tags=[{"Key": "a", "Value": "b"}],
    )  # fmt: skip
    id_ = made["OpsItemId"]
    assert made["OpsItemArn"] == f"arn:aws:ssm:us-east-1:{ACCOUNT}:opsitem/{id_}" and len(id_) == 15
    shown = item(ssm, id_)
    assert (shown["Status"], shown["Version"], shown["Priority"], shown["CreatedBy"]) == ("Open", "1", 2, f"arn:aws:iam::{ACCOUNT}:root")
    cloud.sleep(60)
    ssm.update_ops_item(OpsItemId=id_, Status="Resolved", OperationalData={"l": {"Value": "w", "Type": "String"}}, OperationalDataToDelete=["k"])
    cloud.restart(kill=True)
    shown = item(ssm, id_)
    assert (shown["Status"], shown["Version"], list(shown["OperationalData"])) == ("Resolved", "2", ["l"])
    assert (shown["LastModifiedTime"] - shown["CreatedTime"]).total_seconds() == pytest.approx(60, abs=1)
    assert ssm.list_tags_for_resource(ResourceType="OpsItem", ResourceId=id_)["TagList"] == [{"Key": "a", "Value": "b"}]
    ssm.delete_ops_item(OpsItemId=id_)
    ssm.delete_ops_item(OpsItemId=id_)
    assert refused(ssm.get_ops_item, OpsItemId=id_)[0] == "OpsItemNotFoundException"


def test_what_is_the_same_is_opened_once_while_it_is_open(ssm):
    same = {"OperationalData": {"/aws/dedup": {"Value": '{"dedupString": "x"}', "Type": "SearchableString"}}}
    first = opened(ssm, **same)
    code, said = refused(ssm.create_ops_item, Title="t", Description="d", Source="monitor", **same)
    assert code == "OpsItemAlreadyExistsException" and first in said
    ssm.update_ops_item(OpsItemId=first, Status="Resolved")
    assert opened(ssm, **same) != first


def test_items_are_found(ssm):
    one, two = opened(ssm), opened(ssm, "cpu hot", Priority=1, OperationalData={"/aws/resources": {"Value": '[{"arn": "arn:x"}]', "Type": "SearchableString"}})
    ssm.update_ops_item(OpsItemId=one, Status="InProgress")

    def found(key, value, operator="Equal") -> list[str]:
        said = [{"Key": key, "Values": [value], "Operator": operator}]
        return [each["OpsItemId"] for each in ssm.describe_ops_items(OpsItemFilters=said)["OpsItemSummaries"]]

    assert found("Status", "Open") == [two] and found("Title", "disk", "Contains") == [one] and found("Priority", "1") == [two]
    assert found("ResourceId", "arn:x") == [two] and found("OpsItemId", one) == [one]
    assert sorted(found("CreatedTime", "2001-01-01T00:00:00Z", "GreaterThan")) == sorted([one, two])
    assert len(ssm.describe_ops_items(MaxResults=1)["OpsItemSummaries"]) == 1


def test_items_are_related(ssm):
    one = opened(ssm)
    two = opened(ssm, "b", RelatedOpsItems=[{"OpsItemId": one}])
    assert item(ssm, two)["RelatedOpsItems"] == [{"OpsItemId": one}]
    assert refused(ssm.update_ops_item, OpsItemId=one, RelatedOpsItems=[{"OpsItemId": "oi-000000000000"}])[0] == "OpsItemNotFoundException"
    said = {"OpsItemId": one, "AssociationType": "RelatesTo", "ResourceType": "AWS::SSM::Document", "ResourceUri": "arn:aws:ssm:us-east-1:1:document/a"}
    id_ = ssm.associate_ops_item_related_item(**said)["AssociationId"]
    assert refused(ssm.associate_ops_item_related_item, **said)[0] == "OpsItemRelatedItemAlreadyExistsException"
    (listed,) = ssm.list_ops_item_related_items(OpsItemId=one)["Summaries"]
    assert (listed["AssociationId"], listed["ResourceUri"]) == (id_, said["ResourceUri"])
    ssm.disassociate_ops_item_related_item(OpsItemId=one, AssociationId=id_)
    assert ssm.list_ops_item_related_items(OpsItemId=one)["Summaries"] == []
    assert refused(ssm.disassociate_ops_item_related_item, OpsItemId=one, AssociationId=id_)[0] == "OpsItemRelatedItemAssociationNotFoundException"
