"""Experiments of the Fault Injection Service: templates that are checked, actions that really break, endings that really mend."""

import io
import json

import pytest
from lambda_workshop import ACCOUNT, invoke, make, put_role
from pypdf import PdfReader
from refusals import refused

US, EU = "us-east-1", "eu-west-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/fis"
APP = f"arn:aws:iam::{ACCOUNT}:role/app"
TRUST = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": "fis.amazonaws.com"}, "Action": "sts:AssumeRole"}})
FUNCTION = f"arn:aws:lambda:{US}:{ACCOUNT}:function:f"


@pytest.fixture
def fis(cloud):
    put_role(cloud, "*", trust=TRUST, arn=ROLE)
    return cloud.client("fis")


def template(fis, actions, targets=None, **more):
    values = {"description": "d", "stopConditions": [{"source": "none"}], "roleArn": ROLE, "actions": actions, "targets": targets or {}}
    return fis.create_experiment_template(**(values | more))["experimentTemplate"]


def functions(*arns, mode="ALL"):
    return {"resourceType": "aws:lambda:function", "resourceArns": list(arns) or [FUNCTION], "selectionMode": mode}


def failing(duration="PT2M", **more):
    return {"actionId": "aws:lambda:invocation-error", "parameters": {"duration": duration, "preventExecution": "true"}, "targets": {"Functions": "fs"}, **more}


def wait(duration="PT1M", **more):
    return {"actionId": "aws:fis:wait", "parameters": {"duration": duration}, **more}


def start(fis, made):
    return fis.start_experiment(experimentTemplateId=made["id"])["experiment"]["id"]


def state(fis, id_):
    return fis.get_experiment(id=id_)["experiment"]["state"]["status"]


def actions(fis, id_):
    return {name: action["state"]["status"] for name, action in fis.get_experiment(id=id_)["experiment"]["actions"].items()}


# Templates -----------------------------------------------------------------------------------------


def test_a_request_that_comes_twice_makes_one_template_and_begins_one_experiment(cloud, fis):
    made = template(fis, {"w": wait()}, clientToken="t1")
    cloud.restart(kill=True)
    assert template(fis, {"w": wait()}, clientToken="t1") == made
    assert refused(template, fis=fis, actions={"w": wait("PT2M")}, clientToken="t1")[0] == "ConflictException"
    begun = fis.start_experiment(experimentTemplateId=made["id"], clientToken="t2")["experiment"]["id"]
    cloud.restart(kill=True)
    assert fis.start_experiment(experimentTemplateId=made["id"], clientToken="t2")["experiment"]["id"] == begun
    assert refused(fis.start_experiment, experimentTemplateId=made["id"], clientToken="t2", tags={"k": "v"})[0] == "ConflictException"
    assert (len(fis.list_experiment_templates()["experimentTemplates"]), len(fis.list_experiments()["experiments"])) == (1, 1)


def test_a_template_is_made_shown_listed_changed_and_deleted(fis):
    made = template(fis, {"w": wait()}, tags={"k": "v"})
    assert made["arn"] == f"arn:aws:fis:{US}:{ACCOUNT}:experiment-template/{made['id']}"
    assert fis.get_experiment_template(id=made["id"])["experimentTemplate"] == made
    assert [t["id"] for t in fis.list_experiment_templates()["experimentTemplates"]] == [made["id"]]
    changed = fis.update_experiment_template(id=made["id"], description="other")["experimentTemplate"]
    assert (changed["description"], changed["actions"]) == ("other", made["actions"])
    fis.delete_experiment_template(id=made["id"])
    assert refused(fis.get_experiment_template, id=made["id"])[0] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    "asked, code",
    [
        ({"actions": {"a": {"actionId": "aws:ec2:stop-instances"}}}, "NotImplemented"),
        ({"actions": {"a": {"actionId": "aws:nothing:at-all"}}}, "ValidationException"),
        ({"actions": {"a": wait("PT30S")}}, "ValidationException"),
        ({"actions": {"a": wait("soon")}}, "ValidationException"),
        ({"actions": {"a": wait(startAfter=["b"])}}, "ValidationException"),
        ({"actions": {"a": wait(startAfter=["b"]), "b": wait(startAfter=["a"])}}, "ValidationException"),
        ({"actions": {"a": failing()}}, "ValidationException"),
        ({"actions": {"a": wait(targets={"Functions": "fs"})}, "targets": {"fs": functions()}}, "ValidationException"),
        ({"actions": {"a": failing()}, "targets": {"fs": functions(mode="SOME")}}, "ValidationException"),
        ({"actions": {"a": failing()}, "targets": {"fs": {"resourceType": "aws:ec2:instance", "selectionMode": "ALL", "resourceArns": ["x" * 20]}}}, "NotImplemented"),
        ({"actions": {"a": wait() | {"parameters": {"duration": "PT1M", "more": "x"}}}}, "ValidationException"),
        ({"actions": {"a": wait()}, "stopConditions": [{"source": "moon"}]}, "ValidationException"),
        ({"actions": {"a": wait()}, "logConfiguration": {"logSchemaVersion": 2}}, "NotImplemented"),
        ({"actions": {"a": wait()}, "experimentOptions": {"accountTargeting": "multi-account"}}, "NotImplemented"),
    ],
)
def test_what_cannot_be_run_is_refused_when_it_is_written(fis, asked, code):
    assert refused(template, fis=fis, **({"actions": {}} | asked))[0] == code


def test_errors_of_calls_name_services_and_operations_that_exist(fis):
    def asked(service, operations):
        role = {"resourceType": "aws:iam:role", "resourceArns": [APP], "selectionMode": "ALL"}
        params = {"duration": "PT1M", "service": service, "percentage": "100", "operations": operations}
        return {"actions": {"a": {"actionId": "aws:fis:inject-api-internal-error", "parameters": params, "targets": {"Roles": "r"}}}, "targets": {"r": role}}

    assert refused(template, fis=fis, **asked("nosuch", "X"))[0] == "ValidationException"
    assert refused(template, fis=fis, **asked("sqs", "X"))[0] == "ValidationException"
    assert refused(template, fis=fis, **asked("redshift", "DescribeClusters"))[0] == "NotImplemented"
    template(fis, **asked("sqs", "SendMessage,ReceiveMessage"))


def test_actions_and_types_are_listed_and_told(fis):
    ids = [action["id"] for action in fis.list_actions()["actions"]]
    assert "aws:dynamodb:global-table-pause-replication" in ids
    told = fis.get_action(id="aws:lambda:invocation-add-delay")["action"]
    assert told["targets"] == {"Functions": {"resourceType": "aws:lambda:function"}}
    assert told["parameters"]["duration"]["required"] is True
    assert refused(fis.get_action, id="aws:ec2:stop-instances")[0] == "NotImplemented"
    types = [kind["resourceType"] for kind in fis.list_target_resource_types()["targetResourceTypes"]]
    assert fis.get_target_resource_type(resourceType=types[0])["targetResourceType"]["resourceType"] == types[0]


# Running -------------------------------------------------------------------------------------------


def test_an_experiment_breaks_a_function_for_as_long_as_it_says(cloud, fis):
    make(cloud)
    id_ = start(fis, template(fis, {"break": failing("PT2M")}, {"fs": functions()}))
    cloud.sleep(1)
    assert (state(fis, id_), actions(fis, id_)) == ("running", {"break": "running"})
    assert invoke(cloud)["FunctionError"] == "Unhandled"
    assert [t["targetInformation"] for t in fis.list_experiment_resolved_targets(experimentId=id_)["resolvedTargets"]] == [{"arn": FUNCTION}]
    cloud.sleep(120)
    assert (state(fis, id_), actions(fis, id_)) == ("completed", {"break": "completed"})
    assert "FunctionError" not in invoke(cloud)


@pytest.mark.parametrize("kind", ["metric", "composite"])
def test_an_alarm_stops_an_experiment_and_what_it_broke_is_mended(cloud, fis, kind):
    watch = cloud.client("cloudwatch")
    terms = {"Namespace": "n", "MetricName": "m", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0}
    watch.put_metric_alarm(AlarmName="one", ComparisonOperator="GreaterThanThreshold", **terms)
    watch.put_composite_alarm(AlarmName="both", AlarmRule="ALARM(one)")
    make(cloud)
    stop = {"source": "aws:cloudwatch:alarm", "value": f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:{'one' if kind == 'metric' else 'both'}"}
    id_ = start(fis, template(fis, {"break": failing("PT5M")}, {"fs": functions()}, stopConditions=[stop]))
    cloud.sleep(1)
    assert state(fis, id_) == "running" and invoke(cloud)["FunctionError"] == "Unhandled"
    watch.set_alarm_state(AlarmName="one", StateValue="ALARM", StateReason="too much")
    cloud.sleep(10)
    assert state(fis, id_) == "stopped" and "FunctionError" not in invoke(cloud)


def test_actions_wait_for_those_before_them(cloud, fis):
    made = template(fis, {"first": wait("PT1M"), "second": wait("PT2M", startAfter=["first"]), "beside": wait("PT1M")})
    id_ = start(fis, made)
    cloud.sleep(1)
    assert actions(fis, id_) == {"first": "running", "second": "pending", "beside": "running"}
    cloud.sleep(61)
    assert actions(fis, id_) == {"first": "completed", "second": "running", "beside": "completed"}
    cloud.sleep(121)
    assert state(fis, id_) == "completed"


def test_a_stopped_experiment_mends_what_it_broke(cloud, fis):
    make(cloud)
    id_ = start(fis, template(fis, {"break": failing("PT12H"), "later": wait(startAfter=["break"])}, {"fs": functions()}))
    cloud.sleep(1)
    fis.stop_experiment(id=id_)
    cloud.sleep(1)
    assert (state(fis, id_), actions(fis, id_)) == ("stopped", {"break": "stopped", "later": "cancelled"})
    assert "FunctionError" not in invoke(cloud)
    assert refused(fis.stop_experiment, id=id_)[0] == "ValidationException"


def test_a_region_that_was_killed_carries_its_experiments_on(cloud, fis):
    make(cloud)
    id_ = start(fis, template(fis, {"break": failing("PT5M"), "after": wait("PT1M", startAfter=["break"])}, {"fs": functions()}))
    cloud.sleep(1)
    cloud.restart(US, kill=True)
    cloud.sleep(1)
    assert state(fis, id_) == "running"
    cloud.sleep(300)
    assert actions(fis, id_) == {"break": "completed", "after": "running"}
    cloud.sleep(61)
    assert state(fis, id_) == "completed"


def test_the_safety_lever_stops_all_and_lets_nothing_start(cloud, fis):
    made = template(fis, {"w": wait("PT1H")})
    id_ = start(fis, made)
    cloud.sleep(1)
    fis.update_safety_lever_state(id="default", state={"status": "engaged", "reason": "game over"})
    cloud.sleep(1)
    assert state(fis, id_) == "stopped"
    assert refused(fis.start_experiment, experimentTemplateId=made["id"])[0] == "ConflictException"
    fis.update_safety_lever_state(id="default", state={"status": "disengaged", "reason": "on we go"})
    start(fis, made)


def test_targets_are_found_by_their_tags_and_chosen_by_number(cloud, fis):
    for name in ("a", "b", "c", "other"):
        make(cloud, name=name, Tags={} if name == "other" else {"chaos": "yes"})
    tagged = {"resourceType": "aws:lambda:function", "resourceTags": {"chaos": "yes"}, "selectionMode": "COUNT(2)"}
    id_ = start(fis, template(fis, {"break": failing()}, {"fs": tagged}))
    cloud.sleep(1)
    chosen = {t["targetInformation"]["arn"].rpartition(":")[2] for t in fis.list_experiment_resolved_targets(experimentId=id_)["resolvedTargets"]}
    assert len(chosen) == 2 and chosen < {"a", "b", "c"}
    for name in ("a", "b", "c", "other"):
        assert ("FunctionError" in invoke(cloud, name=name)) == (name in chosen)


@pytest.mark.parametrize("mode, outcome", [("fail", "failed"), ("skip", "completed")])
def test_without_a_target_an_experiment_fails_or_skips(cloud, fis, mode, outcome):
    none = {"resourceType": "aws:lambda:function", "resourceTags": {"chaos": "yes"}, "selectionMode": "ALL"}
    id_ = start(fis, template(fis, {"break": failing()}, {"fs": none}, experimentOptions={"emptyTargetResolutionMode": mode}))
    cloud.sleep(1)
    assert state(fis, id_) == outcome
    assert actions(fis, id_)["break"] == ("cancelled" if mode == "fail" else "skipped")


def test_a_rehearsal_skips_every_action(cloud, fis):
    make(cloud)
    made = template(fis, {"break": failing()}, {"fs": functions()})
    id_ = fis.start_experiment(experimentTemplateId=made["id"], experimentOptions={"actionsMode": "skip-all"})["experiment"]["id"]
    cloud.sleep(1)
    assert (state(fis, id_), actions(fis, id_)) == ("completed", {"break": "skipped"})
    assert "FunctionError" not in invoke(cloud)


def test_a_role_without_rights_breaks_nothing(cloud, fis):
    make(cloud)
    put_role(cloud, "logs:*", trust=TRUST, arn=ROLE)
    id_ = start(fis, template(fis, {"break": failing()}, {"fs": functions()}))
    cloud.sleep(1)
    experiment = fis.get_experiment(id=id_)["experiment"]
    assert experiment["state"]["status"] == "failed"
    assert "is not authorized to perform: lambda:GetFunction" in experiment["actions"]["break"]["state"]["reason"]
    assert "FunctionError" not in invoke(cloud)


def test_a_role_that_fis_may_not_assume_fails_the_experiment(cloud, fis):
    put_role(cloud, "*", arn=ROLE)
    id_ = start(fis, template(fis, {"w": wait()}))
    cloud.sleep(1)
    assert state(fis, id_) == "failed"


def test_calls_of_a_role_are_answered_with_errors_and_those_of_others_are_not(cloud, fis):
    put_role(cloud, "sqs:*", trust=json.dumps({"Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}}), arn=APP)
    keys = cloud.client("sts").assume_role(RoleArn=APP, RoleSessionName="session")["Credentials"]
    app = cloud.client("sqs", key=keys["AccessKeyId"], secret=keys["SecretAccessKey"], token=keys["SessionToken"])
    role = {"resourceType": "aws:iam:role", "resourceArns": [APP], "selectionMode": "ALL"}
    params = {"duration": "PT1M", "service": "sqs", "percentage": "100", "operations": "ListQueues"}
    made = template(fis, {"a": {"actionId": "aws:fis:inject-api-unavailable-error", "parameters": params, "targets": {"Roles": "r"}}}, {"r": role})
    start(fis, made)
    cloud.sleep(1)
    assert refused(app.list_queues)[0] == "ServiceUnavailable"
    app.create_queue(QueueName="q")
    cloud.client("sqs").list_queues()
    cloud.sleep(60)
    app.list_queues()


def test_a_paused_global_table_keeps_its_log_and_catches_up(make_cloud):
    from kumoniwa.gate.address import GLOBAL

    cloud = make_cloud(US, EU, GLOBAL)
    put_role(cloud, "*", trust=TRUST, arn=ROLE)
    fis, us, eu = cloud.client("fis"), cloud.client("dynamodb", US), cloud.client("dynamodb", EU)
    us.create_table(
        TableName="Orders", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}], StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )  # fmt: skip
    us.update_table(TableName="Orders", ReplicaUpdates=[{"Create": {"RegionName": EU}}])
    cloud.sleep(30)
    arn = us.describe_table(TableName="Orders")["Table"]["TableArn"]
    target = {"resourceType": "aws:dynamodb:global-table", "resourceArns": [arn], "selectionMode": "ALL"}
    action = {"actionId": "aws:dynamodb:global-table-pause-replication", "parameters": {"duration": "PT5M"}, "targets": {"Tables": "t"}}
    id_ = start(fis, template(fis, {"pause": action}, {"t": target}))
    cloud.sleep(5)
    us.put_item(TableName="Orders", Item={"id": {"S": "from us"}})
    eu.put_item(TableName="Orders", Item={"id": {"S": "from eu"}})
    cloud.sleep(60)
    assert "Item" not in eu.get_item(TableName="Orders", Key={"id": {"S": "from us"}})
    assert "Item" not in us.get_item(TableName="Orders", Key={"id": {"S": "from eu"}})
    cloud.sleep(300)
    assert state(fis, id_) == "completed"
    assert "Item" in eu.get_item(TableName="Orders", Key={"id": {"S": "from us"}})
    assert "Item" in us.get_item(TableName="Orders", Key={"id": {"S": "from eu"}})


def test_experiments_and_templates_are_tagged(cloud, fis):
    made = template(fis, {"w": wait()}, tags={"a": "1"})
    fis.tag_resource(resourceArn=made["arn"], tags={"b": "2"})
    fis.untag_resource(resourceArn=made["arn"], tagKeys=["a"])
    assert fis.list_tags_for_resource(resourceArn=made["arn"])["tags"] == {"b": "2"}
    assert refused(fis.list_tags_for_resource, resourceArn=made["arn"][:-1])[0] == "ResourceNotFoundException"


# Reports -------------------------------------------------------------------------------------------


def reported(bucket="reports", **more):
    return {"outputs": {"s3Configuration": {"bucketName": bucket, "prefix": "fis"}}, **more}


def until_reported(cloud, fis, id_):
    for _ in range(200):
        cloud.sleep(1)
        report = fis.get_experiment(id=id_)["experiment"]["experimentReport"]
        if report["state"]["status"] in ("completed", "failed"):
            return report
    raise AssertionError(report)


def test_a_report_of_the_experiment_is_a_pdf_in_the_bucket(cloud, fis):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="reports")
    id_ = start(fis, template(fis, {"first": wait("PT1M"), "second": wait("PT1M", startAfter=["first"])}, experimentReportConfiguration=reported()))
    cloud.sleep(125)
    report = until_reported(cloud, fis, id_)
    (said,) = report["s3Reports"]
    assert said["arn"].startswith(f"arn:aws:s3:::reports/fis/{id_}/")
    stored = s3.get_object(Bucket="reports", Key=said["arn"].removeprefix("arn:aws:s3:::reports/"))
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(stored["Body"].read())).pages)
    for word in (id_, "completed", "first", "second", "aws:fis:wait", "Timeline"):
        assert word in text.replace("\n", "")


def test_a_report_that_cannot_be_written_is_a_failed_one(cloud, fis):
    id_ = start(fis, template(fis, {"w": wait()}, experimentReportConfiguration=reported("no-such-bucket")))
    cloud.sleep(61)
    assert until_reported(cloud, fis, id_)["state"]["reason"] == "The specified bucket does not exist"
    assert state(fis, id_) == "completed"


def test_dashboards_in_reports_are_refused_by_name(fis):
    dashboards = {"cloudWatchDashboards": [{"dashboardIdentifier": "d"}]}
    assert refused(template, fis=fis, actions={"w": wait()}, experimentReportConfiguration=reported(dataSources=dashboards))[0] == "NotImplemented"
