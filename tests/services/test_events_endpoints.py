"""EventBridge's global endpoints: one address for two buses, of which a health check says which one hears.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-global-endpoints.html says the rules; no source states the texts of refusals.
Requests with an EndpointId are signed with Signature Version 4A, as the SDK does by itself.
"""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from refusals import refused
from route53_workshop import DOWN, Names

from kumoniwa.gate.address import EDGE, GLOBAL

HERE, THERE, ACCOUNT = "us-east-1", "us-west-2", "000000000000"
ENTRY = {"EventBusName": "orders", "Source": "shop", "DetailType": "t", "Detail": '{"n": 1}'}
ROLE = f"arn:aws:iam::{ACCOUNT}:role/replication"


def bus(region: str) -> str:
    return f"arn:aws:events:{region}:{ACCOUNT}:event-bus/orders"


class World:
    """Two regions with a bus of one name, on each a queue that hears everything, and a health check of the first."""

    def __init__(self, cloud) -> None:
        self.cloud, self.names = cloud, Names(cloud)
        self.check = self.names.check(Type="HTTP", IPAddress="127.0.0.1", Port=80, FailureThreshold=1, RequestInterval=10)
        for region in (HERE, THERE):
            events, sqs = cloud.client("events", region), cloud.client("sqs", region)
            leave = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}
            policy = json.dumps({"Version": "2012-10-17", "Statement": leave})
            sqs.create_queue(QueueName="heard", Attributes={"Policy": policy})
            events.create_event_bus(Name="orders")
            events.put_rule(Name="all", EventBusName="orders", EventPattern='{"source": ["shop"]}')
            events.put_targets(Rule="all", EventBusName="orders", Targets=[{"Id": "q", "Arn": f"arn:aws:sqs:{region}:{ACCOUNT}:heard"}])
        self.events = cloud.client("events")

    def make(self, **more) -> dict:
        routing = {"Primary": {"HealthCheck": f"arn:aws:route53:::healthcheck/{self.check}"}, "Secondary": {"Route": THERE}}
        said = {"Name": "orders", "RoutingConfig": {"FailoverConfig": routing}, "ReplicationConfig": {"State": "DISABLED"},
                "EventBuses": [{"EventBusArn": bus(HERE)}, {"EventBusArn": bus(THERE)}]}  # fmt: skip
        made = self.events.create_endpoint(**{**said, **more})
        self.cloud.sleep(10)
        return made

    def endpoint(self) -> dict:
        return self.events.describe_endpoint(Name="orders")

    def put(self, client=None, **more) -> dict:
        return (client or self.events).put_events(EndpointId=self.endpoint()["EndpointId"], Entries=[{**ENTRY, **more}])

    def heard(self, region: str) -> list[dict]:
        self.cloud.sleep(2)
        sqs = self.cloud.client("sqs", region)
        url = sqs.get_queue_url(QueueName="heard")["QueueUrl"]
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for each in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        return [json.loads(each["Body"]) for each in found]

    def fail(self, *, is_down: bool = True) -> None:
        self.names.endpoints.down = {"127.0.0.1": DOWN} if is_down else {}
        self.cloud.sleep(60)

    def role(self, *actions: str) -> None:
        iam = self.cloud.client("iam")
        trust = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}
        iam.create_role(RoleName="replication", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}))
        may = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        iam.put_role_policy(RoleName="replication", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": may}))


@pytest.fixture
def world(make_cloud) -> World:
    return World(make_cloud(HERE, THERE, GLOBAL, EDGE))


def test_an_endpoint_is_made_shown_listed_and_deleted(world):
    made = world.make(Description="d")
    assert (made["State"], made["ReplicationConfig"]) == ("CREATING", {"State": "DISABLED"})
    shown = world.endpoint()
    assert (shown["State"], shown["Description"], shown["Arn"]) == ("ACTIVE", "d", f"arn:aws:events:{HERE}:{ACCOUNT}:endpoint/orders")
    assert shown["EndpointUrl"] == f"https://{shown['EndpointId']}.endpoint.events.amazonaws.com"
    far = world.cloud.client("events", THERE)
    assert far.list_endpoints()["Endpoints"] == []
    assert [each["Name"] for each in far.list_endpoints(HomeRegion=HERE, NamePrefix="o")["Endpoints"]] == ["orders"]
    assert far.describe_endpoint(Name="orders", HomeRegion=HERE)["EndpointId"] == shown["EndpointId"]
    assert refused(world.make)[0] == "ResourceAlreadyExistsException"
    world.events.delete_endpoint(Name="orders")
    assert world.endpoint()["State"] == "DELETING"
    world.cloud.sleep(10)
    assert refused(world.events.describe_endpoint, Name="orders")[0] == refused(world.events.delete_endpoint, Name="orders")[0] == "ResourceNotFoundException"
    assert refused(world.events.put_events, EndpointId=shown["EndpointId"], Entries=[ENTRY])[0] == "ResourceNotFoundException"


def test_events_go_to_the_primary_region_until_its_check_fails_and_back_when_it_recovers(world):
    world.make()
    assert world.put()["FailedEntryCount"] == 0
    (event,) = world.heard(HERE)
    assert (event["region"], event["detail"]) == (HERE, {"n": 1})
    world.fail()
    world.put()
    assert [event["region"] for event in world.heard(THERE)] == [THERE]
    assert world.heard(HERE) == []
    world.fail(is_down=False)
    world.put()
    assert len(world.heard(HERE)) == 1 and world.heard(THERE) == []


def test_a_dead_primary_region_is_survived(world):
    world.make()
    endpoint = world.endpoint()["EndpointId"]
    world.cloud.kill(HERE)
    world.fail()
    far = world.cloud.client("events", THERE)
    assert far.put_events(EndpointId=endpoint, Entries=[ENTRY])["FailedEntryCount"] == 0
    assert len(world.heard(THERE)) == 1
    world.cloud.region(HERE)
    world.fail(is_down=False)
    world.put()
    assert len(world.heard(HERE)) == 1


def test_the_edge_and_the_region_remember_an_endpoint_over_a_kill(world):
    world.make()
    world.names.restart_edge()
    world.cloud.restart(HERE, kill=True)
    world.put()
    assert len(world.heard(HERE)) == 1


def test_an_endpoint_that_was_asked_for_is_made_after_a_kill(world):
    world.cloud.kill(EDGE)
    assert world.make()["State"] == world.endpoint()["State"] == "CREATING"
    world.cloud.restart(HERE, kill=True)
    world.cloud.region(EDGE)
    world.cloud.sleep(30)
    assert world.endpoint()["State"] == "ACTIVE"


def test_events_are_replicated_to_the_other_bus_and_not_back(world):
    world.role("events:*", "iam:PassRole")
    world.make(RoleArn=ROLE, ReplicationConfig={"State": "ENABLED"})
    assert world.endpoint()["State"] == "ACTIVE"
    for region in (HERE, THERE):
        (rule,) = world.cloud.client("events", region).list_rules(EventBusName="orders", NamePrefix="GlobalEndpointManagedRule-")["Rules"]
        assert rule["ManagedBy"]
    world.put()
    (near,), (far,) = world.heard(HERE), world.heard(THERE)
    assert (near["region"], far["region"], far["detail"]) == (HERE, HERE, {"n": 1})
    world.fail()
    world.put()
    assert [len(world.heard(region)) for region in (HERE, THERE)] == [1, 1]
    world.events.update_endpoint(Name="orders", ReplicationConfig={"State": "DISABLED"})
    world.cloud.sleep(10)
    assert world.endpoint()["ReplicationConfig"] == {"State": "DISABLED"}
    for region in (HERE, THERE):
        assert len(world.cloud.client("events", region).list_rules(EventBusName="orders")["Rules"]) == 1


def test_a_role_that_may_not_makes_no_endpoint_and_the_reason_is_told(world):
    world.role("events:PutEvents")
    world.make(RoleArn=ROLE, ReplicationConfig={"State": "ENABLED"})
    shown = world.endpoint()
    assert shown["State"] == "CREATE_FAILED" and "events:PutRule" in shown["StateReason"]
    world.cloud.client("iam").put_role_policy(RoleName="replication", PolicyName="p", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "events:*", "Resource": "*"}}
    ))  # fmt: skip
    world.events.update_endpoint(Name="orders", Description="again")
    world.cloud.sleep(10)
    assert (world.endpoint()["State"], "StateReason" in world.endpoint()) == ("ACTIVE", False)


def test_whoever_puts_events_needs_the_right_on_the_bus_that_hears_them(world):
    world.make()
    iam = world.cloud.client("iam")
    iam.create_user(UserName="u")
    may = {"Effect": "Allow", "Action": "events:PutEvents", "Resource": bus(HERE)}
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": may}))
    key = iam.create_access_key(UserName="u")["AccessKey"]
    client = world.cloud.client("events", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert world.put(client)["FailedEntryCount"] == 0
    world.fail()
    with pytest.raises(ClientError) as caught:
        world.put(client)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    wrong = world.cloud.client("events", key=key["AccessKeyId"], secret="x" * 40)
    with pytest.raises(ClientError) as caught:
        world.put(wrong)
    assert caught.value.response["Error"]["Code"] == "InvalidSignatureException"


@pytest.mark.parametrize(
    "said",
    [
        {"EventBuses": [{"EventBusArn": bus(HERE)}, {"EventBusArn": bus(HERE)}]},
        {"EventBuses": [{"EventBusArn": bus(HERE)}, {"EventBusArn": bus(THERE) + "x"}]},
        {"EventBuses": [{"EventBusArn": bus(HERE)}, {"EventBusArn": bus(THERE).replace(ACCOUNT, "111111111111")}]},
        {"EventBuses": [{"EventBusArn": bus(HERE)}, {"EventBusArn": bus("eu-west-1")}]},
        {"ReplicationConfig": {}},
        {"ReplicationConfig": {"State": "ENABLED"}},
    ],
)
def test_what_is_no_endpoint_is_refused(world, said):
    assert refused(world.make, **said)[0] == "ValidationException"


def test_an_endpoint_is_for_its_bus_alone(world):
    world.make()
    assert refused(world.put, EventBusName="default")[0] == "ValidationException"
    world.put(EventBusName=bus(THERE))
    assert len(world.heard(HERE)) == 1


def test_a_stack_has_an_endpoint(world):
    template = {"Resources": {"Endpoint": {"Type": "AWS::Events::Endpoint", "Properties": {
        "Name": "orders", "ReplicationConfig": {"State": "DISABLED"}, "EventBuses": [{"EventBusArn": bus(HERE)}, {"EventBusArn": bus(THERE)}],
        "RoutingConfig": {"FailoverConfig": {"Primary": {"HealthCheck": f"arn:aws:route53:::healthcheck/{world.check}"}, "Secondary": {"Route": THERE}}},
    }}}, "Outputs": {"Id": {"Value": {"Fn::GetAtt": ["Endpoint", "EndpointId"]}}}}  # fmt: skip
    stacks = world.cloud.client("cloudformation")
    stacks.create_stack(StackName="s", TemplateBody=json.dumps(template))
    world.cloud.sleep(60)
    (stack,) = stacks.describe_stacks(StackName="s")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["Outputs"][0]["OutputValue"] == world.endpoint()["EndpointId"]
    world.put()
    assert len(world.heard(HERE)) == 1
    stacks.delete_stack(StackName="s")
    world.cloud.sleep(60)
    assert world.events.list_endpoints()["Endpoints"] == []
