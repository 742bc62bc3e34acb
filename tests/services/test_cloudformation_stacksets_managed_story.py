"""An organization lays the same ground in all its accounts: a bucket and a role in two regions, whoever moves and whatever dies meanwhile."""

from __future__ import annotations

import pytest
from organization_workshop import MASTER
from stackset_workshop import HERE, THERE, Estate

GROUND = """
Parameters:
  Days: {Type: Number, Default: 30}
Resources:
  Logs:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: !Sub "ground-${AWS::AccountId}-${AWS::Region}"
      LifecycleConfiguration: {Rules: [{Id: old, Status: Enabled, ExpirationInDays: !Ref Days}]}
  Auditor:
    Type: AWS::IAM::Role
    Properties:
      RoleName: !Sub "auditor-${AWS::Region}"
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {AWS: !Sub "arn:aws:iam::MASTER:root"}, Action: sts:AssumeRole}]
      Policies: [{PolicyName: reads, PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: ["s3:ListAllMyBuckets"], Resource: "*"}]}}]
""".replace("MASTER", MASTER)


def _ground(estate: Estate, account: str) -> set[str]:
    """The regions in which an account has its ground, seen by the auditor whom the ground itself lets in."""
    sts, found = estate.cloud.client("sts", key=MASTER), set()
    for region in (HERE, THERE):
        try:
            given = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/auditor-{region}", RoleSessionName="audit")["Credentials"]
        except sts.exceptions.ClientError:
            continue
        keys = {"key": given["AccessKeyId"], "secret": given["SecretAccessKey"], "token": given["SessionToken"]}
        buckets = estate.cloud.client("s3", region, **keys).list_buckets()["Buckets"]
        found |= {region} & {each["Name"].partition(f"ground-{account}-")[2] for each in buckets}
    return found


@pytest.mark.parametrize("dies", [HERE, THERE])
def test_an_organization_lays_its_ground_wherever_its_accounts_are(cloud, dies):
    estate = Estate(cloud)
    teams = [estate.member(unit) for unit in (estate.left, estate.left, estate.right, estate.right)]
    estate.make("ground", template=GROUND, Capabilities=["CAPABILITY_NAMED_IAM"], ManagedExecution={"Active": True})
    eager = {"MaxConcurrentPercentage": 100, "FailureTolerancePercentage": 100, "RegionConcurrencyType": "PARALLEL"}
    begun = estate.cfn.create_stack_instances(
        StackSetName="ground", DeploymentTargets={"OrganizationalUnitIds": [estate.left, estate.right]}, Regions=[HERE, THERE],
        OperationPreferences=eager,
    )  # fmt: skip
    # In the midst of it a region dies, and comes back a while later.
    cloud.sleep(0.4)
    cloud.kill(dies)
    cloud.sleep(20)
    cloud.region(dies)
    done = estate.over(begun, "ground")
    assert done["Status"] == "SUCCEEDED", estate.results(begun, "ground")
    assert [_ground(estate, account) for account in teams] == [{HERE, THERE}] * 4 and _ground(estate, MASTER) == set()
    for account in teams:
        assert [len(cloud.client("cloudformation", region, key=account).describe_stacks()["Stacks"]) for region in (HERE, THERE)] == [1, 1]
    # One team leaves the units and loses its ground; another comes back from outside and gets it, with what the set says by then.
    estate.move(teams[0], estate.left, estate.garden.root)
    cloud.sleep(5)
    estate.rest("ground")
    assert [_ground(estate, account) for account in teams] == [set()] + [{HERE, THERE}] * 3
    news = [{"ParameterKey": "Days", "ParameterValue": "7"}]
    answer = estate.cfn.update_stack_set(
        StackSetName="ground", UsePreviousTemplate=True, Parameters=news, Capabilities=["CAPABILITY_NAMED_IAM"], OperationPreferences=eager
    )
    estate.move(teams[0], estate.garden.root, estate.right)
    assert estate.over(answer, "ground")["Status"] == "SUCCEEDED"
    cloud.sleep(5)
    estate.rest("ground")
    assert [_ground(estate, account) for account in teams] == [{HERE, THERE}] * 4
    s3 = cloud.client("s3", THERE, key=teams[0])
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=f"ground-{teams[0]}-{THERE}")["Rules"]
    assert rule["Expiration"] == {"Days": 7}
    # The organization takes everything back.
    everything = {"DeploymentTargets": {"OrganizationalUnitIds": [estate.garden.root]}, "Regions": [HERE, THERE]}
    estate.over(estate.cfn.delete_stack_instances(StackSetName="ground", RetainStacks=False, OperationPreferences=eager, **everything), "ground")
    estate.cfn.delete_stack_set(StackSetName="ground")
    assert [_ground(estate, account) for account in teams] == [set()] * 4
