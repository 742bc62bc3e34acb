"""Secrets Manager: values, their versions, and the labels that say which of them counts.

What a test says in AWS's words was recorded there: localstack/localstack, tests/aws/services/secretsmanager/test_secretsmanager.snapshot.json.
"""

from __future__ import annotations

import json
import uuid

import pytest
from refusals import refused
from secret_workshop import is_on_disk

ACCOUNT = "000000000000"
DAY = 86_400


@pytest.fixture
def secrets(cloud):
    return cloud.client("secretsmanager")


def versions(secrets, name="s", **how) -> dict[str, list[str]]:
    listed = secrets.list_secret_version_ids(SecretId=name, **how)["Versions"]
    return {each["VersionId"]: sorted(each.get("VersionStages", [])) for each in listed}


def current(secrets, name="s", **which) -> str:
    return secrets.get_secret_value(SecretId=name, **which)["SecretString"]


def test_a_secret_says_what_was_put_in_it(secrets):
    made = secrets.create_secret(Name="app/db_1+=.@-!", SecretString="kept")
    read = secrets.get_secret_value(SecretId="app/db_1+=.@-!")
    assert read["ARN"] == made["ARN"] and made["ARN"].startswith(f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:app/db_1+=.@-!-")
    assert len(made["ARN"]) == len(f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:app/db_1+=.@-!-") + 6
    assert (read["SecretString"], read["VersionId"], read["VersionStages"]) == ("kept", made["VersionId"], ["AWSCURRENT"])
    assert "SecretBinary" not in read
    secrets.create_secret(Name="b", SecretBinary=b"\x00\xff")
    assert secrets.get_secret_value(SecretId="b")["SecretBinary"] == b"\x00\xff"


@pytest.mark.parametrize("name", ["Inv Name", " Inv Name", " Inv*Name? ", " Inv *?!]Name\\-"])
def test_a_name_has_letters_digits_and_few_signs(secrets, name):
    said = "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"
    assert refused(secrets.create_secret, Name=name, SecretString="x") == ("ValidationException", said)
    assert refused(secrets.get_secret_value, SecretId=name) == ("ValidationException", said)


def test_an_arn_may_lack_its_six_characters_unless_the_name_ends_like_one(secrets):
    arn = secrets.create_secret(Name="plain", SecretString="1")["ARN"]
    assert current(secrets, arn) == current(secrets, arn[:-7]) == current(secrets, "plain") == "1"
    arn = secrets.create_secret(Name="looks-a1b2c3", SecretString="2")["ARN"]
    assert current(secrets, arn) == "2"
    assert refused(secrets.get_secret_value, SecretId=arn[:-7]) == (
        "ResourceNotFoundException", "Secrets Manager can't find the specified secret.",
    )  # fmt: skip


def test_what_is_not_there_is_told_in_words(secrets):
    assert refused(secrets.get_secret_value, SecretId="none")[1] == "Secrets Manager can't find the specified secret."
    secrets.create_secret(Name="empty")
    said = "Secrets Manager can't find the specified secret value for"
    assert refused(secrets.get_secret_value, SecretId="empty") == ("ResourceNotFoundException", f"{said} staging label: AWSCURRENT")
    first = secrets.put_secret_value(SecretId="empty", SecretString="1")["VersionId"]
    assert refused(secrets.get_secret_value, SecretId="empty", VersionStage="AWSPREVIOUS")[1] == f"{said} staging label: AWSPREVIOUS"
    unknown = str(uuid.uuid4())
    assert refused(secrets.get_secret_value, SecretId="empty", VersionId=unknown)[1] == f"{said} VersionId: {unknown}"
    assert refused(secrets.get_secret_value, SecretId="empty", VersionId=first, VersionStage="AWSPREVIOUS") == (
        "InvalidRequestException", "You provided a VersionStage that is not associated to the provided VersionId.",
    )  # fmt: skip


def test_previous_follows_current(secrets):
    one = secrets.create_secret(Name="s", SecretString="1")["VersionId"]
    two = secrets.put_secret_value(SecretId="s", SecretString="2")["VersionId"]
    assert versions(secrets) == {one: ["AWSPREVIOUS"], two: ["AWSCURRENT"]}
    three = secrets.update_secret(SecretId="s", SecretString="3")["VersionId"]
    assert versions(secrets) == {two: ["AWSPREVIOUS"], three: ["AWSCURRENT"]}
    assert versions(secrets, IncludeDeprecated=True) == {one: [], two: ["AWSPREVIOUS"], three: ["AWSCURRENT"]}
    assert (current(secrets), current(secrets, VersionStage="AWSPREVIOUS"), current(secrets, VersionId=one)) == ("3", "2", "1")


def test_labels_wander_as_recorded(secrets):
    one = secrets.create_secret(Name="s", SecretString="S1")["VersionId"]
    put = secrets.put_secret_value(SecretId="s", SecretString="S2", VersionStages=["AWSSOMETHING", "AWSPENDING", "PUT1"])
    two = put["VersionId"]
    assert sorted(put["VersionStages"]) == ["AWSPENDING", "AWSSOMETHING", "PUT1"] and current(secrets) == "S1"
    secrets.update_secret_version_stage(SecretId="s", RemoveFromVersionId=one, MoveToVersionId=two, VersionStage="AWSCURRENT")
    assert versions(secrets) == {one: ["AWSPREVIOUS"], two: ["AWSCURRENT", "AWSPENDING", "AWSSOMETHING", "PUT1"]}
    three = secrets.put_secret_value(SecretId="s", SecretString="S3", VersionStages=["AWSPENDING", "PUT2"])["VersionId"]
    assert versions(secrets) == {one: ["AWSPREVIOUS"], two: ["AWSCURRENT", "AWSSOMETHING", "PUT1"], three: ["AWSPENDING", "PUT2"]}
    secrets.update_secret_version_stage(SecretId="s", RemoveFromVersionId=two, MoveToVersionId=three, VersionStage="AWSCURRENT")
    assert versions(secrets) == {two: ["AWSPREVIOUS", "AWSSOMETHING", "PUT1"], three: ["AWSCURRENT", "AWSPENDING", "PUT2"]}


def test_who_is_no_longer_current_is_not_pending_either(secrets):
    # Recorded: test_update_secret_version_stages_current_pending
    one = secrets.create_secret(Name="s", SecretString="S1")["VersionId"]
    two = secrets.put_secret_value(SecretId="s", SecretString="S2", VersionStages=["AWSPENDING"])["VersionId"]
    secrets.update_secret_version_stage(SecretId="s", VersionStage="AWSCURRENT", RemoveFromVersionId=one, MoveToVersionId=two)
    assert versions(secrets) == {one: ["AWSPREVIOUS"], two: ["AWSCURRENT", "AWSPENDING"]}
    three = secrets.put_secret_value(SecretId="s", SecretString="S3")["VersionId"]
    assert versions(secrets) == {two: ["AWSPREVIOUS"], three: ["AWSCURRENT"]}


def test_a_label_is_moved_by_those_who_know_where_it_is(secrets):
    """https://github.com/hashicorp/terraform-provider-aws/issues/19943 tells AWS's words."""
    one = secrets.create_secret(Name="s", SecretString="1")["VersionId"]
    two = secrets.put_secret_value(SecretId="s", SecretString="2", VersionStages=["AWSPENDING"])["VersionId"]
    move = secrets.update_secret_version_stage
    assert refused(move, SecretId="s", VersionStage="AWSCURRENT", MoveToVersionId=two) == (
        "InvalidParameterException",
        f"The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is currently attached to version {one}, "
        "so you must explicitly reference that version in RemoveFromVersionId.",
    )  # fmt: skip
    assert refused(move, SecretId="s", VersionStage="AWSCURRENT", RemoveFromVersionId=one)[0] == "InvalidParameterException"
    assert refused(move, SecretId="s", VersionStage="AWSCURRENT", RemoveFromVersionId=two, MoveToVersionId=one)[0] == "InvalidParameterException"
    move(SecretId="s", VersionStage="MINE", MoveToVersionId=one)
    move(SecretId="s", VersionStage="MINE", RemoveFromVersionId=one)
    move(SecretId="s", VersionStage="AWSPENDING", RemoveFromVersionId=two)
    assert versions(secrets) == {one: ["AWSCURRENT"]}


def test_a_token_said_again_does_nothing_and_with_another_value_is_refused(secrets):
    token = str(uuid.uuid4())
    arn = secrets.create_secret(Name="s", SecretString="1", ClientRequestToken=token)["ARN"]
    assert secrets.create_secret(Name="s", SecretString="1", ClientRequestToken=token)["VersionId"] == token
    taken = ("ResourceExistsException", f"You can't use ClientRequestToken {token} because that value is already in use for a version of secret {arn}.")
    assert refused(secrets.create_secret, Name="s", SecretString="2", ClientRequestToken=token) == taken
    assert refused(secrets.put_secret_value, SecretId="s", SecretString="2", ClientRequestToken=token) == taken
    assert refused(secrets.update_secret, SecretId="s", SecretString="2", ClientRequestToken=token) == taken
    secrets.put_secret_value(SecretId="s", SecretString="1", ClientRequestToken=token)
    assert versions(secrets) == {token: ["AWSCURRENT"]}
    assert refused(secrets.create_secret, Name="s", SecretString="1") == (
        "ResourceExistsException", "The operation failed because the secret s already exists.",
    )  # fmt: skip


def test_a_value_is_one_of_two_kinds(secrets):
    assert refused(secrets.create_secret, Name="s", SecretString="1", SecretBinary=b"1")[0] == "InvalidParameterException"
    secrets.create_secret(Name="s")
    assert refused(secrets.put_secret_value, SecretId="s") == (
        "InvalidRequestException", "You must provide either SecretString or SecretBinary.",
    )  # fmt: skip


def test_old_versions_without_labels_make_room(cloud, secrets):
    first = secrets.create_secret(Name="s", SecretString="0")["VersionId"]
    for number in range(99):
        secrets.put_secret_value(SecretId="s", SecretString=str(number))
    assert refused(secrets.put_secret_value, SecretId="s", SecretString="too many")[0] == "LimitExceededException"
    cloud.sleep(DAY + 1)
    secrets.put_secret_value(SecretId="s", SecretString="fits")
    assert first not in versions(secrets, IncludeDeprecated=True) and current(secrets) == "fits"


def test_several_are_read_at_once_and_what_fails_is_told_beside(secrets):
    for name in "abc":
        secrets.create_secret(Name=name, SecretString=name * 2, Tags=[{"Key": "of", "Value": name}])
    secrets.delete_secret(SecretId="c")
    read = secrets.batch_get_secret_value(SecretIdList=["a", "none", "c", "b"])
    assert [each["SecretString"] for each in read["SecretValues"]] == ["aa", "bb"]
    assert [(each["SecretId"], each["ErrorCode"]) for each in read["Errors"]] == [
        ("none", "ResourceNotFoundException"), ("c", "InvalidRequestException"),
    ]  # fmt: skip
    found, token = [], {}
    while True:
        page = secrets.batch_get_secret_value(Filters=[{"Key": "tag-key", "Values": ["of"]}], MaxResults=1, **token)
        found += [each["Name"] for each in page["SecretValues"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert found == ["a", "b"]
    assert refused(secrets.batch_get_secret_value)[1] == "Either 'SecretIdList' or 'Filters' must be provided, but not both."
    assert refused(secrets.batch_get_secret_value, SecretIdList=["a"], MaxResults=1)[1] == (
        "'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided."
    )


# Encryption ----------------------------------------------------------------------------------------


def test_no_value_is_on_the_disk(cloud, secrets):
    secrets.create_secret(Name="s", SecretString="hunter2-in-clear")
    secrets.put_secret_value(SecretId="s", SecretBinary=b"octets-in-clear")
    cloud.restart()
    assert is_on_disk(cloud, "arn:aws:kms") or is_on_disk(cloud, "AWSCURRENT")
    assert not is_on_disk(cloud, "hunter2-in-clear") and not is_on_disk(cloud, "octets-in-clear")
    assert current(secrets, VersionStage="AWSPREVIOUS") == "hunter2-in-clear"


def test_a_disabled_key_stops_reading_and_writing(cloud, secrets):
    kms = cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]
    secrets.create_secret(Name="s", SecretString="1", KmsKeyId=key["KeyId"])
    assert secrets.describe_secret(SecretId="s")["KmsKeyId"] == key["KeyId"]
    assert secrets.list_secret_version_ids(SecretId="s")["Versions"][0]["KmsKeyIds"] == [key["Arn"]]
    kms.disable_key(KeyId=key["KeyId"])
    assert refused(secrets.get_secret_value, SecretId="s") == (
        "DecryptionFailure", "Secrets Manager can't decrypt the protected secret text using the provided KMS key.",
    )  # fmt: skip
    assert refused(secrets.put_secret_value, SecretId="s", SecretString="2")[0] == "EncryptionFailure"
    kms.enable_key(KeyId=key["KeyId"])
    assert current(secrets) == "1"


def test_another_key_takes_over_the_versions_that_count(cloud, secrets):
    kms = cloud.client("kms")
    old, new = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    first = secrets.create_secret(Name="s", SecretString="0", KmsKeyId=old)["VersionId"]
    for value in ("1", "2"):
        secrets.put_secret_value(SecretId="s", SecretString=value)
    secrets.update_secret(SecretId="s", KmsKeyId=new)
    kms.disable_key(KeyId=old)
    assert (current(secrets), current(secrets, VersionStage="AWSPREVIOUS")) == ("2", "1")
    assert refused(secrets.get_secret_value, SecretId="s", VersionId=first)[0] == "DecryptionFailure"


def test_what_was_acknowledged_survives_a_kill(cloud, secrets):
    secrets.create_secret(Name="s", SecretString="1")
    secrets.put_secret_value(SecretId="s", SecretString="2")
    cloud.restart(kill=True)
    assert (current(secrets), current(secrets, VersionStage="AWSPREVIOUS")) == ("2", "1")


# Passwords -----------------------------------------------------------------------------------------


def test_a_password_has_what_was_asked_for(secrets):
    def made(**how) -> str:
        return secrets.get_random_password(**how)["RandomPassword"]

    word = made()
    assert len(word) == 32 and made() != word
    for kind in (str.islower, str.isupper, str.isdigit, lambda each: not each.isalnum()):
        assert any(kind(each) for each in word)
    assert made(PasswordLength=200, ExcludePunctuation=True, ExcludeNumbers=True).isalpha()
    assert made(PasswordLength=200, ExcludeUppercase=True, ExcludeLowercase=True, ExcludePunctuation=True).isdigit()
    assert not set(made(PasswordLength=1000, ExcludeCharacters="abc/@")) & set("abc/@")
    assert " " in made(PasswordLength=5, IncludeSpace=True) and " " not in made(PasswordLength=1000)
    assert refused(secrets.get_random_password, PasswordLength=3)[1] == "The password length is too short based on the required types."
    assert len(made(PasswordLength=3, RequireEachIncludedType=False)) == 3


@pytest.mark.parametrize(
    ("operation", "code"),
    [("create_secret", "InvalidRequestException"), ("update_secret", "InvalidRequestException"), ("put_secret_value", "InvalidRequestException"),
     ("rotate_secret", "InvalidParameterException")],
)  # fmt: skip
def test_who_writes_requests_by_hand_gives_a_token_before_there_need_be_a_secret(secrets, operation, code):
    # Recorded: localstack's test_no_client_request_token.
    def by_hand(params, **_):
        body = json.loads(params["body"])
        del body["ClientRequestToken"]
        params["body"] = json.dumps(body).encode()

    secrets.meta.events.register("before-call.secrets-manager", by_hand)
    asked = {"Name": "s"} if operation == "create_secret" else {"SecretId": "s"}
    value = {} if operation == "rotate_secret" else {"SecretString": "1"}
    assert refused(getattr(secrets, operation), **asked, **value) == (
        code, "You must provide a ClientRequestToken value. We recommend a UUID-type value.",
    )  # fmt: skip
    secrets.meta.events.unregister("before-call.secrets-manager", by_hand)
