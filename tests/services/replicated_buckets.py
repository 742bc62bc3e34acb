"""Two versioned buckets in two regions and a role to replicate between them, for those who test replication."""

import json

ROLE = "arn:aws:iam::000000000000:role/replicator"


def allow(*actions: str, resource="*") -> dict:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


EVERYTHING = allow("s3:*")


def make_role(cloud, *statements: dict, name: str = "replicator") -> None:
    iam = cloud.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}))
    grant(cloud, *(statements or (EVERYTHING,)), name=name)


def grant(cloud, *statements: dict, name: str = "replicator") -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    cloud.client("iam").put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=document)


class Pair:
    """``here`` in us-east-1 and ``there`` in eu-west-1, both versioned."""

    def __init__(self, cloud, *, lock: bool = False) -> None:
        self.cloud, self.east, self.west = cloud, cloud.client("s3"), cloud.client("s3", "eu-west-1")
        self.east.create_bucket(Bucket="here", ObjectLockEnabledForBucket=lock)
        self.west.create_bucket(
            Bucket="there", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}, ObjectLockEnabledForBucket=lock
        )
        for client, name in ((self.east, "here"), (self.west, "there")):
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})

    def replicate(self, *rules: dict, role: str = ROLE) -> None:
        self.east.put_bucket_replication(Bucket="here", ReplicationConfiguration={"Role": role, "Rules": list(rules)})

    def put(self, key: str, body: bytes = b"1", **more) -> str:
        return self.east.put_object(Bucket="here", Key=key, Body=body, **more)["VersionId"]

    def status(self, key: str, **version) -> str | None:
        return self.east.head_object(Bucket="here", Key=key, **version).get("ReplicationStatus")

    def there(self) -> list[str]:
        return [each["Key"] for each in self.west.list_objects_v2(Bucket="there").get("Contents", [])]


def rule(number: int = 1, bucket: str = "there", markers: str = "Disabled", **more) -> dict:
    destination = {"Bucket": f"arn:aws:s3:::{bucket}", **more.pop("Destination", {})}
    return {
        "ID": f"r{number}", "Priority": number, "Status": "Enabled", "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": markers}, "Destination": destination, **more,
    }  # fmt: skip
