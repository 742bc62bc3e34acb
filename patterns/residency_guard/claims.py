"""What the pattern claims: an account's data stays in its regions and with its organization, whoever asks, its root user too."""

import json
from pathlib import Path

import boto3
from botocore.exceptions import ClientError
from stage import REGION, holds

EU, US = "eu-west-1", "us-east-1"
STRANGER = "999999999999"
RECORD = b"blood group 0"


def refusal(operation, **params):
    """Code and words of what is refused."""
    try:
        operation(**params)
    except ClientError as error:
        said = error.response["Error"]
        return said["Code"], said.get("Message", "")
    return "taken", ""


def is_bound(said, kind):
    return said[0].startswith("AccessDenied") and said[1].endswith(f"with an explicit deny in a {kind} control policy")


class Person:
    """Somebody with keys, in any region."""

    def __init__(self, cloud, key, secret="none", token=None):
        self.cloud, self.keys = cloud, {"aws_access_key_id": key, "aws_secret_access_key": secret, "aws_session_token": token}

    def __call__(self, service, region=EU):
        return boto3.client(service, region_name=region, endpoint_url=self.cloud.endpoint, **self.keys)


def organization(cloud):
    """The organization's id and its root's; it is made, with its types of policies, if this cloud has none yet."""
    api = cloud.client("organizations")
    try:
        api.create_organization(FeatureSet="ALL")
    except api.exceptions.AlreadyInOrganizationException:
        pass
    root = api.list_roots()["Roots"][0]
    for kind in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"):
        if kind not in [each["Type"] for each in root["PolicyTypes"]]:
            api.enable_policy_type(RootId=root["Id"], PolicyType=kind)
    return api.describe_organization()["Organization"]["Id"], root["Id"]


def administrator(cloud, account):
    """Whoever the management account sends into the member."""
    role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
    made = cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="residency")["Credentials"]
    return Person(cloud, made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])


def opened(*actions, resource="*"):
    """A policy of a resource that lets everybody in."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": list(actions), "Resource": resource}]})


def show_residency(cloud, account, people):
    bucket = f"patients-{account}"
    root = people["its root"]
    eu = root("s3")
    eu.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": EU})
    eu.put_object(Bucket=bucket, Key="record", Body=RECORD)
    holds(f"the member's root stores and reads in {EU}", eu.get_object(Bucket=bucket, Key="record")["Body"].read() == RECORD, bucket)
    eu.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for who, person in people.items():
        said = refusal(person("s3", US).create_bucket, Bucket=f"{bucket}-us")
        holds(f"{who} makes no bucket in {US}", is_bound(said, "service"), said[0])
        said = refusal(person("dynamodb", US).put_item, TableName="patients", Item={"id": {"S": "1"}})
        holds(f"{who} puts no item into a table in {US}", is_bound(said, "service"), said[0])
    # The management account is bound by no policy: its bucket abroad is where a copy would go.
    abroad = f"abroad-{account}"
    cloud.client("s3", US).create_bucket(Bucket=abroad)
    cloud.client("s3", US).put_bucket_versioning(Bucket=abroad, VersioningConfiguration={"Status": "Enabled"})
    may = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{abroad}/*"}
    cloud.client("s3", US).put_bucket_policy(Bucket=abroad, Policy=json.dumps({"Version": "2012-10-17", "Statement": [may]}))
    for who, person in people.items():
        said = refusal(person("s3", US).copy_object, Bucket=abroad, Key="record", CopySource=f"{bucket}/record")
        holds(f"{who} copies nothing into a bucket of another account there that would take it", is_bound(said, "service"), said[0])
    rule = {"ID": "out", "Status": "Enabled", "Priority": 1, "Filter": {}, "DeleteMarkerReplication": {"Status": "Disabled"}, "Destination": {"Bucket": f"arn:aws:s3:::{abroad}"}}
    role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
    for who, person in people.items():
        said = refusal(person("s3").put_bucket_replication, Bucket=bucket, ReplicationConfiguration={"Role": role, "Rules": [rule]})
        holds(f"{who} cannot have the bucket copied to {US}", is_bound(said, "service"), said[0])
    copies = cloud.client("s3", US).list_objects_v2(Bucket=abroad)["KeyCount"]
    holds("the inventory abroad shows nothing", copies == 0, f"{copies} objects")
    return bucket


def show_services(people):
    for who, person in people.items():
        person("sqs").list_queues()
        said = refusal(person("kinesis").list_streams)
        holds(f"{who} may use the services of the list and no other", is_bound(said, "service"), f"kinesis: {said[0]}")


def show_perimeter(cloud, account, people, bucket):
    owner, colleague, stranger = people["its root"], Person(cloud, cloud.session.get_credentials().access_key), Person(cloud, STRANGER)
    s3 = owner("s3")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicPolicy": False, "RestrictPublicBuckets": False})
    s3.put_bucket_policy(Bucket=bucket, Policy=opened("s3:GetObject", resource=f"arn:aws:s3:::{bucket}/*"))
    said = refusal(stranger("s3").get_object, Bucket=bucket, Key="record")
    holds("a stranger is refused by the bucket whose policy lets everybody in", said[0] == "AccessDenied", said[0])
    holds("another account of the organization reads it", colleague("s3").get_object(Bucket=bucket, Key="record")["Body"].read() == RECORD)
    mine = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [mine, json.loads(opened("kms:Encrypt"))["Statement"][0]]})
    key = owner("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]
    said = refusal(stranger("kms").encrypt, KeyId=key, Plaintext=b"1")
    holds("and by the key whose policy does", is_bound(said, "resource"), said[0])
    holds("with which another account of the organization encrypts", bool(colleague("kms").encrypt(KeyId=key, Plaintext=b"1")["CiphertextBlob"]))


def show(cloud):
    id_, root = organization(cloud)
    account = cloud.deploy(Path(__file__).with_name("template.yaml"), "residency-guard", REGION, {"Root": root, "Organization": id_})["Patients"]
    people = {"its root": Person(cloud, account), "an administrator": administrator(cloud, account)}
    bucket = show_residency(cloud, account, people)
    show_services(people)
    show_perimeter(cloud, account, people, bucket)
    cloud.admin("POST", "regions/aws-global/kill")
    said = refusal(people["its root"]("s3", US).list_buckets)
    holds("regions hold to it while the control plane is dead", is_bound(said, "service"), said[0])
    cloud.admin("POST", "regions/aws-global/restart")
