"""MFA delete: versions that only the root user deletes, with a code of its device. Texts: see services/s3/mfa_delete.py."""

import json

import pytest
from refusals import refused, refused_fully

from kumoniwa.gate.mfa import code_at

ACCOUNT = "111111111111"
NEEDED = (403, "AccessDenied", "Mfa Authentication must be used for this request")
OWNER = (403, "AccessDenied", "This operation may only be performed by the bucket owner")
ON = {"Status": "Enabled", "MFADelete": "Enabled"}


class Phone:
    """A device that shows codes."""

    def __init__(self, cloud, iam, name):
        made = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]
        self.cloud, self.serial, self.seed = cloud, made["SerialNumber"], made["Base32StringSeed"].decode()

    def code(self, later=0):
        return code_at(self.seed, int(self.cloud.now() // 30) + later)

    def __str__(self):
        return f"{self.serial} {self.code()}"

    def next(self) -> str:
        """What a request says in the next thirty seconds: a code opens once."""
        self.cloud.sleep(30)
        return str(self)

    def enable(self, iam, user):
        iam.enable_mfa_device(UserName=user, SerialNumber=self.serial, AuthenticationCode1=self.code(-1), AuthenticationCode2=self.code())


class World:
    def __init__(self, cloud):
        self.cloud = cloud
        self.iam = cloud.client("iam", key=ACCOUNT)
        key = self.iam.create_access_key()["AccessKey"]
        self.root = {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
        self.phone = Phone(cloud, self.iam, "root-account-mfa-device")
        self.phone.enable(cloud.client("iam", **self.root), "AWS ROOT USER")
        self.s3 = self.over_tls(**self.root)
        self.s3.create_bucket(Bucket="box")

    def over_tls(self, **keys):
        client = self.cloud.own_client("s3", **keys)

        def encrypt(request, **_):
            request.url = request.url.replace("http://", "https://")

        client.meta.events.register("request-created.s3", encrypt)
        return client

    def alice(self):
        self.iam.create_user(UserName="alice")
        allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        self.iam.put_user_policy(UserName="alice", PolicyName="all", PolicyDocument=json.dumps(allow))
        key = self.iam.create_access_key(UserName="alice")["AccessKey"]
        return {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}

    def turn(self, s3=None, **said):
        (s3 or self.s3).put_bucket_versioning(Bucket="box", **said)

    def protect(self):
        self.turn(VersioningConfiguration=ON, MFA=self.phone.next())

    def versioning(self):
        told = self.s3.get_bucket_versioning(Bucket="box")
        return {name: told[name] for name in ("Status", "MFADelete") if name in told}


@pytest.fixture
def world(cloud):
    return World(cloud)


def test_the_root_user_has_a_device_of_its_own(cloud, world):
    iam = cloud.client("iam", **world.root)
    assert [each["SerialNumber"] for each in iam.list_mfa_devices()["MFADevices"]] == [world.phone.serial]
    assert iam.get_account_summary()["SummaryMap"]["AccountMFAEnabled"] == 1
    listed = iam.list_virtual_mfa_devices()["VirtualMFADevices"][0]
    assert (listed["User"]["Arn"], listed["User"]["UserId"], "UserName" in listed["User"]) == (f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, False)
    assert "UserName" not in iam.get_mfa_device(SerialNumber=world.phone.serial)
    iam.generate_credential_report()
    cloud.sleep(10)
    report = iam.get_credential_report()["Content"].decode().splitlines()
    assert dict(zip(report[0].split(","), report[1].split(",")))["mfa_active"] == "true"
    cloud.sleep(60)
    codes = {"AuthenticationCode1": world.phone.code(-1), "AuthenticationCode2": world.phone.code()}
    iam.resync_mfa_device(UserName="AWS ROOT USER", SerialNumber=world.phone.serial, **codes)
    iam.deactivate_mfa_device(UserName="AWS ROOT USER", SerialNumber=world.phone.serial)
    assert iam.list_mfa_devices()["MFADevices"] == []
    assert iam.get_account_summary()["SummaryMap"]["AccountMFAEnabled"] == 0


def test_nobody_else_has_the_root_user_s_name(cloud, world):
    iam, phone = cloud.client("iam", **world.alice()), Phone(cloud, world.iam, "hers")
    said = {"UserName": "AWS ROOT USER", "SerialNumber": phone.serial, "AuthenticationCode1": phone.code(-1), "AuthenticationCode2": phone.code()}
    words = "The specified value for userName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
    assert refused(iam.enable_mfa_device, **said) == ("ValidationError", words)
    assert refused(world.iam.create_user, UserName="AWS ROOT USER") == ("ValidationError", words)


def test_mfa_delete_is_turned_on_and_off_with_a_code_and_told(world):
    assert world.versioning() == {}
    assert refused_fully(world.s3.put_bucket_versioning, Bucket="box", VersioningConfiguration=ON) == NEEDED
    world.protect()
    assert world.versioning() == ON
    for said in ({"Status": "Suspended"}, {"Status": "Enabled", "MFADelete": "Disabled"}, {"Status": "Enabled"}):
        assert refused_fully(world.s3.put_bucket_versioning, Bucket="box", VersioningConfiguration=said) == NEEDED
    world.turn(VersioningConfiguration={"Status": "Suspended"}, MFA=world.phone.next())
    assert world.versioning() == {"Status": "Suspended", "MFADelete": "Enabled"}
    world.turn(VersioningConfiguration={"Status": "Suspended", "MFADelete": "Disabled"}, MFA=world.phone.next())
    assert world.versioning() == {"Status": "Suspended", "MFADelete": "Disabled"}
    world.turn(VersioningConfiguration={"Status": "Enabled"})


def test_that_it_is_off_is_said_without_a_code_and_told(world):
    # Terraform says it of each bucket: https://github.com/HXSecurity/TerraformGoat, aws/s3/mfa_delete_is_disable
    world.turn(VersioningConfiguration={"Status": "Enabled", "MFADelete": "Disabled"})
    assert world.versioning() == {"Status": "Enabled", "MFADelete": "Disabled"}


def test_a_version_goes_with_a_code_only(world):
    world.protect()
    version = world.s3.put_object(Bucket="box", Key="k", Body=b"1")["VersionId"]
    marker = world.s3.delete_object(Bucket="box", Key="k")["VersionId"]
    assert refused_fully(world.s3.delete_object, Bucket="box", Key="k", VersionId=marker) == NEEDED
    assert world.s3.delete_object(Bucket="box", Key="k", VersionId=marker, MFA=world.phone.next())["DeleteMarker"] is True
    assert world.s3.get_object(Bucket="box", Key="k")["Body"].read() == b"1"
    world.s3.delete_object(Bucket="box", Key="k", VersionId=version, MFA=world.phone.next())
    assert "Versions" not in world.s3.list_object_versions(Bucket="box")
    world.s3.delete_bucket(Bucket="box")


def test_of_many_keys_none_is_deleted_if_one_version_is_not_proven(world):
    world.protect()
    version = world.s3.put_object(Bucket="box", Key="a", Body=b"1")["VersionId"]
    world.s3.put_object(Bucket="box", Key="b", Body=b"1")
    listed = {"Objects": [{"Key": "a", "VersionId": version}, {"Key": "b"}]}
    assert refused_fully(world.s3.delete_objects, Bucket="box", Delete=listed) == NEEDED
    assert len(world.s3.list_objects_v2(Bucket="box")["Contents"]) == 2
    # A wrong code is refused whether one is needed or not.
    wrong = f"{world.phone.serial} {(int(world.phone.code()) + 1) % 10**6:06d}"
    unversioned = {"Objects": [{"Key": "b"}]}
    assert refused_fully(world.s3.delete_objects, Bucket="box", Delete=unversioned, MFA=wrong)[1] == "TokenCodeInvalidError"
    assert [each["Key"] for each in world.s3.delete_objects(Bucket="box", Delete=listed, MFA=world.phone.next())["Deleted"]] == ["a", "b"]
    assert "Contents" not in world.s3.list_objects_v2(Bucket="box")


def test_users_prove_what_they_like_and_may_not(cloud, world):
    world.protect()
    version = world.s3.put_object(Bucket="box", Key="k", Body=b"1")["VersionId"]
    keys = world.alice()
    hers, s3 = Phone(cloud, world.iam, "hers"), world.over_tls(**keys)
    hers.enable(world.iam, "alice")
    named = {"Bucket": "box", "Key": "k", "VersionId": version}
    assert refused_fully(s3.delete_object, **named) == NEEDED
    assert refused_fully(s3.delete_object, **named, MFA=hers.next()) == OWNER
    assert refused_fully(s3.put_bucket_versioning, Bucket="box", VersioningConfiguration=ON, MFA=hers.next()) == OWNER
    code = world.phone.code()
    words = f"The device with serial number {world.phone.serial} that generated token {code} is not owned by the authenticated user"
    assert refused_fully(s3.delete_object, **named, MFA=f"{world.phone.serial} {code}") == (400, "NotDeviceOwnerError", words)
    assert s3.delete_object(Bucket="box", Key="k")["DeleteMarker"] is True


def test_what_the_header_says_wrongly_is_told(cloud, world):
    def answer(said, s3=world.s3):
        return refused_fully(s3.put_bucket_versioning, Bucket="box", VersioningConfiguration=ON, MFA=said)

    form = "Mfa header is invalid -- the header should be formatted as {serialNumber}(space){tokenCode}"
    assert answer("970589") == (400, "InvalidArgument", form)
    invalid = (400, "TokenCodeInvalidError", "The serial number and/or token code you provided is not valid.")
    assert answer(f"{world.phone.serial} abcdef") == invalid
    world.protect()
    assert answer(str(world.phone)) == invalid  # the same code again
    session = cloud.client("sts", **world.root).get_session_token()["Credentials"]
    s3 = world.over_tls(key=session["AccessKeyId"], secret=session["SecretAccessKey"], token=session["SessionToken"])
    assert answer(world.phone.next(), s3) == (400, "InvalidRequest", "DevPay and Mfa are mutually exclusive authorization methods.")
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMFADelete.html; the words of the refusal are ours
    plain = (400, "InvalidRequest", "Requests that include x-amz-mfa must use HTTPS.")
    assert answer(str(world.phone), cloud.client("s3", **world.root)) == plain


def test_a_code_is_not_told_to_trails(cloud, world):
    world.protect()
    events = cloud.client("cloudtrail", key=ACCOUNT).lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "PutBucketVersioning"}]
    )["Events"]
    assert world.phone.code() not in events[0]["CloudTrailEvent"]


def test_lifecycle_and_mfa_delete_exclude_each_other(world):
    rules = {"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]}
    world.s3.put_bucket_lifecycle_configuration(Bucket="box", LifecycleConfiguration=rules)
    # https://github.com/cloudposse/terraform-aws-codebuild/issues/76
    words = (
        "Mfa Authentication is not supported on a bucket with lifecycle configuration. Delete lifecycle configuration before enabling "
        "Mfa Authentication."
    )
    said = {"Bucket": "box", "VersioningConfiguration": ON}
    assert refused(world.s3.put_bucket_versioning, **said, MFA=world.phone.next()) == ("InvalidBucketState", words)
    world.s3.delete_bucket_lifecycle(Bucket="box")
    world.protect()
    assert refused(world.s3.put_bucket_lifecycle_configuration, Bucket="box", LifecycleConfiguration=rules)[0] == "InvalidBucketState"
