"""Systems Manager: the Parameter Store.

What a test says in AWS's words is what getmoto/moto's tests/test_ssm/test_ssm.py tell of AWS, unless it names another source.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
from lambda_workshop import put_user
from notice_workshop import queue, received
from refusals import refused
from secret_workshop import is_on_disk

ACCOUNT = "000000000000"
ARN = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter"
DAY = 86_400


@pytest.fixture
def ssm(cloud):
    return cloud.client("ssm")


def put(ssm, name="/app/a", value="1", kind="String", **more) -> dict:
    return ssm.put_parameter(Name=name, Value=value, **({"Type": kind} if kind else {}), **more)


def read(ssm, name="/app/a", **how) -> str:
    return ssm.get_parameter(Name=name, **how)["Parameter"]["Value"]


def test_a_parameter_is_put_and_read(cloud, ssm):
    assert {k: v for k, v in put(ssm, Description="d").items() if k != "ResponseMetadata"} == {"Version": 1, "Tier": "Standard"}
    shown = ssm.get_parameter(Name="/app/a")["Parameter"]
    assert shown.pop("LastModifiedDate").timestamp() == pytest.approx(cloud.now(), abs=1)
    assert shown == {"Name": "/app/a", "Type": "String", "Value": "1", "Version": 1, "ARN": f"{ARN}/app/a", "DataType": "text"}
    assert read(ssm, f"{ARN}/app/a") == "1"
    (described,) = ssm.describe_parameters()["Parameters"]
    assert (described["Description"], described["Tier"], described["Policies"]) == ("d", "Standard", [])
    assert described["LastModifiedUser"] == f"arn:aws:iam::{ACCOUNT}:root"
    put(ssm, "list", "a,b", "StringList")
    assert read(ssm, "list") == "a,b"
    assert refused(ssm.put_parameter, Name="l2", Value="a,,b", Type="StringList")[0] == "ValidationException"


def test_what_exists_is_overwritten_only_by_those_who_say_so(ssm):
    """The second run of the handbook's patch configuration meets this refusal."""
    put(ssm, Description="d", AllowedPattern=r"\d+")
    assert refused(put, ssm=ssm) == (
        "ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
    )  # fmt: skip
    assert put(ssm, value="2", kind=None, Overwrite=True)["Version"] == 2
    (described,) = ssm.describe_parameters()["Parameters"]
    assert (described["Description"], described["AllowedPattern"], described["Version"]) == ("d", r"\d+", 2)
    assert refused(put, ssm=ssm, Overwrite=True, Tags=[{"Key": "a", "Value": "b"}])[0] == "ValidationException"
    assert refused(put, ssm=ssm, name="new", kind=None) == ("ValidationException", "A parameter type is required when you create a parameter.")
    assert put(ssm, "new", Overwrite=True)["Version"] == 1


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("ssm_test", "ValidationException", 'Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).'),
        ("AWS_TEST", "ValidationException", 'Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).'),
        ("/SSM/to/var", "ValidationException", 'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path'),
        ("/aws/to/var", "AccessDeniedException", "No access to reserved parameter name: /aws/to/var."),
        ("a b", "ValidationException", "each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_"),
        ("/a//b", "ValidationException", "each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_"),
        ("a/b", "ValidationException", "Parameter name must be a fully qualified name."),
        ("/a" * 16, "HierarchyLevelLimitExceededException", "15 levels"),
    ],
)
def test_a_name_keeps_to_the_rules(ssm, name, code, said):
    refusal = refused(put, ssm=ssm, name=name)
    assert refusal[0] == code and said in refusal[1]


@pytest.mark.parametrize(("made", "other"), [("/with", "with"), ("without", "/without")])
def test_a_single_slash_makes_no_difference(ssm, made, other):
    """moto has verified this against AWS: test_parameter_lifecycle_with_leading_slash."""
    put(ssm, made)
    assert read(ssm, other) == read(ssm, made) == "1" and ssm.get_parameter(Name=other)["Parameter"]["Name"] == made
    ssm.delete_parameter(Name=other)
    assert refused(ssm.get_parameter, Name=made)[0] == "ParameterNotFound"


def test_an_arn_names_a_parameter_of_its_own_region_and_deletes_none(cloud, ssm):
    put(ssm, value="east")
    cloud.region("us-west-2")
    put(cloud.client("ssm", region="us-west-2"), value="west")
    assert read(ssm, f"{ARN}/app/a") == "east"
    assert refused(read, ssm=ssm, name=f"{ARN}/app/a".replace("us-east-1", "us-west-2"))[0] == "ParameterNotFound"
    # hashicorp/terraform-provider-aws, issue 39067.
    expected = ("ValidationException", "Parameter ARN is not supported for this operation")
    assert refused(ssm.delete_parameter, Name=f"{ARN}/app/a") == expected
    # "You can't enter the Amazon Resource Name (ARN) for a parameter" (API_DeleteParameters); that it is told as invalid is our reading.
    assert ssm.delete_parameters(Names=[f"{ARN}/app/a"])["InvalidParameters"] == [f"{ARN}/app/a"]
    assert read(ssm) == "east"


@pytest.mark.parametrize("name", ["/app//a", "app/a"])
def test_a_path_is_asked_for_in_its_form_or_refused(ssm, name):
    # localstack's test_hierarchical_parameter
    put(ssm)
    code, text = refused(ssm.get_parameter, Name=name)
    assert code == "ValidationException" and "sub-paths divided by slash symbol" in text


def test_versions_and_labels_choose(ssm):
    for value in "123":
        put(ssm, value=value, Overwrite=True)
    ssm.label_parameter_version(Name="/app/a", ParameterVersion=2, Labels=["prod", "blue"])
    chosen = ssm.get_parameter(Name="/app/a:prod")["Parameter"]
    assert (chosen["Value"], chosen["Version"], chosen["Selector"]) == ("2", 2, ":prod")
    assert (read(ssm, "/app/a:1"), read(ssm, "/app/a"), read(ssm, f"{ARN}/app/a:1")) == ("1", "3", "1")
    assert refused(ssm.get_parameter, Name="/app/a:9") == (
        "ParameterVersionNotFound", "Systems Manager could not find version 9 of /app/a. Verify the version and try again.",
    )  # fmt: skip
    assert refused(ssm.get_parameter, Name="/app/a:none")[0] == "ParameterVersionNotFound"
    ssm.label_parameter_version(Name="/app/a", Labels=["prod"])
    history = ssm.get_parameter_history(Name="/app/a")["Parameters"]
    assert [(each["Version"], each["Value"], each["Labels"]) for each in history] == [(1, "1", []), (2, "2", ["blue"]), (3, "3", ["prod"])]
    assert ssm.label_parameter_version(Name="/app/a", Labels=["9a", "awsa", "a/b", "fine"])["InvalidLabels"] == ["9a", "awsa", "a/b"]
    gone = ssm.unlabel_parameter_version(Name="/app/a", ParameterVersion=3, Labels=["prod", "blue"])
    assert (gone["RemovedLabels"], gone["InvalidLabels"]) == (["prod"], ["blue"])
    answer = ssm.get_parameters(Names=["/app/a:1", "/app/a:none", "gone", "/app/a:1"])
    assert [each["Value"] for each in answer["Parameters"]] == ["1"] and answer["InvalidParameters"] == ["/app/a:none", "gone"]
    many = [f"l{number}" for number in range(10)]
    assert refused(ssm.label_parameter_version, Name="/app/a", Labels=many)[0] == "ParameterVersionLabelLimitExceeded"


def test_the_oldest_version_makes_room_unless_it_is_labelled(ssm):
    for number in range(101):
        put(ssm, value=str(number), Overwrite=True)
    pages = list(ssm.get_paginator("get_parameter_history").paginate(Name="/app/a"))
    values = [each["Value"] for page in pages for each in page["Parameters"]]
    assert values == [str(number) for number in range(1, 101)] and len(pages) == 2
    ssm.label_parameter_version(Name="/app/a", ParameterVersion=2, Labels=["kept"])
    refusal = refused(put, ssm=ssm, Overwrite=True)
    assert refusal[0] == "ParameterMaxVersionLimitExceeded"
    assert "Version 2, the oldest version, can't be deleted because it has a label associated with it." in refusal[1]


def test_a_value_has_room_by_its_tier(ssm):
    assert "Standard tier parameters support a maximum parameter value of 4096 characters." in refused(put, ssm=ssm, value="a" * 4097)[1]
    assert put(ssm, value="a" * 4096)["Tier"] == "Standard"
    assert put(ssm, value="a" * 4097, Tier="Advanced", Overwrite=True)["Tier"] == "Advanced"
    assert put(ssm, Overwrite=True)["Tier"] == "Advanced"
    assert "can't downgrade" in refused(put, ssm=ssm, Tier="Standard", Overwrite=True)[1]
    assert put(ssm, "b", "a" * 8192, Tier="Intelligent-Tiering")["Tier"] == "Advanced"
    assert put(ssm, "c", Tier="Intelligent-Tiering")["Tier"] == "Standard"
    assert "maximum parameter value of 8192 characters" in refused(put, ssm=ssm, name="d", value="a" * 8193, Tier="Advanced")[1]
    empty = refused(put, ssm=ssm, name="e", value="")
    assert empty[0] == "ValidationException" and "Value '' at 'value' failed to satisfy constraint" in empty[1]


def test_a_pattern_is_kept_to(ssm):
    put(ssm, value="12", AllowedPattern=r"^\d{1,4}$")
    assert refused(put, ssm=ssm, value="x", Overwrite=True) == (
        "ParameterPatternMismatchException", r"Parameter value, cannot be validated against allowedPattern: ^\d{1,4}$",
    )  # fmt: skip
    assert refused(put, ssm=ssm, name="b", AllowedPattern="(")[0] == "InvalidAllowedPatternException"
    assert refused(put, ssm=ssm, name="b", value="a" * 30 + "!", AllowedPattern="(a+)+")[0] == "ParameterPatternMismatchException"


def test_what_we_have_not_is_refused_by_name(ssm):
    assert refused(ssm.get_parameter, Name="/aws/service/ami-amazon-linux-latest/al2023")[0] == "NotImplemented"
    assert refused(ssm.get_parameters_by_path, Path="/aws/service/global-infrastructure")[0] == "NotImplemented"
    assert refused(put, ssm=ssm, DataType="aws:ec2:image")[0] == "NotImplemented"
    assert refused(put, ssm=ssm, DataType="picture")[1] == "The following data type is not supported: picture (Data type names are all lowercase.)"


# Hierarchies ---------------------------------------------------------------------------------------

TREE = {"/foo/name1": "String", "/foo/name2": "String", "/bar/name3": "String", "/bar/name3/name4": "String", "/baz/l": "StringList",
        "/baz/s": "SecureString", "top": "String"}  # fmt: skip


@pytest.fixture
def tree(ssm):
    for name, kind in TREE.items():
        put(ssm, name, f"of {name}", kind)
    return ssm


def by_path(ssm, path, **how) -> list[str]:
    return sorted(each["Name"] for each in ssm.get_parameters_by_path(Path=path, **how)["Parameters"])


def test_paths_are_read_by_level_or_whole(tree):
    assert by_path(tree, "/") == ["top"] and len(by_path(tree, "/", Recursive=True)) == 7
    assert by_path(tree, "/foo") == by_path(tree, "/foo/") == ["/foo/name1", "/foo/name2"]
    assert by_path(tree, "/bar") == ["/bar/name3"] and by_path(tree, "/bar", Recursive=True) == ["/bar/name3", "/bar/name3/name4"]
    assert by_path(tree, "/fo", Recursive=True) == []
    assert by_path(tree, "/baz", ParameterFilters=[{"Key": "Type", "Values": ["SecureString"]}]) == ["/baz/s"]
    assert by_path(tree, "/baz", ParameterFilters=[{"Key": "KeyId", "Values": ["alias/aws/ssm"]}]) == ["/baz/s"]
    values = tree.get_parameters_by_path(Path="/baz", WithDecryption=True)["Parameters"]
    assert {each["Value"] for each in values} == {"of /baz/l", "of /baz/s"}
    tree.label_parameter_version(Name="/foo/name2", Labels=["old"])
    put(tree, "/foo/name2", "new", Overwrite=True)
    (labelled,) = tree.get_parameters_by_path(Path="/foo", ParameterFilters=[{"Key": "Label", "Values": ["old"]}])["Parameters"]
    assert (labelled["Value"], labelled["Version"]) == ("of /foo/name2", 1)
    assert refused(tree.get_parameters_by_path, Path="/baz", ParameterFilters=[{"Key": "Name", "Values": ["x"]}])[1] == (
        "The following filter key is not valid: Name. Valid filter keys include: [Type, KeyId]."
    )
    found, token = [], {}
    while token is not None:
        page = tree.get_parameters_by_path(Path="/", Recursive=True, MaxResults=3, **token)
        found += page["Parameters"]
        token = {"NextToken": page["NextToken"]} if "NextToken" in page else None
    assert sorted(each["Name"] for each in found) == sorted(TREE)


def test_parameters_are_described_by_filters(tree):
    tree.add_tags_to_resource(ResourceType="Parameter", ResourceId="top", Tags=[{"Key": "a", "Value": "b"}])

    def names(key, *values, option=None) -> list[str]:
        said = {"Key": key, "Values": list(values)} | ({"Option": option} if option else {})
        return sorted(each["Name"] for each in tree.describe_parameters(ParameterFilters=[said])["Parameters"])

    assert names("Name", "/top") == ["top"] and names("Name", "name", option="Contains") == sorted(n for n in TREE if "name" in n)
    assert names("Path", "/", "/foo") == ["/foo/name1", "/foo/name2", "top"]
    assert names("Path", "/bar", option="Recursive") == ["/bar/name3", "/bar/name3/name4"]
    assert names("Type", "StringList", "SecureString") == ["/baz/l", "/baz/s"]
    assert names("tag:a", "b") == ["top"] and names("tag:a", "c") == []
    assert names("Tier", "Standard") == sorted(TREE)
    for said, words in (
        ({"Key": "Label", "Values": ["x"]}, "Valid filter keys include: [Path, Name, Type, KeyId, Tier]"),
        ({"Key": "Name"}, "The following filter values are missing : null for filter key Name"),
        ({"Key": "Path", "Values": ["/aws"]}, 'can\'t be prefixed with "aws" or "ssm"'),
        ({"Key": "Path", "Values": ["//"]}, "The parameter doesn't meet the parameter name requirements"),
        ({"Key": "Tier", "Values": ["x"]}, "Valid values include: [Standard, Advanced, Intelligent-Tiering]"),
    ):
        assert words in refused(tree.describe_parameters, ParameterFilters=[said])[1]
    assert len(tree.describe_parameters(Filters=[{"Key": "Name", "Values": ["/foo"]}])["Parameters"]) == 2


def test_deleting_takes_the_history_along(tree):
    put(tree, "top", "2", Overwrite=True)
    assert tree.delete_parameters(Names=["top", "none"])["InvalidParameters"] == ["none"]
    assert put(tree, "top")["Version"] == 1
    assert len(tree.get_parameter_history(Name="top")["Parameters"]) == 1
    assert refused(tree.delete_parameter, Name="none")[0] == "ParameterNotFound"


def test_tags_are_on_the_parameter(ssm):
    put(ssm, Tags=[{"Key": "a", "Value": "1"}])
    ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId="/app/a", Tags=[{"Key": "b", "Value": "2"}])
    ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId="/app/a", TagKeys=["a"])
    assert ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="app/a")["TagList"] == [{"Key": "b", "Value": "2"}]
    assert refused(ssm.list_tags_for_resource, ResourceType="Parameter", ResourceId="none")[0] == "InvalidResourceId"


# SecureStrings -------------------------------------------------------------------------------------


@pytest.mark.parametrize("tier", ["Standard", "Advanced"])
def test_a_secure_string_is_shut_on_the_disk_and_to_those_who_do_not_ask(cloud, ssm, tier):
    put(ssm, value="hunter2-in-clear", kind="SecureString", Tier=tier)
    assert read(ssm, WithDecryption=True) == "hunter2-in-clear"
    assert read(ssm) not in ("hunter2-in-clear", "") and read(ssm) == read(ssm)
    cloud.restart(kill=True)
    assert not is_on_disk(cloud, "hunter2-in-clear") and is_on_disk(cloud, "SecureString")
    assert ssm.get_parameter_history(Name="/app/a", WithDecryption=True)["Parameters"][0]["Value"] == "hunter2-in-clear"
    assert ssm.describe_parameters()["Parameters"][0]["KeyId"] == "alias/aws/ssm"


def test_a_ciphertext_of_the_standard_tier_is_kms_own_and_bound_to_its_parameter(cloud, ssm):
    key = cloud.client("kms").create_key()["KeyMetadata"]["KeyId"]
    put(ssm, value="open", kind="SecureString", KeyId=key)


    blob = base64.b64decode(read(ssm))
    decrypt = cloud.client("kms").decrypt
    assert decrypt(CiphertextBlob=blob, EncryptionContext={"PARAMETER_ARN": f"{ARN}/app/a"})["Plaintext"] == b"open"
    assert refused(decrypt, CiphertextBlob=blob)[0] == "InvalidCiphertextException"


@pytest.mark.parametrize("tier", ["Standard", "Advanced"])
def test_a_disabled_key_stops_reading(cloud, ssm, tier):
    kms = cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]
    put(ssm, value="1", kind="SecureString", KeyId=key["KeyId"], Tier=tier)
    kms.disable_key(KeyId=key["KeyId"])
    code, said = refused(ssm.get_parameter, Name="/app/a", WithDecryption=True)
    # https://github.com/binxio/aws-ssm-copy/issues/10 tells the form of AWS's words.
    assert code == "InvalidKeyId" and said.startswith(f"{key['Arn']} is disabled. (Service: AWSKMS; Status Code: 400; Error Code: DisabledException;")
    assert refused(put, ssm=ssm, Overwrite=True, kind="SecureString")[0] == "InvalidKeyId"
    kms.enable_key(KeyId=key["KeyId"])
    assert read(ssm, WithDecryption=True) == "1"
    assert refused(put, ssm=ssm, name="b", kind="SecureString", KeyId="alias/none")[0] == "InvalidKeyId"


def test_who_reads_needs_the_parameter_and_the_key(cloud, ssm):
    key = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    put(ssm, "/app/default", kind="SecureString")
    put(ssm, "/app/own", kind="SecureString", KeyId=key)
    put_user(cloud, "reader", "AKIAREADER000000", "ssm:GetParameter")
    reader = cloud.client("ssm", key="AKIAREADER000000", secret="secret")
    assert read(reader, "/app/default", WithDecryption=True) == "1"
    assert refused(reader.get_parameter, Name="/app/own", WithDecryption=True)[0] == "AccessDeniedException"
    assert read(reader, "/app/own")
    denied = refused(reader.get_parameters_by_path, Path="/app")
    assert denied[0] == "AccessDeniedException" and f"ssm:GetParametersByPath on resource: {ARN}/app" in denied[1]
    assert f"ssm:DeleteParameter on resource: {ARN}/app/own" in refused(reader.delete_parameter, Name="/app/own")[1]


def test_a_secret_is_read_as_a_parameter(cloud, ssm):
    secrets = cloud.client("secretsmanager")
    secrets.create_secret(Name="s", SecretString="1")
    secrets.put_secret_value(SecretId="s", SecretString="2")
    name = "/aws/reference/secretsmanager/s"
    shown = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    assert (shown["Name"], shown["Type"], shown["Value"], shown["Version"]) == (name, "SecureString", "2", 0)  # test_get_secret_parameter
    source = json.loads(shown["SourceResult"])
    assert (source["ARN"], source["name"]) == (secrets.describe_secret(SecretId="s")["ARN"], "s")
    assert read(ssm, f"{name}:AWSPREVIOUS", WithDecryption=True) == "1"
    assert refused(ssm.get_parameter, Name=name) == (
        "ValidationException", "WithDecryption flag must be True for retrieving a Secret Manager secret.",
    )  # fmt: skip
    assert refused(ssm.get_parameter, Name=f"{name}x", WithDecryption=True)[0] == "ParameterNotFound"


# Policies ------------------------------------------------------------------------------------------


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


@pytest.fixture
def told(cloud):
    """What the default bus hears of parameters."""
    url, arn = queue(cloud, "told")
    cloud.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}})})  # fmt: skip
    events = cloud.client("events")
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["aws.ssm"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": arn}])

    def heard() -> list[dict]:
        cloud.sleep(5)
        return [json.loads(each["Body"]) for each in received(cloud, url)]

    return heard


def test_a_parameter_expires_and_tells_before(cloud, ssm, told):
    expires = {"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": stamp(cloud.now() + 10 * DAY)}}
    soon = {"Type": "ExpirationNotification", "Version": "1.0", "Attributes": {"Before": "3", "Unit": "Days"}}
    still = {"Type": "NoChangeNotification", "Version": "1.0", "Attributes": {"After": "2", "Unit": "Days"}}
    put(ssm, Tier="Advanced", Policies=json.dumps([expires, soon, still]))
    assert [each["detail"]["operation"] for each in told()] == ["Create"]
    assert {each["PolicyType"]: each["PolicyStatus"] for each in ssm.describe_parameters()["Parameters"][0]["Policies"]} == {
        "Expiration": "Pending", "ExpirationNotification": "Pending", "NoChangeNotification": "Pending",
    }  # fmt: skip
    cloud.sleep(2 * DAY)
    (event,) = told()
    assert event["detail-type"] == "Parameter Store Policy Action" and event["resources"] == [f"{ARN}/app/a"]
    assert (event["detail"]["policy-type"], event["detail"]["parameter-name"]) == ("NoChangeNotification", "/app/a")
    cloud.restart(kill=True)
    cloud.sleep(5 * DAY)
    assert [each["detail"]["policy-type"] for each in told()] == ["ExpirationNotification"]
    cloud.sleep(3 * DAY)
    assert [each["detail"].get("policy-type") or each["detail"]["operation"] for each in told()] == ["Expiration", "Delete"]
    assert refused(ssm.get_parameter, Name="/app/a")[0] == "ParameterNotFound"


def test_changes_are_told(ssm, told):
    put(ssm)
    put(ssm, value="2", Overwrite=True)
    ssm.label_parameter_version(Name="/app/a", Labels=["x"])
    ssm.delete_parameter(Name="/app/a")
    heard = told()
    assert {each["detail-type"] for each in heard} == {"Parameter Store Change"}
    assert sorted(each["detail"]["operation"] for each in heard) == ["Create", "Delete", "LabelParameterVersion", "Update"]


@pytest.mark.parametrize(
    ("policies", "code"),
    [
        ("{", "ValidationException"),
        ([{"Type": "Magic", "Version": "1.0", "Attributes": {}}], "InvalidPolicyTypeException"),
        ([{"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": "soon"}}], "InvalidPolicyAttributeException"),
        ([{"Type": "ExpirationNotification", "Version": "1.0", "Attributes": {"Before": "3", "Unit": "Days"}}], "IncompatiblePolicyException"),
        ([{"Type": "NoChangeNotification", "Version": "1.0", "Attributes": {"After": "1", "Unit": "Days"}}] * 11, "PoliciesLimitExceededException"),
    ],
)
def test_policies_that_make_no_sense_are_refused(ssm, policies, code):
    said = policies if isinstance(policies, str) else json.dumps(policies)
    assert refused(put, ssm=ssm, Tier="Advanced", Policies=said)[0] == code


def test_policies_need_the_advanced_tier(ssm):
    said = json.dumps([{"Type": "NoChangeNotification", "Version": "1.0", "Attributes": {"After": "1", "Unit": "Days"}}])
    assert refused(put, ssm=ssm, Policies=said)[0] == "ValidationException"
    assert put(ssm, Policies=said, Tier="Intelligent-Tiering")["Tier"] == "Advanced"
    put(ssm, Policies="[]", Overwrite=True)
    assert ssm.describe_parameters()["Parameters"][0]["Policies"] == []


def test_what_was_acknowledged_survives_a_kill(cloud, ssm):
    put(ssm)
    put(ssm, value="2", Overwrite=True)
    ssm.label_parameter_version(Name="/app/a", ParameterVersion=1, Labels=["first"])
    cloud.restart(kill=True)
    assert (read(ssm), read(ssm, "/app/a:first")) == ("2", "1")
