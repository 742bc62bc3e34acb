"""Versions, aliases, and the concurrency they are given."""

from __future__ import annotations

from collections import Counter

import pytest
from botocore.exceptions import ClientError
from lambda_workshop import invoke, make, provisioned, zipped
from refusals import refused

WHICH = "def handler(event, context): return [{!r}, context.function_version, context.invoked_function_arn.split(':function:')[1]]"


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
    # Recorded: test_function_name_and_qualifier_validation[qualifier_too_long1-delete_function], of a name that nobody has given.
    expected = ("InvalidParameterValueException", "Deletion of aliases is not currently supported.")
    assert refused(client.delete_function, FunctionName="f:live") == refused(client.delete_function, FunctionName="f", Qualifier="no") == expected
    assert client.get_alias(FunctionName="f", Name="live")["FunctionVersion"] == "2"


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


def test_publishing_and_tagging_give_the_function_another_revision(client):
    # Recorded: test_function_revisions_version_and_alias, test_tag_lifecycle.
    def revision() -> str:
        return client.get_function_configuration(FunctionName="f")["RevisionId"]

    seen = [revision()]
    client.publish_version(FunctionName="f")
    seen.append(revision())
    arn = client.get_function_configuration(FunctionName="f")["FunctionArn"]
    client.tag_resource(Resource=arn, Tags={"a": "b"})
    seen.append(revision())
    client.untag_resource(Resource=arn, TagKeys=["a"])
    seen.append(revision())
    assert len(set(seen)) == 4


def test_a_function_has_fifty_tags_at_most_from_the_beginning(cloud):
    # Recorded: test_tag_limits.
    with pytest.raises(ClientError) as caught:
        make(cloud, name="tagged", Tags={f"k{n}": "v" for n in range(51)})
    assert caught.value.response["Error"]["Message"] == "Number of tags exceeds resource tag limit."
    assert make(cloud, name="tagged", Tags={f"k{n}": "v" for n in range(50)})["FunctionName"] == "tagged"


def test_what_is_broken_is_told_before_what_is_missing(cloud, client):
    # Recorded: test_lambda_eventinvokeconfig_exceptions, test_event_source_mapping_exceptions.
    text = "You must specify at least one of error handling or destination setting."
    assert refused(client.put_function_event_invoke_config, FunctionName="nobody") == ("InvalidParameterValueException", text)
    queue = "arn:aws:sqs:us-east-1:000000000000:q"
    assert refused(
        client.create_event_source_mapping, FunctionName="nobody", EventSourceArn=queue,
        DestinationConfig={"OnFailure": {"Destination": queue}},
    )[1] == "Unsupported DestinationConfig parameter for given event source mapping type."  # fmt: skip


def test_refused_weights_say_each_rule_once(client):
    # Recorded: test_notfound_and_invalid_routingconfigs.
    _, text = refused(
        client.create_alias, FunctionName="f", Name="a", FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {"2": 2.0}}
    )
    assert text.endswith(
        "[Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]"
    )


def test_a_capacity_provider_that_is_not_there_has_no_tags(client):
    # Recorded: test_tag_exceptions[capacity_provider].
    arn = "arn:aws:lambda:us-east-1:000000000000:capacity-provider:none"
    assert refused(client.list_tags, Resource=arn) == ("ResourceNotFoundException", f"Capacity provider not found: {arn}")
