"""Stack sets of an organization: let in by its management account, deployed to its units."""

from __future__ import annotations

import json

import pytest
from organization_workshop import MASTER, SCP, Garden, deny
from refusals import refused
from stackset_workshop import AUTO, HERE, SERVICE, TEMPLATE, THERE, Estate

MEMBERS_MAKE = {"PermissionModel": "SERVICE_MANAGED", "AutoDeployment": AUTO}
ACCESS = "You must enable organizations access to operate a service managed stack set"
MANAGEMENT = "You must be the management account or delegated admin account of an organization before operating a SERVICE_MANAGED stack set"
DELEGATED = "Account used is not a delegated administrator"


@pytest.fixture
def estate(cloud):
    return Estate(cloud)


# Letting CloudFormation in -----------------------------------------------------------------------------


def test_an_organization_lets_cloudformation_in(cloud):
    garden = Garden(cloud)
    member = garden.member()
    cfn = cloud.client("cloudformation", key=MASTER)
    assert cfn.describe_organizations_access()["Status"] == "DISABLED"
    # pepperize/cdk-organizations#1718: what is not known of the two principals, and that to trust the other in Organizations is not enough.
    assert refused(garden.api.enable_aws_service_access, ServicePrincipal="stacksets.cloudformation.amazonaws.com")[0] == "InvalidInputException"
    garden.api.enable_aws_service_access(ServicePrincipal=SERVICE)
    assert cfn.describe_organizations_access()["Status"] == "DISABLED"
    assert refused(cfn.create_stack_set, StackSetName="ours", TemplateBody=TEMPLATE, **MEMBERS_MAKE) == ("ValidationError", ACCESS)
    garden.api.disable_aws_service_access(ServicePrincipal=SERVICE)
    cfn.activate_organizations_access()
    assert cfn.describe_organizations_access()["Status"] == "ENABLED"
    trusted = garden.api.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
    assert [each["ServicePrincipal"] for each in trusted] == [SERVICE]
    role = cloud.client("iam", key=MASTER).get_role(RoleName="AWSServiceRoleForCloudFormationStackSetsOrgAdmin")["Role"]
    assert role["Path"] == "/aws-service-role/stacksets.cloudformation.amazonaws.com/"
    cfn.activate_organizations_access()  # once more, and nothing is the matter
    theirs = cloud.client("cloudformation", key=member)
    for asked in (theirs.activate_organizations_access, theirs.deactivate_organizations_access, theirs.describe_organizations_access):
        assert refused(asked)[0] == "InvalidOperationException"
    assert refused(theirs.create_stack_set, StackSetName="ours", TemplateBody=TEMPLATE, **MEMBERS_MAKE) == ("ValidationError", MANAGEMENT)


def test_access_is_the_callers_to_give_and_taken_back_when_nobody_administers(cloud):
    garden = Garden(cloud)
    member = garden.member()
    cfn = cloud.client("cloudformation", key=MASTER)
    some = garden.user(MASTER, {"Effect": "Allow", "Action": ["cloudformation:*", "organizations:*"], "Resource": "*"}, name="some")
    assert refused(cloud.client("cloudformation", **some).activate_organizations_access)[0] == "AccessDenied"
    assert cfn.describe_organizations_access()["Status"] == "DISABLED"
    cfn.activate_organizations_access()
    garden.api.register_delegated_administrator(AccountId=member, ServicePrincipal=SERVICE)
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-activate-trusted-access.html
    assert refused(cfn.deactivate_organizations_access)[0] == "InvalidOperationException"
    garden.api.deregister_delegated_administrator(AccountId=member, ServicePrincipal=SERVICE)
    cfn.deactivate_organizations_access()
    assert cfn.describe_organizations_access()["Status"] == "DISABLED"
    assert garden.api.list_aws_service_access_for_organization()["EnabledServicePrincipals"] == []
    assert cloud.client("iam", key=MASTER).get_role(RoleName="AWSServiceRoleForCloudFormationStackSetsOrgAdmin")
    cfn.deactivate_organizations_access()


def test_an_organization_with_bills_alone_has_no_access(cloud):
    cloud.client("organizations", key=MASTER).create_organization(FeatureSet="CONSOLIDATED_BILLING")
    cfn = cloud.client("cloudformation", key=MASTER)
    assert refused(cfn.activate_organizations_access)[0] == "InvalidOperationException"


# Deploying ---------------------------------------------------------------------------------------------


def test_a_unit_means_all_who_are_in_it_and_beneath_but_for_the_management_account(estate):
    cloud, low = estate.cloud, estate.garden.unit("low", estate.left)
    one, other, deep = estate.member(estate.left), estate.member(estate.right), estate.member(low)
    estate.move(MASTER, estate.garden.root, estate.left)
    estate.make(Tags=[{"Key": "team", "Value": "a"}])
    done = estate.deploy(estate.left, regions=(HERE, THERE))
    assert (done["Status"], done["Action"], done["DeploymentTargets"]) == ("SUCCEEDED", "CREATE", {"OrganizationalUnitIds": [estate.left]})
    places = {(account, region) for account in (one, deep) for region in (HERE, THERE)}
    assert estate.instances() == dict.fromkeys(places, ("CURRENT", estate.left))
    assert [estate.seconds(account, THERE) for account in (one, deep, other, MASTER)] == ["60", "60", None, None]
    far = estate.cfn.describe_stack_instance(StackSetName="ours", StackInstanceAccount=deep, StackInstanceRegion=THERE)["StackInstance"]
    stack = cloud.client("cloudformation", THERE, key=deep).describe_stacks(StackName=far["StackId"])["Stacks"][0]
    assert stack["StackName"].startswith("StackSet-ours-") and stack["Tags"] == [{"Key": "team", "Value": "a"}]
    shown = estate.cfn.describe_stack_set(StackSetName="ours")["StackSet"]
    assert (shown["PermissionModel"], shown["AutoDeployment"], shown["OrganizationalUnitIds"]) == ("SERVICE_MANAGED", AUTO, [estate.left])
    assert shown["AdministrationRoleARN"].endswith("/AWSServiceRoleForCloudFormationStackSetsOrgAdmin") and "ExecutionRoleName" not in shown
    (summary,) = estate.cfn.list_stack_sets()["Summaries"]
    assert (summary["PermissionModel"], summary["AutoDeployment"]) == ("SERVICE_MANAGED", AUTO)
    result = estate.results(done)[one, HERE]
    assert (result["Status"], result["OrganizationalUnitId"]) == ("SUCCEEDED", estate.left)
    # As the examples of the AWS CLI have it: awscli/examples/cloudformation/list-stack-set-operation-results.rst.
    gate = f"Function not found: arn:aws:lambda:{HERE}:{one}:function:AWSCloudFormationStackSetAccountGate"
    assert result["AccountGateResult"] == {"Status": "SKIPPED", "StatusReason": gate}
    everybody = estate.deploy(estate.garden.root)
    assert everybody["Status"] == "SUCCEEDED" and estate.seconds(other) == "60" and estate.seconds(MASTER) is None


def test_no_customer_makes_a_role_for_it(estate):
    member = estate.member(estate.left)
    estate.make()
    estate.deploy(estate.left)
    iam = estate.cloud.client("iam", key=member)
    linked = iam.get_role(RoleName="AWSServiceRoleForCloudFormationStackSetsOrgMember")["Role"]
    assert linked["Path"] == "/aws-service-role/member.org.stacksets.cloudformation.amazonaws.com/"
    (role,) = [each for each in iam.list_roles()["Roles"] if each["RoleName"].startswith("stacksets-exec-")]
    # As terraformer found them in accounts of AWS.
    assert (role["Description"], role["Path"], len(role["RoleName"])) == ("Role created by AWSCloudFormation StackSets", "/", len("stacksets-exec-") + 32)
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"]["AWS"].endswith(":role/aws-service-role/stacksets.cloudformation.amazonaws.com/AWSServiceRoleForCloudFormationStackSetsOrgAdmin")
    attached = iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
    assert [each["PolicyArn"] for each in attached] == ["arn:aws:iam::aws:policy/AdministratorAccess"]


def test_a_policy_against_root_users_is_not_in_the_way_and_one_against_what_is_made_is(cloud):
    estate = Estate(cloud, SCP)
    free, bound = estate.member(estate.left), estate.member(estate.right)
    estate.garden.policy(deny("*", Condition={"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}}), estate.left)
    estate.garden.policy(deny("sqs:*"), estate.right)
    estate.make()
    assert estate.deploy(estate.left)["Status"] == "SUCCEEDED"
    done = estate.deploy(estate.right)
    assert done["Status"] == "FAILED" and done["StatusDetails"] == {"FailedStackInstancesCount": 1}
    told = estate.cfn.describe_stack_instance(StackSetName="ours", StackInstanceAccount=bound, StackInstanceRegion=HERE)["StackInstance"]
    assert (told["Status"], told["StackInstanceStatus"]) == ("OUTDATED", {"DetailedStatus": "FAILED"})
    stacks = cloud.client("cloudformation", key=MASTER).list_stack_instances(StackSetName="ours", Filters=[{"Name": "DETAILED_STATUS", "Values": "SUCCEEDED"}])
    assert [each["Account"] for each in stacks["Summaries"]] == [free]


@pytest.mark.parametrize(("filtered", "expected"), [("INTERSECTION", "b"), ("DIFFERENCE", "a"), ("NONE", "ab")])
def test_a_list_of_accounts_narrows_a_unit(estate, filtered, expected):
    members = {"a": estate.member(estate.left), "b": estate.member(estate.left), "c": estate.member(estate.right)}
    listed = {"AccountFilterType": filtered} | ({"Accounts": [members["b"], members["c"]]} if filtered != "NONE" else {})
    estate.make()
    done = estate.deploy(estate.left, targets=listed)
    assert done["DeploymentTargets"] == {"OrganizationalUnitIds": [estate.left], **listed}
    assert {account for account, _ in estate.instances()} == {members[name] for name in expected}


def test_the_accounts_may_stand_in_a_file(estate):
    one, other = estate.member(estate.left), estate.member(estate.left)
    s3 = estate.cloud.client("s3", key=MASTER)
    s3.create_bucket(Bucket="lists")
    s3.put_object(Bucket="lists", Key="accounts.csv", Body=f"{other},\n111122223333\n".encode())
    s3.put_object(Bucket="lists", Key="words.txt", Body=b"nobody")
    estate.make()
    listed = {"AccountFilterType": "INTERSECTION", "AccountsUrl": "s3://lists/accounts.csv"}
    assert estate.deploy(estate.left, targets=listed)["Status"] == "SUCCEEDED"
    assert [estate.seconds(one), estate.seconds(other)] == [None, "60"]
    meant = {"OrganizationalUnitIds": [estate.left], "AccountFilterType": "INTERSECTION"}
    for url in ("s3://lists/words.txt", "s3://lists/none.csv", "https://example.com/accounts.csv"):
        code, _ = refused(estate.cfn.create_stack_instances, StackSetName="ours", Regions=[HERE], DeploymentTargets={**meant, "AccountsUrl": url})
        assert code == "ValidationError"


def test_updates_and_deletions_go_to_units_and_to_accounts_beside_them(estate):
    one, other = estate.member(estate.left), estate.member(estate.right)
    estate.make()
    estate.deploy(estate.left, estate.right)
    over = [{"ParameterKey": "Seconds", "ParameterValue": "99"}]
    both = {"OrganizationalUnitIds": [estate.left], "Accounts": [other], "AccountFilterType": "UNION"}
    answer = estate.cfn.update_stack_instances(StackSetName="ours", DeploymentTargets=both, Regions=[HERE], ParameterOverrides=over)
    assert estate.over(answer)["Status"] == "SUCCEEDED" and [estate.seconds(one), estate.seconds(other)] == ["99", "99"]
    only = {"OrganizationalUnitIds": [estate.right]}
    estate.over(estate.cfn.update_stack_instances(StackSetName="ours", DeploymentTargets=only, Regions=[HERE], ParameterOverrides=[]))
    assert [estate.seconds(one), estate.seconds(other)] == ["99", "60"]
    news = {"UsePreviousTemplate": True, "Parameters": [{"ParameterKey": "Seconds", "ParameterValue": "70"}]}
    estate.over(estate.cfn.update_stack_set(StackSetName="ours", DeploymentTargets=only, Regions=[HERE], **news))
    assert [estate.seconds(one), estate.seconds(other)] == ["99", "70"]
    assert {account: status for (account, _), (status, _) in estate.instances().items()} == {one: "OUTDATED", other: "CURRENT"}
    assert refused(estate.cfn.delete_stack_set, StackSetName="ours")[0] == "StackSetNotEmptyException"
    answer = estate.cfn.delete_stack_instances(StackSetName="ours", DeploymentTargets={"OrganizationalUnitIds": [estate.garden.root]}, Regions=[HERE], RetainStacks=False)
    assert estate.over(answer)["Status"] == "SUCCEEDED" and [estate.seconds(one), estate.seconds(other)] == [None, None]
    assert estate.cfn.list_stack_set_auto_deployment_targets(StackSetName="ours")["Summaries"] == []
    estate.cfn.delete_stack_set(StackSetName="ours")
    assert refused(estate.cfn.describe_stack_set, StackSetName="ours")[0] == "StackSetNotFoundException"


def test_a_closed_account_is_skipped_and_counts_as_no_failure(estate):
    closed, open_ = estate.member(estate.left), estate.member(estate.left)
    estate.garden.api.close_account(AccountId=closed)
    estate.cloud.sleep(2)
    estate.make()
    done = estate.deploy(estate.left)
    # https://aws.amazon.com/about-aws/whats-new/2023/06/aws-cloudformation-stacksets-suspended-accounts-deployments/
    assert done["Status"] == "SUCCEEDED" and estate.seconds(open_) == "60"
    told = estate.cfn.describe_stack_instance(StackSetName="ours", StackInstanceAccount=closed, StackInstanceRegion=HERE)["StackInstance"]
    assert (told["Status"], told["StackInstanceStatus"]) == ("OUTDATED", {"DetailedStatus": "SKIPPED_SUSPENDED_ACCOUNT"})
    kept = {"OrganizationalUnitIds": [estate.left]}
    estate.over(estate.cfn.delete_stack_instances(StackSetName="ours", DeploymentTargets=kept, Regions=[HERE], RetainStacks=True))
    assert estate.instances() == {}


def test_a_stack_that_cannot_be_deleted_is_inoperable(estate):
    member = estate.member(estate.left)
    estate.make(template="Resources: {Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: kept-bucket}}}")
    estate.deploy(estate.left)
    estate.cloud.client("s3", key=member).put_object(Bucket="kept-bucket", Key="k", Body=b"v")
    meant = {"DeploymentTargets": {"OrganizationalUnitIds": [estate.left]}, "Regions": [HERE]}
    assert estate.over(estate.cfn.delete_stack_instances(StackSetName="ours", RetainStacks=False, **meant))["Status"] == "FAILED"
    told = estate.cfn.describe_stack_instance(StackSetName="ours", StackInstanceAccount=member, StackInstanceRegion=HERE)["StackInstance"]
    assert (told["Status"], told["StackInstanceStatus"]) == ("INOPERABLE", {"DetailedStatus": "INOPERABLE"})
    # "Stacks in this state are excluded from further UpdateStackSet operations."
    answer = estate.cfn.update_stack_set(StackSetName="ours", UsePreviousTemplate=True, Tags=[{"Key": "a", "Value": "b"}])
    assert estate.over(answer)["Status"] == "SUCCEEDED" and estate.results(answer) == {}
    assert estate.over(estate.cfn.delete_stack_instances(StackSetName="ours", RetainStacks=True, **meant))["Status"] == "SUCCEEDED"
    assert estate.instances() == {}


def test_nobody_in_a_unit_is_no_failure(estate):
    """hashicorp/terraform-provider-aws#23349: the operation succeeds, and there is no instance."""
    estate.make()
    done = estate.deploy(estate.left)
    assert done["Status"] == "SUCCEEDED" and estate.instances() == {}
    assert estate.cfn.list_stack_set_auto_deployment_targets(StackSetName="ours")["Summaries"] == [{"OrganizationalUnitId": estate.left, "Regions": [HERE]}]


def test_drift_is_told_by_resource(estate):
    member = estate.member(estate.left)
    estate.make()
    estate.deploy(estate.left)
    sqs = estate.cloud.client("sqs", key=member)
    sqs.set_queue_attributes(QueueUrl=sqs.list_queues()["QueueUrls"][0], Attributes={"VisibilityTimeout": "9"})
    answer = estate.cfn.detect_stack_set_drift(StackSetName="ours")
    done = estate.over(answer)
    assert done["StackSetDriftDetectionDetails"]["DriftedStackInstancesCount"] == 1
    asked = {"StackSetName": "ours", "StackInstanceAccount": member, "StackInstanceRegion": HERE, "OperationId": answer["OperationId"]}
    (told,) = estate.cfn.list_stack_instance_resource_drifts(**asked)["Summaries"]
    assert (told["LogicalResourceId"], told["ResourceType"], told["StackResourceDriftStatus"]) == ("Queue", "AWS::SQS::Queue", "MODIFIED")
    assert told["PropertyDifferences"] == [{"PropertyPath": "/VisibilityTimeout", "ExpectedValue": "60", "ActualValue": "9", "DifferenceType": "NOT_EQUAL"}]
    assert estate.cfn.list_stack_instance_resource_drifts(**asked, StackInstanceResourceDriftStatuses=["IN_SYNC"])["Summaries"] == []
    code, _ = refused(estate.cfn.list_stack_instance_resource_drifts, **asked | {"StackInstanceRegion": THERE})
    assert code == "StackInstanceNotFoundException"
    code, _ = refused(estate.cfn.list_stack_instance_resource_drifts, **asked | {"OperationId": "none"})
    assert code == "OperationNotFoundException"


# Administrators ----------------------------------------------------------------------------------------


def test_a_delegated_administrator_has_the_sets_of_the_organization(estate):
    cloud, member, target = estate.cloud, estate.member(), estate.member(estate.left)
    estate.make("masters")
    cloud.client("cloudformation", key=MASTER).create_stack_set(StackSetName="self", TemplateBody=TEMPLATE)
    theirs, delegated = cloud.client("cloudformation", key=member), {"CallAs": "DELEGATED_ADMIN"}
    # Recorded with both codes, of a member that is no delegated administrator.
    assert refused(theirs.describe_organizations_access, **delegated) == ("InvalidOperationException", DELEGATED)
    assert refused(theirs.list_stack_sets, **delegated) == ("ValidationError", DELEGATED)
    assert refused(estate.cfn.list_stack_sets, **delegated) == ("ValidationError", DELEGATED)
    estate.garden.api.register_delegated_administrator(AccountId=member, ServicePrincipal=SERVICE)
    assert theirs.describe_organizations_access(**delegated)["Status"] == "ENABLED"
    assert refused(theirs.create_stack_set, StackSetName="ours", TemplateBody=TEMPLATE, **MEMBERS_MAKE) == ("ValidationError", MANAGEMENT)
    assert refused(theirs.create_stack_set, StackSetName="ours", TemplateBody=TEMPLATE, **delegated)[0] == "ValidationError"
    theirs.create_stack_set(StackSetName="ours", TemplateBody=TEMPLATE, **MEMBERS_MAKE, **delegated)
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStackSets.html: those that are the organization's, all in the
    # management account; without CallAs his own, of which there are none.
    assert [each["StackSetName"] for each in theirs.list_stack_sets(**delegated)["Summaries"]] == ["masters", "ours"]
    assert theirs.list_stack_sets()["Summaries"] == []
    assert {each["StackSetName"] for each in estate.cfn.list_stack_sets()["Summaries"]} == {"masters", "self", "ours"}
    assert refused(theirs.describe_stack_set, StackSetName="self", **delegated)[0] == "StackSetNotFoundException"
    assert f":{MASTER}:stackset/ours:" in theirs.describe_stack_set(StackSetName="ours", **delegated)["StackSet"]["StackSetARN"]
    meant = {"StackSetName": "ours", "DeploymentTargets": {"OrganizationalUnitIds": [estate.left]}, "Regions": [HERE]}
    answer = theirs.create_stack_instances(**meant, **delegated)
    assert estate.over(answer, client=theirs, **delegated)["Status"] == "SUCCEEDED" and estate.seconds(target) == "60"
    assert theirs.get_template_summary(StackSetName="ours", **delegated)["ResourceTypes"] == ["AWS::SQS::Queue"]
    estate.garden.api.deregister_delegated_administrator(AccountId=member, ServicePrincipal=SERVICE)
    assert refused(theirs.describe_stack_set, StackSetName="ours", **delegated) == ("ValidationError", DELEGATED)
    assert estate.instances() == {(target, HERE): ("CURRENT", estate.left)}


def test_whoever_may_not_ask_for_delegated_administrators_is_none(estate):
    """hashicorp/terraform-provider-aws#37069."""
    member = estate.member()
    estate.garden.api.register_delegated_administrator(AccountId=member, ServicePrincipal=SERVICE)
    may = {"Effect": "Allow", "Action": ["cloudformation:*"], "Resource": "*"}
    ann = estate.garden.user(member, may)
    bob = estate.garden.user(member, may, {"Effect": "Allow", "Action": "organizations:ListDelegatedAdministrators", "Resource": "*"}, name="bob")
    asked = {"CallAs": "DELEGATED_ADMIN"}
    assert refused(estate.cloud.client("cloudformation", **ann).list_stack_sets, **asked) == ("ValidationError", DELEGATED)
    assert estate.cloud.client("cloudformation", **bob).list_stack_sets(**asked)["Summaries"] == []


def test_iam_decides_about_sets_and_their_regions(estate):
    estate.member(estate.left)
    estate.make()
    here = {"Effect": "Allow", "Action": "cloudformation:*", "Resource": "*", "Condition": {"ForAllValues:StringEquals": {"cloudformation:TargetRegion": [HERE]}}}
    ann = estate.cloud.client("cloudformation", **estate.garden.user(MASTER, here))
    meant = {"StackSetName": "ours", "DeploymentTargets": {"OrganizationalUnitIds": [estate.left]}}
    assert refused(ann.create_stack_instances, Regions=[HERE, THERE], **meant)[0] == "AccessDenied"
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html
    assert estate.over(ann.create_stack_instances(Regions=[HERE], **meant))["Status"] == "SUCCEEDED"


# Malformed requests ------------------------------------------------------------------------------------


def test_what_is_wrong_with_a_set_of_an_organization_is_said_at_once(estate):
    make = {"StackSetName": "other", "TemplateBody": TEMPLATE, **MEMBERS_MAKE}
    for more in (
        {"AutoDeployment": None}, {"AutoDeployment": {}}, {"AutoDeployment": {"Enabled": False, "RetainStacksOnAccountRemoval": True}},
        {"AdministrationRoleARN": f"arn:aws:iam::{MASTER}:role/some"}, {"ExecutionRoleName": "some"},
        {"AutoDeployment": {**AUTO, "DependsOn": [f"arn:aws:cloudformation:{HERE}:{MASTER}:stackset/none:1"]}},
        {"AutoDeployment": {**AUTO, "DependsOn": ["words"]}},
    ):  # fmt: skip
        asked = {name: value for name, value in (make | more).items() if value is not None}
        assert refused(estate.cfn.create_stack_set, **asked)[0] == "ValidationError", more
    # aws-cloudformation/cloudformation-coverage-roadmap#839.
    sam = "Transform: AWS::Serverless-2016-10-31\nResources: {T: {Type: AWS::Serverless::SimpleTable}}"
    asked = make | {"TemplateBody": sam, "Capabilities": ["CAPABILITY_AUTO_EXPAND"]}
    assert refused(estate.cfn.create_stack_set, **asked) == ("ValidationError", "Transform is not supported in SERVICE_MANAGED permission model")
    nested = json.dumps({"Resources": {"S": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "https://b.s3.amazonaws.com/t"}}}})
    code, text = refused(estate.cfn.create_stack_set, **make | {"TemplateBody": nested})
    assert (code, text) == ("ValidationError", "Nested Stack is not supported in SERVICE_MANAGED permission model")


def test_what_is_wrong_with_targets_is_said_at_once(estate):
    member = estate.member(estate.left)
    estate.make()
    ask, unit = estate.cfn.create_stack_instances, {"OrganizationalUnitIds": [estate.left]}
    base = {"StackSetName": "ours", "Regions": [HERE]}
    # aws/aws-cli#8248, and getmoto/moto's test_stack_sets.
    alone = ("ValidationError", "StackSets with SERVICE_MANAGED permission model can only have OrganizationalUnit as target")
    assert refused(ask, Accounts=[member], **base) == alone and refused(ask, **base) == alone
    assert refused(estate.cfn.delete_stack_instances, DeploymentTargets={"Accounts": [member]}, RetainStacks=True, **base) == alone
    assert refused(ask, DeploymentTargets={"Accounts": [member]}, **base) == ("ValidationError", "OrganizationalUnitIds are required")
    assert refused(ask, DeploymentTargets={"OrganizationalUnitIds": ["unknown"]}, **base)[0] == "ValidationError"
    # aws-cloudformation/aws-cloudformation-resource-providers-cloudformation#100 and the Validator there.
    listed = "AccountFilterType should be specified when both OrganizationalUnitIds and Accounts are provided"
    assert refused(ask, DeploymentTargets={**unit, "Accounts": [member]}, **base) == ("ValidationError", listed)
    for wrong in (
        {**unit, "AccountFilterType": "INTERSECTION"}, {**unit, "Accounts": [member], "AccountFilterType": "UNION"},
        {**unit, "Accounts": [member], "AccountFilterType": "NONE"}, {"OrganizationalUnitIds": ["ou-abcd-abcdefgh"]},
        {"OrganizationalUnitIds": ["r-zzzz"]}, {"OrganizationalUnitIds": [f"ou-abcd-{n:08}" for n in range(51)]},
        {**unit, "Accounts": [member], "AccountsUrl": "s3://a/b", "AccountFilterType": "DIFFERENCE"},
    ):  # fmt: skip
        assert refused(ask, DeploymentTargets=wrong, **base)[0] == "ValidationError", wrong
    assert refused(ask, DeploymentTargets=unit, StackSetName="ours", Regions=["mars-1"])[0] == "ValidationError"
    assert refused(ask, DeploymentTargets=unit, Accounts=[member], **base)[0] == "ValidationError"
    update = estate.cfn.update_stack_set
    assert refused(update, StackSetName="ours", UsePreviousTemplate=True, AutoDeployment=AUTO, DeploymentTargets=unit, Regions=[HERE])[0] == "ValidationError"
    assert refused(update, StackSetName="ours", UsePreviousTemplate=True, Regions=[HERE])[0] == "ValidationError"
    assert estate.instances() == {} and estate.cfn.list_stack_set_operations(StackSetName="ours")["Summaries"] == []
    estate.cfn.create_stack_set(StackSetName="self", TemplateBody=TEMPLATE)
    # getmoto/moto, test_stack_sets.
    code, text = refused(ask, StackSetName="self", Regions=[HERE], DeploymentTargets=unit)
    assert (code, text) == ("ValidationError", "StackSets with SELF_MANAGED permission model can only have accounts as target")


def test_sets_of_an_organization_rest_while_it_has_taken_its_access_back(estate):
    member = estate.member(estate.left)
    estate.make()
    estate.deploy(estate.left)
    estate.cfn.deactivate_organizations_access()
    meant = {"StackSetName": "ours", "DeploymentTargets": {"OrganizationalUnitIds": [estate.left]}, "Regions": [HERE]}
    assert refused(estate.cfn.create_stack_instances, **meant) == ("ValidationError", ACCESS)
    estate.move(member, estate.left, estate.right)
    estate.cloud.sleep(5)
    assert estate.seconds(member) == "60"
