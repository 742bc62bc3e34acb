"""Recorders in several accounts, for those who look at all of them."""

from __future__ import annotations

import json

from config_workshop import CONFIG_POLICY, trust

US, S3 = "us-east-1", "AWS::S3::Bucket"


def record(cloud, account: str, region: str, *, types: tuple[str, ...] = (S3,)):
    """A recorder of buckets, and the client for its Config; there is one bucket: its files'."""
    iam, s3, config = cloud.client("iam", key=account), cloud.client("s3", region, key=account), cloud.client("config", region, key=account)
    if "recorder" not in [each["RoleName"] for each in iam.list_roles()["Roles"]]:
        iam.create_role(RoleName="recorder", AssumeRolePolicyDocument=trust("config.amazonaws.com"))
        iam.attach_role_policy(RoleName="recorder", PolicyArn=CONFIG_POLICY)
    name = f"files-{account}-{region}"
    s3.create_bucket(Bucket=name, **({} if region == US else {"CreateBucketConfiguration": {"LocationConstraint": region}}))
    allow = {"Effect": "Allow", "Principal": {"Service": "config.amazonaws.com"}, "Action": ["s3:GetBucketAcl", "s3:PutObject", "s3:ListBucket"]}
    document = {"Version": "2012-10-17", "Statement": [{**allow, "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]}]}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(document))
    group = {"resourceTypes": list(types)}
    config.put_configuration_recorder(ConfigurationRecorder={"roleARN": f"arn:aws:iam::{account}:role/recorder", "recordingGroup": group})
    config.put_delivery_channel(DeliveryChannel={"s3BucketName": name})
    config.start_configuration_recorder(ConfigurationRecorderName="default")
    return config
