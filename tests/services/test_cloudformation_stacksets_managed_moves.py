"""Stack sets of an organization that are deployed by themselves, and operations that wait for one another."""

from __future__ import annotations

import pytest
from lambda_workshop import zipped
from organization_workshop import MASTER
from refusals import refused
from stackset_workshop import AUTO, HERE, TEMPLATE, THERE, Estate

TOPIC = "Resources: {Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: theirs}}}"
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-manage-auto-deployment.html is the source of most of this.


@pytest.fixture
def estate(cloud):
    return Estate(cloud)


def _topics(estate: Estate, account: str) -> int:
    return len(estate.cloud.client("sns", key=account).list_topics()["Topics"])


# Accounts that come and go -------------------------------------------------------------------------------


def test_an_account_that_joins_gets_the_stacks_and_one_that_goes_loses_them(estate):
    estate.make()
    estate.deploy(estate.left, regions=(HERE, THERE))
    member = estate.member()
    estate.cloud.sleep(3)
    assert estate.instances() == {}
    estate.move(member, estate.garden.root, estate.left)
    estate.cloud.sleep(3)
    assert estate.rest() == [("CREATE", "SUCCEEDED"), ("CREATE", "SUCCEEDED")]
    assert estate.instances() == {(member, region): ("CURRENT", estate.left) for region in (HERE, THERE)}
    assert [estate.seconds(member, region) for region in (HERE, THERE)] == ["60", "60"]
    estate.move(member, estate.left, estate.right)
    estate.cloud.sleep(3)
    assert estate.rest()[2:] == [("DELETE", "SUCCEEDED")]
    assert estate.instances() == {} and [estate.seconds(member, region) for region in (HERE, THERE)] == [None, None]


def test_an_account_that_leaves_the_organization_loses_them_and_the_whole_organization_is_a_target(estate):
    stranger = "444455556666"
    estate.make()
    estate.deploy(estate.garden.root)
    asked = estate.garden.api.invite_account_to_organization(Target={"Id": stranger, "Type": "ACCOUNT"})
    theirs = estate.cloud.client("organizations", key=stranger)
    theirs.accept_handshake(HandshakeId=asked["Handshake"]["Id"])
    estate.cloud.sleep(3)
    estate.rest()
    assert estate.seconds(stranger) == "60"
    theirs.leave_organization()
    estate.cloud.sleep(3)
    assert estate.rest()[-1] == ("DELETE", "SUCCEEDED") and estate.seconds(stranger) is None and estate.instances() == {}


def test_what_is_retained_stays_in_the_account_and_out_of_the_set(estate):
    member = estate.member(estate.left)
    estate.make(auto={"Enabled": True, "RetainStacksOnAccountRemoval": True})
    estate.deploy(estate.left)
    estate.move(member, estate.left, estate.right)
    estate.cloud.sleep(3)
    assert estate.rest()[-1] == ("DELETE", "SUCCEEDED") and estate.instances() == {} and estate.seconds(member) == "60"


def test_nothing_moves_by_itself_where_that_is_not_enabled(estate):
    one, other = estate.member(estate.left), estate.member()
    estate.make(auto={"Enabled": False})
    estate.deploy(estate.left)
    estate.move(one, estate.left, estate.right)
    estate.move(other, estate.garden.root, estate.left)
    estate.cloud.sleep(3)
    assert estate.instances() == {(one, HERE): ("CURRENT", estate.left)}
    answer = estate.cfn.update_stack_set(StackSetName="ours", UsePreviousTemplate=True, AutoDeployment=AUTO)
    # What is enabled begins with what comes after, and changes no stack.
    assert estate.over(answer)["Status"] == "SUCCEEDED" and estate.results(answer) == {}
    estate.cloud.sleep(3)
    assert estate.instances() == {(one, HERE): ("CURRENT", estate.left)}
    estate.move(one, estate.right, estate.garden.root)
    estate.move(other, estate.left, estate.right)
    estate.move(other, estate.right, estate.left)
    estate.cloud.sleep(3)
    estate.rest()
    assert estate.seconds(one) is None and estate.seconds(other) == "60"


def test_filters_and_overrides_are_not_for_accounts_that_come_later(estate):
    one, late = estate.member(estate.left), estate.member()
    estate.make()
    over = [{"ParameterKey": "Seconds", "ParameterValue": "99"}]
    estate.deploy(estate.left, targets={"Accounts": [one], "AccountFilterType": "INTERSECTION"}, ParameterOverrides=over)
    estate.move(late, estate.garden.root, estate.left)
    estate.cloud.sleep(3)
    estate.rest()
    assert [estate.seconds(one), estate.seconds(late)] == ["99", "60"]


def test_one_set_in_both_units_keeps_its_stack_and_two_sets_change_places(estate):
    member = estate.member(estate.left)
    estate.make("both")
    estate.deploy(estate.left, estate.right, name="both")
    estate.make("theirs", template=TOPIC)
    estate.deploy(estate.right, name="theirs")
    before = estate.cfn.list_stack_instances(StackSetName="both")["Summaries"][0]["StackId"]
    estate.move(member, estate.left, estate.right)
    estate.cloud.sleep(3)
    estate.rest("theirs")
    (after,) = estate.cfn.list_stack_instances(StackSetName="both")["Summaries"]
    assert (after["StackId"], after["OrganizationalUnitId"]) == (before, estate.right)
    assert estate.rest("both") == [("CREATE", "SUCCEEDED")] and _topics(estate, member) == 1
    targets = estate.cfn.list_stack_set_auto_deployment_targets(StackSetName="both")["Summaries"]
    assert targets == [{"OrganizationalUnitId": unit, "Regions": [HERE]} for unit in sorted((estate.left, estate.right))]


def test_what_comes_waits_for_what_goes(estate):
    """The example of AWS's page: the stack of one set is deleted first, then that of the other is made, though both are called alike."""
    member = estate.member(estate.left)
    estate.make("first")
    estate.deploy(estate.left, name="first")
    estate.make("second", template=TEMPLATE.replace("Default: 60", "Default: 77"))
    estate.deploy(estate.right, name="second")
    estate.move(member, estate.left, estate.right)
    while len(estate.cfn.list_stack_set_operations(StackSetName="second")["Summaries"]) < 2:
        estate.cloud.sleep(0.001)
    states = [estate.cfn.list_stack_set_operations(StackSetName=name)["Summaries"][0]["Status"] for name in ("first", "second")]
    assert states == ["RUNNING", "QUEUED"]
    assert estate.rest("second")[-1] == ("CREATE", "SUCCEEDED") and estate.rest("first")[-1] == ("DELETE", "SUCCEEDED")
    assert estate.seconds(member) == "77"


def test_a_set_waits_for_those_that_it_depends_on(estate):
    member, export = estate.member(), "Outputs: {Name: {Value: !GetAtt Topic.TopicName, Export: {Name: topic}}}"
    uses = "Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: !ImportValue topic}}}"
    estate.make("base", template=f"{TOPIC}\n{export}")
    arn = estate.cfn.describe_stack_set(StackSetName="base")["StackSet"]["StackSetARN"]
    estate.make("upon", template=uses, auto={**AUTO, "DependsOn": [arn]})
    for name in ("upon", "base"):
        estate.deploy(estate.left, name=name)
    # "StackSets includes built-in cycle detection": AWS's announcement of November 2025.
    upon = estate.cfn.describe_stack_set(StackSetName="upon")["StackSet"]
    assert upon["AutoDeployment"]["DependsOn"] == [arn]
    circle = {**AUTO, "DependsOn": [upon["StackSetARN"]]}
    assert refused(estate.cfn.update_stack_set, StackSetName="base", UsePreviousTemplate=True, AutoDeployment=circle)[0] == "ValidationError"
    assert refused(estate.cfn.create_stack_set, StackSetName="many", TemplateBody=TOPIC, PermissionModel="SERVICE_MANAGED", AutoDeployment={**AUTO, "DependsOn": [f"{arn}{n}" for n in range(11)]})[0] == "LimitExceededException"
    estate.move(member, estate.garden.root, estate.left)
    estate.cloud.sleep(3)
    assert estate.rest("base")[-1] == estate.rest("upon")[-1] == ("CREATE", "SUCCEEDED")
    # What uses an export is gone before the export is.
    estate.move(member, estate.left, estate.right)
    estate.cloud.sleep(3)
    assert estate.rest("base")[-1] == estate.rest("upon")[-1] == ("DELETE", "SUCCEEDED")
    estate.cfn.delete_stack_instances(StackSetName="base", DeploymentTargets={"OrganizationalUnitIds": [estate.left]}, Regions=[HERE], RetainStacks=False)
    estate.rest("base")
    estate.cfn.delete_stack_set(StackSetName="base")
    # "Dependencies are removed when StackSets are deleted".
    assert estate.cfn.describe_stack_set(StackSetName="upon")["StackSet"]["AutoDeployment"] == AUTO


def test_what_depends_on_a_failure_is_not_deployed(estate):
    member = estate.member()
    estate.make("base", template=TEMPLATE, Parameters=[{"ParameterKey": "Seconds", "ParameterValue": "99999999"}])
    arn = estate.cfn.describe_stack_set(StackSetName="base")["StackSet"]["StackSetARN"]
    estate.make("upon", template=TOPIC, auto={**AUTO, "DependsOn": [arn]})
    for name in ("base", "upon"):
        estate.deploy(estate.left, name=name)
    estate.move(member, estate.garden.root, estate.left)
    estate.cloud.sleep(3)
    assert estate.rest("base")[-1] == estate.rest("upon")[-1] == ("CREATE", "FAILED")
    (told,) = estate.cfn.list_stack_instances(StackSetName="upon")["Summaries"]
    assert (told["StackInstanceStatus"], _topics(estate, member)) == ({"DetailedStatus": "CANCELLED"}, 0)


def test_an_account_that_comes_back_at_once_ends_with_its_stack(estate):
    member = estate.member(estate.left)
    estate.make()
    estate.deploy(estate.left)
    estate.move(member, estate.left, estate.right)
    estate.cloud.sleep(0.1)
    estate.move(member, estate.right, estate.left)
    estate.cloud.sleep(3)
    estate.rest()
    assert estate.seconds(member) == "60" and estate.instances() == {(member, HERE): ("CURRENT", estate.left)}


# Kills ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after_s", [0, 0.02, 0.1, 0.4, 1.5])
def test_what_a_region_missed_or_had_begun_is_done_when_it_is_up_again(estate, after_s):
    stays, goes, comes = estate.member(estate.left), estate.member(estate.left), estate.member()
    estate.make()
    estate.deploy(estate.left)
    estate.move(goes, estate.left, estate.right)
    estate.move(comes, estate.garden.root, estate.left)
    estate.cloud.sleep(after_s)
    estate.cloud.restart(HERE, kill=True)
    estate.cloud.sleep(3)
    estate.rest()
    assert [estate.seconds(account) for account in (stays, goes, comes)] == ["60", None, "60"]
    assert {account for account, _ in estate.instances()} == {stays, comes}
    stacks = [len(estate.cloud.client("cloudformation", key=account).describe_stacks()["Stacks"]) for account in (stays, goes, comes)]
    assert stacks == [1, 0, 1]


def test_a_region_that_was_dark_finds_what_it_missed(estate):
    goes, comes = estate.member(estate.left), estate.member()
    estate.make()
    estate.deploy(estate.left)
    estate.cloud.kill(HERE)
    away = estate.cloud.client("organizations", THERE, key=MASTER)
    away.move_account(AccountId=goes, SourceParentId=estate.left, DestinationParentId=estate.right)
    away.move_account(AccountId=comes, SourceParentId=estate.garden.root, DestinationParentId=estate.left)
    estate.cloud.sleep(60)
    estate.cloud.region(HERE)
    estate.cloud.sleep(3)
    estate.rest()
    assert [estate.seconds(goes), estate.seconds(comes)] == [None, "60"]


@pytest.mark.parametrize("victim", [HERE, THERE, "aws-global"])
@pytest.mark.parametrize("after_s", [0, 0.06, 0.3])
def test_an_operation_outlasts_whatever_it_needs(estate, victim, after_s):
    """Also the control plane of IAM, while the roles of accounts are made."""
    members = [estate.member(estate.left), estate.member(estate.left)]
    estate.make()
    eager = {"MaxConcurrentPercentage": 100, "FailureTolerancePercentage": 50, "RegionConcurrencyType": "PARALLEL"}
    answer = estate.cfn.create_stack_instances(
        StackSetName="ours", DeploymentTargets={"OrganizationalUnitIds": [estate.left]}, Regions=[HERE, THERE], OperationPreferences=eager
    )
    estate.cloud.sleep(after_s)
    estate.cloud.kill(victim)
    estate.cloud.sleep(3)
    estate.cloud.region(victim)
    assert estate.over(answer)["Status"] == "SUCCEEDED"
    assert {each["Status"] for each in estate.results(answer).values()} == {"SUCCEEDED"}
    for account in members:
        assert [len(estate.cloud.client("cloudformation", region, key=account).describe_stacks()["Stacks"]) for region in (HERE, THERE)] == [1, 1]


# Waiting for one another ---------------------------------------------------------------------------------


def test_managed_execution_queues_what_is_about_the_same_places(estate):
    one, other = estate.member(estate.left), estate.member(estate.right)
    estate.make(ManagedExecution={"Active": True})
    assert estate.cfn.describe_stack_set(StackSetName="ours")["StackSet"]["ManagedExecution"] == {"Active": True}
    make = estate.cfn.create_stack_instances
    first = make(StackSetName="ours", DeploymentTargets={"OrganizationalUnitIds": [estate.left]}, Regions=[HERE])
    beside = make(StackSetName="ours", DeploymentTargets={"OrganizationalUnitIds": [estate.right]}, Regions=[HERE])
    news = {"UsePreviousTemplate": True, "Parameters": [{"ParameterKey": "Seconds", "ParameterValue": "70"}]}
    behind = estate.cfn.update_stack_set(StackSetName="ours", **news)
    states = {each["OperationId"]: each["Status"] for each in estate.cfn.list_stack_set_operations(StackSetName="ours")["Summaries"]}
    assert [states[answer["OperationId"]] for answer in (first, beside, behind)] == ["RUNNING", "RUNNING", "QUEUED"]
    code, _ = refused(estate.cfn.update_stack_set, StackSetName="ours", UsePreviousTemplate=True, ManagedExecution={"Active": False})
    assert code == "InvalidOperationException"
    dropped = estate.cfn.update_stack_set(StackSetName="ours", **news, Tags=[{"Key": "a", "Value": "b"}])
    estate.cfn.stop_stack_set_operation(StackSetName="ours", OperationId=dropped["OperationId"])
    assert estate.over(dropped)["Status"] == "STOPPED"
    assert [estate.over(answer)["Status"] for answer in (first, beside, behind)] == ["SUCCEEDED"] * 3
    assert [estate.seconds(one), estate.seconds(other)] == ["70", "70"]
    answer = estate.cfn.update_stack_set(StackSetName="ours", UsePreviousTemplate=True, ManagedExecution={"Active": False})
    assert estate.over(answer)["Status"] == "SUCCEEDED"
    estate.over(make(StackSetName="ours", DeploymentTargets={"OrganizationalUnitIds": [estate.left]}, Regions=[THERE]))
    make(StackSetName="ours", DeploymentTargets={"OrganizationalUnitIds": [estate.left]}, Regions=[HERE])
    assert refused(estate.cfn.detect_stack_set_drift, StackSetName="ours")[0] == "OperationInProgressException"


def test_a_queue_outlives_its_region(estate):
    member = estate.member(estate.left)
    estate.make(ManagedExecution={"Active": True})
    meant = {"StackSetName": "ours", "DeploymentTargets": {"OrganizationalUnitIds": [estate.left]}, "Regions": [HERE]}
    estate.cfn.create_stack_instances(**meant)
    estate.cfn.delete_stack_instances(**meant, RetainStacks=False)
    estate.cfn.create_stack_instances(**meant, ParameterOverrides=[{"ParameterKey": "Seconds", "ParameterValue": "88"}])
    estate.cloud.sleep(0.2)
    estate.cloud.restart(HERE, kill=True)
    estate.cloud.sleep(1)
    assert estate.rest() == [("CREATE", "SUCCEEDED"), ("DELETE", "SUCCEEDED"), ("CREATE", "SUCCEEDED")]
    assert estate.seconds(member) is not None and estate.instances() == {(member, HERE): ("CURRENT", estate.left)}


# How far an operation goes -------------------------------------------------------------------------------


def test_regions_come_in_the_order_that_is_preferred_and_a_failure_keeps_the_next_from_beginning(estate):
    members = [estate.member(estate.left) for _ in range(2)]
    estate.make(Parameters=[{"ParameterKey": "Seconds", "ParameterValue": "99999999"}])
    done = estate.deploy(estate.left, regions=(HERE, THERE), OperationPreferences={"RegionOrder": [THERE, HERE]})
    assert done["Status"] == "FAILED" and done["OperationPreferences"] == {"RegionOrder": [THERE, HERE]}
    statuses = {place: each["Status"] for place, each in estate.results(done).items()}
    assert sorted(statuses[account, THERE] for account in members) == ["CANCELLED", "FAILED"]
    assert {statuses[account, HERE] for account in members} == {"CANCELLED"}
    eager = {"FailureTolerancePercentage": 100, "MaxConcurrentPercentage": 100, "RegionConcurrencyType": "PARALLEL", "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE"}
    done = estate.deploy(estate.left, regions=(HERE, THERE), OperationPreferences=eager)
    assert done["Status"] == "SUCCEEDED" and {each["Status"] for each in estate.results(done).values()} == {"FAILED"}
    assert done["StatusDetails"] == {"FailedStackInstancesCount": 4}


@pytest.mark.parametrize(("mode", "failed"), [("STRICT_FAILURE_TOLERANCE", 2), ("SOFT_FAILURE_TOLERANCE", 4)])
def test_a_strict_operation_never_fails_in_more_than_one_account_above_what_is_tolerated(estate, mode, failed):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/concurrency-mode.html"""
    for _ in range(4):
        estate.member(estate.left)
    estate.make(Parameters=[{"ParameterKey": "Seconds", "ParameterValue": "99999999"}])
    most = 2 if mode.startswith("STRICT") else 4
    done = estate.deploy(estate.left, OperationPreferences={"FailureToleranceCount": 1, "MaxConcurrentCount": most, "ConcurrencyMode": mode})
    statuses = [each["Status"] for each in estate.results(done).values()]
    assert done["Status"] == "FAILED" and (statuses.count("FAILED"), statuses.count("CANCELLED")) == (failed, 4 - failed)


def test_an_account_has_a_gate_of_its_own(estate):
    open_, shut = estate.member(estate.left), estate.member(estate.left)
    for account, status in ((open_, "SUCCEEDED"), (shut, "FAILED")):
        iam = estate.cloud.client("iam", key=account)
        trust = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}'
        role = iam.create_role(RoleName="gate", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        code = f"def handler(event, context):\n    return {{'Status': '{status}'}}\n"
        estate.cloud.client("lambda", key=account).create_function(
            FunctionName="AWSCloudFormationStackSetAccountGate", Runtime="python3.12", Role=role, Handler="app.handler", Code={"ZipFile": zipped(code)}
        )
    estate.make()
    done = estate.deploy(estate.left, OperationPreferences={"FailureToleranceCount": 1})
    results = estate.results(done)
    assert [results[account, HERE]["AccountGateResult"]["Status"] for account in (open_, shut)] == ["SUCCEEDED", "FAILED"]
    assert [results[account, HERE]["Status"] for account in (open_, shut)] == ["SUCCEEDED", "FAILED"]
    assert [estate.seconds(open_), estate.seconds(shut)] == ["60", None]
