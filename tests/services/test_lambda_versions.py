"""Versions, aliases, and the concurrency they are given."""

from __future__ import annotations

from collections import Counter

import pytest
from botocore.exceptions import ClientError
from lambda_workshop import invoke, make, provisioned, zipped

WHICH = "def handler(event, context): return [{!r}, context.function_version, context.invoked_function_arn.split(':function:')[1]]"


def refused(method, **params) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        method(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture
def client(cloud):
    make(cloud, WHICH.format("old"))
    return cloud.client("lambda")


def test_a_version_stays_what_it_was(cloud, client):
    first = client.publish_version(FunctionName="f")
    assert (first["Version"], first["FunctionArn"].rpartition(":")[2]) == ("1", "1")
    client.update_function_code(FunctionName="f", ZipFile=zipped(WHICH.format("new")))
    assert invoke(cloud, Qualifier="1")["Payload"] == ["old", "1", "f:1"]
    assert invoke(cloud)["Payload"] == ["new", "$LATEST", "f"]
    assert client.publish_version(FunctionName="f")["Version"] == "2"
    # Recorded: test_version_lifecycle, the third publication.
    assert client.publish_version(FunctionName="f")["Version"] == "2"
    assert [v["Version"] for v in client.list_versions_by_function(FunctionName="f")["Versions"]] == ["$LATEST", "1", "2"]
    client.delete_function(FunctionName="f", Qualifier="1")
    assert refused(client.invoke, FunctionName="f:1")[0] == "ResourceNotFoundException"
    assert invoke(cloud, Qualifier="2")["Payload"][0] == "new"


def test_publishing_other_code_than_expected_is_refused(client):
    # Recorded: test_publish_with_wrong_sha256.
    code, text = refused(client.publish_version, FunctionName="f", CodeSha256="wrong")
    assert code == "InvalidParameterValueException" and text.startswith("CodeSHA256 (wrong) is different from current CodeSHA256")


def test_an_alias_points_and_may_be_moved(cloud, client):
    client.publish_version(FunctionName="f")
    client.update_function_code(FunctionName="f", ZipFile=zipped(WHICH.format("new")), Publish=True)
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    assert invoke(cloud, Qualifier="live")["Payload"] == ["old", "1", "f:live"]
    client.update_alias(FunctionName="f", Name="live", FunctionVersion="2")
    assert invoke(cloud, Qualifier="live")["Payload"] == ["new", "2", "f:live"]
    assert refused(client.delete_function, FunctionName="f", Qualifier="2")[0] == "ResourceConflictException"


def test_weights_share_requests_between_two_versions(cloud, client):
    client.publish_version(FunctionName="f")
    client.update_function_code(FunctionName="f", ZipFile=zipped(WHICH.format("new")), Publish=True)
    client.create_alias(
        FunctionName="f", Name="live", FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {"2": 0.25}}
    )
    counted = Counter(invoke(cloud, Qualifier="live")["ExecutedVersion"] for _ in range(100))
    assert counted["1"] + counted["2"] == 100 and 10 < counted["2"] < 45
    # Recorded: test_notfound_and_invalid_routingconfigs.
    config = {"AdditionalVersionWeights": {"1": 0.5}}
    assert refused(client.update_alias, FunctionName="f", Name="live", RoutingConfig=config)[1] == (
        "Invalid function version 1. Function version 1 is already included in routing configuration."
    )


def test_provisioned_environments_are_ready_before_anybody_asks(cloud, client):
    # Recorded: test_provisioned_concurrency_exceptions.
    values = {"FunctionName": "f", "ProvisionedConcurrentExecutions": 2}
    assert refused(client.put_provisioned_concurrency_config, **values, Qualifier="$LATEST") == (
        "InvalidParameterValueException", "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
    )  # fmt: skip
    client.publish_version(FunctionName="f")
    assert client.put_provisioned_concurrency_config(**values, Qualifier="1")["Status"] == "IN_PROGRESS"
    for _ in range(2):
        shown = provisioned(cloud, "1")
        assert (shown["Status"], shown["AllocatedProvisionedConcurrentExecutions"]) == ("READY", 2)
        cloud.restart(kill=True)
    client.delete_provisioned_concurrency_config(FunctionName="f", Qualifier="1")
    assert refused(client.get_provisioned_concurrency_config, FunctionName="f", Qualifier="1")[0] == (
        "ProvisionedConcurrencyConfigNotFoundException"
    )


def test_what_is_provisioned_takes_up_the_reservation(cloud, client):
    # Recorded: test_lambda_concurrency_block.
    client.publish_version(FunctionName="f")
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
    client.put_provisioned_concurrency_config(FunctionName="f", Qualifier="1", ProvisionedConcurrentExecutions=1)
    provisioned(cloud, "1")
    assert refused(client.invoke, FunctionName="f") == ("TooManyRequestsException", "Rate Exceeded.")
    assert invoke(cloud, Qualifier="1")["StatusCode"] == 200


def test_a_reservation_leaves_a_hundred_to_the_others(client):
    code, text = refused(client.put_function_concurrency, FunctionName="f", ReservedConcurrentExecutions=901)
    assert text == (
        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
        "minimum value of [100]."
    )
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=900)
    assert client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 100


def test_a_version_published_with_its_function_is_answered_as_the_function(cloud):
    # Recorded: test_publish_version_on_create, and test_publish_with_update for the other.
    arn = "arn:aws:lambda:us-east-1:000000000000:function:f"
    made = make(cloud, Publish=True)
    assert (made["FunctionArn"], made["Version"]) == (arn, "1")
    client = cloud.client("lambda")
    listed = client.list_versions_by_function(FunctionName="f")["Versions"]
    assert [version["FunctionArn"] for version in listed] == [f"{arn}:$LATEST", f"{arn}:1"]
    updated = client.update_function_code(FunctionName="f", ZipFile=zipped("def handler(event, context): return 2"), Publish=True)
    assert (updated["FunctionArn"], updated["Version"]) == (f"{arn}:2", "2")
