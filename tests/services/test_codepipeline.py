"""CodePipeline: what is declared, and executions that really go through it.

https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html
"""

from __future__ import annotations

import json

import pytest
from lambda_workshop import make as make_function
from lambda_workshop import put_role, settle
from notice_workshop import queue, received, subscribed
from pipeline_workshop import ACCOUNT, QUEUE, ROLE, Works, action, approval, deploy, source
from refusals import refuses

EAST, WEST = "us-east-1", "eu-west-1"


@pytest.fixture
def works(cloud):
    return Works(cloud)


# What may be declared ------------------------------------------------------------------------------


def test_a_pipeline_is_kept_by_version_and_given_back_whole(works):
    made = works.pipelines.create_pipeline(pipeline=works.declared(("Check", approval())), tags=[{"key": "a", "value": "b"}])
    assert made["pipeline"]["version"] == 1 and made["tags"] == [{"key": "a", "value": "b"}]
    assert made["pipeline"]["stages"][1]["actions"][0]["runOrder"] == 1
    changed = works.pipelines.update_pipeline(pipeline=works.declared(("Check", approval("Other"))))["pipeline"]
    assert changed["version"] == 2
    old = works.pipelines.get_pipeline(name="line", version=1)
    assert old["pipeline"]["stages"][1]["actions"][0]["name"] == "Ask"
    assert old["metadata"]["pipelineArn"] == f"arn:aws:codepipeline:us-east-1:{ACCOUNT}:line"
    assert [each["version"] for each in works.pipelines.list_pipelines()["pipelines"]] == [2]
    works.pipelines.delete_pipeline(name="line")
    works.pipelines.delete_pipeline(name="line")
    refuses(works.pipelines.get_pipeline, "PipelineNotFoundException", f"Account '{ACCOUNT}' does not have a pipeline with name 'line'", name="line")


@pytest.mark.parametrize(
    "stages, code, words",
    [
        ((), "InvalidStructureException", "Pipeline has only 1 stage(s). There should be a minimum of 2 stages in a pipeline"),
        ((("Check", approval()), ("Source", source())), "InvalidStructureException", "should start with a stage that only contains source"),
        ((("Source", source()), ("Check", approval()), ("More", source())), "InvalidStructureException", "Only the first stage"),
        ((("Check", approval()), ("Check", approval())), "InvalidStructureException", "unique within a pipeline: Check"),
        # https://github.com/awsdocs/aws-cloudformation-user-guide/pull/941
        (
            (("Deploy", {**deploy("DeployUSEast1"), "inputArtifacts": []}),), "InvalidActionDeclarationException",
            "Action DeployUSEast1 declares 0 input artifacts which is less than the minimum count (1)",
        ),
        ((("Deploy", action("D", "Deploy", "S3", takes="Nothing", BucketName="b", Extract="true")),), "InvalidStructureException", "Nothing"),
        ((("Deploy", deploy(TemplatePath="SourceOutput::t.yaml")),), "InvalidActionDeclarationException", "names the artifact SourceOutput"),
        ((("Deploy", deploy(RoleArn="")),), "InvalidActionDeclarationException", "missing required configuration 'RoleArn'"),
        ((("Deploy", deploy(ActionMode="MAGIC")),), "InvalidActionDeclarationException", "MAGIC"),
        ((("Deploy", deploy(Colour="red")),), "InvalidActionDeclarationException", "unknown configuration 'Colour'"),
        ((("Deploy", deploy(region=WEST)),), "ValidationException", "artifactStores"),
        ((("Deploy", action("D", "Deploy", "Carrier", takes="Code")),), "InvalidActionDeclarationException", "not available in region 'US_EAST_1'"),
        ((("Deploy", action("D", "Deploy", "ECS", takes="Code")),), "NotImplemented", "the action provider ECS"),
    ],
)  # fmt: skip
def test_what_is_no_pipeline_is_refuses(works, stages, code, words):
    refuses(works.pipelines.create_pipeline, code, words, pipeline=works.declared(*stages))


def test_a_role_that_does_not_trust_codepipeline_is_refuses(works, cloud):
    put_role(cloud, "*", trust=json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}}), arn=ROLE)
    words = f"CodePipeline is not authorized to perform AssumeRole on role {ROLE}"
    refuses(works.pipelines.create_pipeline, "InvalidStructureException", words, pipeline=works.declared(("Check", approval())))


def test_stores_of_every_region_are_needed(cloud):
    works = Works(cloud, EAST, WEST)
    build = action("B", "Build", "CodeBuild", takes="Code", gives="Built", ProjectName="p", region=WEST)
    refuses(works.pipelines.create_pipeline, "NotImplemented", "output artifacts of a CodeBuild action", pipeline=works.declared(("Build", build)))
    said = works.declared(("Source", {**source(), "region": WEST}), ("Check", approval()))
    refuses(works.pipelines.create_pipeline, "InvalidActionDeclarationException", "must be in the pipeline's region", pipeline=said)
    said = works.declared(("Deploy", deploy(region=WEST)))
    del said["artifactStores"][WEST]
    refuses(works.pipelines.create_pipeline, "ValidationException", "no artifact store for the region eu-west-1", pipeline=said)


# Sources -------------------------------------------------------------------------------------------


def test_a_fresh_pipeline_runs_at_once_and_says_what_it_read(works):
    version = works.put(a_txt="hello")
    id_ = works.make(("Check", approval()))
    told = works.pipelines.get_pipeline_execution(pipelineName="line", pipelineExecutionId=id_)["pipelineExecution"]
    assert told["status"] == "InProgress" and told["trigger"]["triggerType"] == "CreatePipeline"
    (revision,) = told["artifactRevisions"]
    assert (revision["name"], revision["revisionId"]) == ("Code", version)
    assert works.stage("Source")["latestExecution"]["status"] == "Succeeded"
    (stored,) = works.s3.list_objects_v2(Bucket="store-us-east-1")["Contents"]
    assert stored["Key"].startswith("line/Code/")


def test_a_source_without_versions_or_without_its_object_fails(works):
    id_ = works.make(("Check", approval()))
    assert works.status(id_) == "Failed" and "NoSuchKey" in works.latest("Source")["errorDetails"]["message"]
    works.s3.put_bucket_versioning(Bucket="source", VersioningConfiguration={"Status": "Suspended"})
    works.put(a_txt="x")
    assert works.status(works.start()) == "Failed"
    assert "versioning" in works.latest("Source")["errorDetails"]["message"]


def test_a_polled_source_starts_its_pipeline_once_for_each_version(works):
    works.put(a_txt="1")
    works.make(("Source", source(PollForSourceChanges="true")), ("Check", approval()))
    works.cloud.sleep(30)
    assert len(works.executions()) == 1
    version = works.put(a_txt="2")
    works.cloud.sleep(30)
    newest, *older = works.executions()
    assert newest["trigger"]["triggerType"] == "PollForSourceChanges" and len(older) == 1
    assert newest["sourceRevisions"][0]["revisionId"] == version


def test_a_rule_starts_a_pipeline_that_does_not_poll(works):
    works.make(("Check", approval()))
    works.s3.put_bucket_notification_configuration(Bucket="source", NotificationConfiguration={"EventBridgeConfiguration": {}})
    events = works.cloud.client("events")
    events.put_rule(Name="put", EventPattern=json.dumps({"source": ["aws.s3"], "detail": {"object": {"key": ["source.zip"]}}}))
    arn = f"arn:aws:codepipeline:us-east-1:{ACCOUNT}:line"
    events.put_targets(Rule="put", Targets=[{"Id": "1", "Arn": arn, "RoleArn": ROLE}])
    works.put(a_txt="1")
    works.cloud.sleep(10)
    assert [each["trigger"]["triggerType"] for each in works.executions()] == ["CloudWatchEvent", "CreatePipeline"]


def test_an_old_version_of_the_source_may_be_asked_for(works):
    old = works.put(a_txt="1")
    works.put(a_txt="2")
    works.make(("Check", approval()))
    id_ = works.start(sourceRevisions=[{"actionName": "Get", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": old}])
    told = works.pipelines.get_pipeline_execution(pipelineName="line", pipelineExecutionId=id_)["pipelineExecution"]
    assert told["artifactRevisions"][0]["revisionId"] == old


# Approvals, order, stopping ------------------------------------------------------------------------


def test_an_approval_is_asked_by_a_topic_and_decided_once(works):
    topic = works.cloud.client("sns").create_topic(Name="asked")["TopicArn"]
    url, _ = subscribed(works.cloud, topic, "people")
    works.put(a_txt="1")
    id_ = works.make(("Check", approval(NotificationArn=topic, CustomData="look at it")))
    (asked,) = [json.loads(json.loads(each["Body"])["Message"])["approval"] for each in received(works.cloud, url)]
    assert asked["customData"] == "look at it" and asked["token"] == works.latest("Check")["token"]
    wrong = {"pipelineName": "line", "stageName": "Check", "actionName": "Ask", "result": {"summary": "", "status": "Approved"}}
    refuses(works.pipelines.put_approval_result, "InvalidApprovalTokenException", token="00000000-0000-0000-0000-000000000000", **wrong)
    works.decide()
    assert works.status(id_) == "Succeeded" and works.latest("Check")["summary"] == "Approved by me"
    refuses(works.pipelines.put_approval_result, "ApprovalAlreadyCompletedException", token=asked["token"], **wrong)


def test_a_rejection_fails_and_later_actions_do_not_begin(works):
    works.put(a_txt="1")
    id_ = works.make(("Check", approval(), approval("Later", runOrder=2)))
    works.decide("Rejected")
    assert works.status(id_) == "Failed"
    assert [each.get("latestExecution", {}).get("status") for each in works.stage("Check")["actionStates"]] == ["Failed", None]


def test_an_approval_that_nobody_gives_is_over_after_its_time(works):
    works.put(a_txt="1")
    id_ = works.make(("Check", approval(timeoutInMinutes=10)))
    works.cloud.sleep(500)
    assert works.status(id_) == "InProgress"
    works.cloud.sleep(200)
    assert works.status(id_) == "Failed"


def test_of_those_that_wait_before_a_stage_the_newest_stays(works):
    works.put(a_txt="1")
    first = works.make(("Check", approval()), ("End", approval()))
    second, third = works.start(), works.start()
    assert [works.status(each) for each in (first, second, third)] == ["InProgress", "Superseded", "InProgress"]
    assert works.stage("Check")["inboundExecution"]["pipelineExecutionId"] == third
    works.decide()
    assert works.stage("Check")["latestExecution"]["pipelineExecutionId"] == third
    assert works.stage("End")["latestExecution"]["pipelineExecutionId"] == first


@pytest.mark.parametrize("mode, inside", [("QUEUED", 1), ("PARALLEL", 3)])
def test_a_pipeline_of_version_two_queues_or_runs_abreast(works, mode, inside):
    works.put(a_txt="1")
    works.make(("Check", approval()), pipelineType="V2", executionMode=mode)
    works.start(), works.start()
    assert [each["status"] for each in works.executions()] == ["InProgress"] * 3
    listed = works.pipelines.list_action_executions(pipelineName="line")["actionExecutionDetails"]
    assert len([each for each in listed if each["stageName"] == "Check"]) == inside


def test_a_closed_transition_holds_executions_until_it_opens(works):
    works.put(a_txt="1")
    works.pipelines.create_pipeline(pipeline=works.declared(("Check", approval())))
    works.pipelines.disable_stage_transition(pipelineName="line", stageName="Check", transitionType="Inbound", reason="night")
    works.cloud.sleep(5)
    state = works.stage("Check")
    assert state["inboundTransitionState"]["disabledReason"] == "night" and "latestExecution" not in state
    works.pipelines.enable_stage_transition(pipelineName="line", stageName="Check", transitionType="Inbound")
    works.cloud.sleep(5)
    assert works.latest("Check")["status"] == "InProgress"


def test_stopping_waits_for_actions_or_abandons_them(works):
    works.put(a_txt="1")
    id_ = works.make(("Check", approval()), ("End", approval()))
    stop = {"pipelineName": "line", "pipelineExecutionId": id_}
    works.pipelines.stop_pipeline_execution(**stop, reason="enough")
    works.cloud.sleep(5)
    assert works.status(id_) == "Stopping"
    refuses(works.pipelines.stop_pipeline_execution, "DuplicatedStopRequestException", **stop)
    works.decide()
    assert works.status(id_) == "Stopped"
    refuses(works.pipelines.stop_pipeline_execution, "PipelineExecutionNotStoppableException", **stop)
    other = works.start()
    works.pipelines.stop_pipeline_execution(pipelineName="line", pipelineExecutionId=other, abandon=True)
    assert (works.status(other), works.latest("Check")["status"]) == ("Stopped", "Abandoned")


def test_a_failed_stage_is_tried_again_from_what_failed(works):
    works.put(a_txt="1")
    id_ = works.make(("Check", approval("Fine"), approval()))
    works.decide(action="Fine")
    token = works.latest("Check", 1)["token"]
    works.pipelines.put_approval_result(
        pipelineName="line", stageName="Check", actionName="Ask", token=token, result={"summary": "no", "status": "Rejected"}
    )
    works.cloud.sleep(5)
    assert works.status(id_) == "Failed"
    again = {"pipelineName": "line", "pipelineExecutionId": id_, "retryMode": "FAILED_ACTIONS"}
    refuses(works.pipelines.retry_stage_execution, "StageNotRetryableException", stageName="Source", **again)
    works.pipelines.retry_stage_execution(stageName="Check", **again)
    works.cloud.sleep(5)
    assert [each["latestExecution"]["status"] for each in works.stage("Check")["actionStates"]] == ["Succeeded", "InProgress"]


def test_a_region_that_was_killed_goes_on_where_it_was(works):
    works.put(a_txt="1")
    id_ = works.make(("Check", approval()), ("End", approval()))
    works.cloud.restart(kill=True)
    works.cloud.sleep(5)
    works.decide()
    works.cloud.restart(kill=True)
    works.cloud.sleep(5)
    works.decide(stage="End")
    assert works.status(id_) == "Succeeded"
    assert len(works.pipelines.list_action_executions(pipelineName="line")["actionExecutionDetails"]) == 3


def test_what_happens_is_told_to_the_bus(works):
    url, arn = queue(works.cloud, "heard")
    policy = {"Statement": {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}}
    works.cloud.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    events = works.cloud.client("events")
    events.put_rule(Name="all", EventPattern=json.dumps({"source": ["aws.codepipeline"]}))
    events.put_targets(Rule="all", Targets=[{"Id": "1", "Arn": arn}])
    works.put(a_txt="1")
    works.make(("Check", approval()))
    works.decide()
    told = [json.loads(each["Body"]) for each in received(works.cloud, url)]
    whole = [each["detail"]["state"] for each in told if each["detail-type"] == "CodePipeline Pipeline Execution State Change"]
    assert whole == ["STARTED", "SUCCEEDED"] and told[0]["resources"] == [f"arn:aws:codepipeline:us-east-1:{ACCOUNT}:line"]
    single = [each["detail"] for each in told if each["detail-type"] == "CodePipeline Action Execution State Change"]
    assert [(each["action"], each["state"]) for each in single] == [("Get", "STARTED"), ("Get", "SUCCEEDED"), ("Ask", "STARTED"), ("Ask", "SUCCEEDED")]


# Stacks --------------------------------------------------------------------------------------------


def timeout(cloud, region: str = EAST) -> str | None:
    sqs = cloud.client("sqs", region)
    urls = sqs.list_queues(QueueNamePrefix="made").get("QueueUrls", [])
    return sqs.get_queue_attributes(QueueUrl=urls[0], AttributeNames=["VisibilityTimeout"])["Attributes"]["VisibilityTimeout"] if urls else None


def test_a_stack_is_made_and_then_changed(works):
    works.put(template_yaml=QUEUE % 40)
    id_ = works.make(("Deploy", deploy(namespace="stack"), approval(runOrder=2, CustomData="#{stack.Url}")))
    assert (timeout(works.cloud), works.status(id_)) == ("40", "InProgress")
    newest = works.pipelines.list_action_executions(pipelineName="line")["actionExecutionDetails"][0]
    assert newest["input"]["resolvedConfiguration"]["CustomData"].endswith("/made")
    works.pipelines.stop_pipeline_execution(pipelineName="line", pipelineExecutionId=id_, abandon=True)
    works.put(template_yaml=QUEUE % 50)
    works.start()
    assert timeout(works.cloud) == "50"


def test_a_stack_that_fails_says_why_and_is_replaced_if_so_wanted(works):
    works.put(template_yaml=QUEUE % 999999)
    id_ = works.make(("Deploy", deploy(ActionMode="REPLACE_ON_FAILURE")), ("Check", approval()))
    assert works.status(id_) == "Failed" and "Queue" in works.latest("Deploy")["errorDetails"]["message"]
    assert "latestExecution" not in works.stage("Check")
    works.put(template_yaml=QUEUE % 30)
    works.start()
    assert (works.latest("Deploy")["status"], timeout(works.cloud)) == ("Succeeded", "30")


def test_a_change_set_is_prepared_agreed_to_and_executed(works):
    works.put(template_yaml=QUEUE % 20)
    prepare = deploy("Prepare", ActionMode="CHANGE_SET_REPLACE", ChangeSetName="next")
    execute = action("Execute", "Deploy", "CloudFormation", ActionMode="CHANGE_SET_EXECUTE", StackName="app", ChangeSetName="next", runOrder=3)
    works.make(("Deploy", prepare, approval(runOrder=2), execute))
    assert timeout(works.cloud) is None
    token = works.latest("Deploy", 1)["token"]
    works.pipelines.put_approval_result(pipelineName="line", stageName="Deploy", actionName="Ask", token=token, result={"summary": "", "status": "Approved"})
    works.cloud.sleep(5)
    assert (works.executions()[0]["status"], timeout(works.cloud)) == ("Succeeded", "20")
    works.pipelines.update_pipeline(pipeline=works.declared(
        ("Drop", action("Delete", "Deploy", "CloudFormation", ActionMode="DELETE_ONLY", StackName="app", RoleArn=ROLE))
    ))  # fmt: skip
    assert (works.status(works.start()), timeout(works.cloud)) == ("Succeeded", None)


def test_parameters_come_from_files_overrides_and_artifacts(works):
    template = "Parameters: {Time: {Type: String}, Key: {Type: String}, Store: {Type: String}}\n" + (QUEUE % "!Ref Time")
    template += "  Key: {Value: !Ref Key}\n  Store: {Value: !Ref Store}\n"
    works.put(template_yaml=template, config_json=json.dumps({"Parameters": {"Time": "60", "Key": "none"}, "Tags": {"team": "a"}}), more_json='{"time": 70}')
    overrides = {"Key": {"Fn::GetArtifactAtt": ["Code", "ObjectKey"]}, "Store": "s", "Time": {"Fn::GetParam": ["Code", "more.json", "time"]}}
    works.make(("Deploy", deploy(TemplateConfiguration="Code::config.json", ParameterOverrides=json.dumps(overrides))))
    (stack,) = works.cloud.client("cloudformation").describe_stacks(StackName="app")["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    assert (outputs["Store"], timeout(works.cloud)) == ("s", "70") and outputs["Key"].startswith("line/Code/")
    assert stack["Tags"] == [{"Key": "team", "Value": "a"}]


def test_an_action_in_another_region_makes_its_stack_there_from_a_copy_in_that_regions_store(cloud):
    works = Works(cloud, EAST, WEST)
    works.put(template_yaml=QUEUE % 45)
    id_ = works.make(("Primary", deploy()), ("Secondary", deploy(region=WEST)))
    assert works.status(id_) == "Succeeded" and [timeout(cloud, region) for region in (EAST, WEST)] == ["45", "45"]
    (copy,) = cloud.client("s3", WEST).list_objects_v2(Bucket=f"store-{WEST}")["Contents"]
    assert copy["Key"].startswith("line/Code/")


def test_a_region_that_stays_dark_is_waited_for_until_the_actions_time_is_over(cloud):
    works = Works(cloud, EAST, WEST)
    works.put(a_txt="1")
    cloud.kill(WEST)
    far = action("Far", "Deploy", "S3", takes="Code", BucketName="far", Extract="true", region=WEST)
    id_ = works.make(("Deploy", far))
    cloud.sleep(3_000)
    assert works.status(id_) == "InProgress"
    cloud.sleep(3_000)
    assert works.status(id_) == "Failed" and "within its time" in works.latest("Deploy")["errorDetails"]["message"]


def test_a_region_that_is_dark_is_waited_for(cloud):
    works = Works(cloud, EAST, WEST)
    works.put(template_yaml=QUEUE % 45)
    cloud.kill(WEST)
    id_ = works.make(("Primary", deploy()), ("Secondary", deploy(region=WEST)))
    assert works.status(id_) == "InProgress"
    cloud.region(WEST)
    cloud.sleep(120)
    assert works.status(id_) == "Succeeded" and timeout(cloud, WEST) == "45"


def test_a_failing_primary_stops_the_secondary(cloud):
    works = Works(cloud, EAST, WEST)
    works.put(template_yaml=QUEUE % 999999)
    id_ = works.make(("Primary", deploy()), ("Secondary", deploy(region=WEST)))
    assert works.status(id_) == "Failed" and timeout(cloud, WEST) is None


# Files and functions -------------------------------------------------------------------------------


def test_files_are_deployed_to_a_bucket(works):
    works.s3.create_bucket(Bucket="site")
    works.put(index_html="<p>", css__a_css="p {}")
    site = action("Site", "Deploy", "S3", takes="Code", BucketName="site", Extract="true", ObjectKey="v1", CacheControl="max-age=60")
    whole = action("Whole", "Deploy", "S3", takes="Code", BucketName="site", Extract="false", ObjectKey="all.zip")
    assert works.status(works.make(("Deploy", site, whole))) == "Succeeded"
    assert [each["Key"] for each in works.s3.list_objects_v2(Bucket="site")["Contents"]] == ["all.zip", "v1/css/a.css", "v1/index.html"]
    page = works.s3.get_object(Bucket="site", Key="v1/index.html")
    assert (page["ContentType"], page["CacheControl"]) == ("text/html", "max-age=60")


def test_a_role_without_the_right_fails_the_action_by_name(cloud):
    works = Works(cloud, allowed=("s3:*",))
    works.put(template_yaml=QUEUE % 45)
    assert works.status(works.make(("Deploy", deploy()))) == "Failed"
    error = works.latest("Deploy")["errorDetails"]
    assert error["code"] == "PermissionError" and "cloudformation:DescribeStacks" in error["message"]


@pytest.fixture
def told(works):
    """A function that was called for a job, whose result the test gives itself, because functions of tests reach no cloud."""
    make_function(works.cloud, "def handler(event, context): print(event['CodePipeline.job']['data'].get('continuationToken', 'fresh'))", name="f")
    works.put(a_txt="1")
    id_ = works.make(("Call", action("F", "Invoke", "Lambda", takes="Code", FunctionName="f", UserParameters="x", namespace="f")))
    settle(works.cloud)
    return id_


def test_a_function_ends_its_action_by_the_id_of_its_job(works, told):
    job = works.latest("Call")["externalExecutionId"]
    works.pipelines.put_job_success_result(jobId=job, continuationToken="again")
    works.cloud.sleep(10)
    assert works.status(told) == "InProgress"
    works.pipelines.put_job_success_result(jobId=job, outputVariables={"a": "b"}, executionDetails={"summary": "well"})
    works.cloud.sleep(5)
    assert (works.status(told), works.latest("Call")["summary"]) == ("Succeeded", "well")
    refuses(works.pipelines.put_job_success_result, "InvalidJobStateException", jobId=job)
    refuses(works.pipelines.put_job_success_result, "JobNotFoundException", jobId="00000000-0000-0000-0000-000000000000")


def test_a_function_fails_its_action(works, told):
    failure = {"type": "ConfigurationError", "message": "it said so"}
    works.pipelines.put_job_failure_result(jobId=works.latest("Call")["externalExecutionId"], failureDetails=failure)
    works.cloud.sleep(5)
    assert works.status(told) == "Failed" and works.latest("Call")["errorDetails"] == {"code": "ConfigurationError", "message": "it said so"}
