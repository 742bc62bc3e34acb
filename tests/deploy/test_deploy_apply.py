"""Deploys into a small world: made, changed, replaced, deleted, failed and killed at every step."""

from __future__ import annotations

import pytest
from small_world import Killed, Stack, World

SHOP = """
Parameters:
  Days: {Type: Number, Default: 7}
Resources:
  Orders:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
  Dead: {Type: AWS::SQS::Queue}
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: []}
      ManagedPolicyArns: [arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]
      Policies:
        - PolicyName: table
          PolicyDocument: {Statement: [{Effect: Allow, Action: "dynamodb:*", Resource: !GetAtt Table.Arn}]}
  Logs:
    Type: AWS::Logs::LogGroup
    Properties: {RetentionInDays: !Ref Days}
  Work:
    Type: AWS::Lambda::Function
    DependsOn: Logs
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Role: !GetAtt Role.Arn
      Code: {ZipFile: "def handler(event, context): return event"}
      Environment: {Variables: {QUEUE: !Ref Orders, TABLE: !Ref Table}}
Outputs:
  Queue: {Value: !Ref Orders}
  Name: {Value: !Sub "${Work}@${AWS::Region}"}
"""

CHANGED = (
    SHOP.replace("VisibilityTimeout: 60", "VisibilityTimeout: 90")
    .replace("AttributeName: id", "AttributeName: orderId")  # a new key: the table has to be replaced
    .replace("Default: 7", "Default: 14")
    .replace(
        "  Dead: {Type: AWS::SQS::Queue}", "  Dead: {Type: AWS::SQS::Queue}\n  Extra: {Type: AWS::SQS::Queue}"
    )
)


def made() -> tuple[World, Stack]:
    world = World()
    stack = Stack(world)
    assert stack.create(SHOP) == "CREATE_COMPLETE"
    return world, stack


def test_a_template_becomes_resources_that_know_each_other():
    world, stack = made()
    function = next(thing for (kind, _), thing in world.things.items() if kind == "function")
    variables = function["Environment"]["Variables"]
    assert variables["QUEUE"].startswith("https://sqs.eu-west-1.amazonaws.com/123456789012/shop-Orders-")
    assert ("table", variables["TABLE"]) in world.things
    assert stack.state.outputs["Queue"]["Value"] == variables["QUEUE"]
    assert stack.state.outputs["Name"]["Value"].endswith("@eu-west-1")


def test_events_tell_each_resource_twice_in_progress_and_once_complete():
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
    _, stack = made()
    assert stack.statuses("Table") == ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    assert stack.reasons("Table") == ["Resource creation Initiated"]
    assert stack.statuses("shop")[-1] == "CREATE_COMPLETE"


def test_a_resource_is_made_after_everything_it_names():
    world, _ = made()
    order = [operation for operation, _ in world.calls]
    assert order.index("lambda:CreateFunction") > order.index("logs:CreateLogGroup")
    assert order.index("lambda:CreateFunction") > order.index("iam:PutRolePolicy")


def test_deleting_a_stack_leaves_nothing():
    world, stack = made()
    assert stack.delete() == "DELETE_COMPLETE"
    assert world.things == {}


def test_a_retained_resource_stays():
    world = World()
    stack = Stack(world)
    stack.create("Resources: {Queue: {Type: AWS::SQS::Queue, DeletionPolicy: Retain}}")
    stack.delete()
    assert len(world.names("queue")) == 1
    assert stack.statuses("Queue")[-1] == "DELETE_SKIPPED"


def test_an_update_changes_in_place_replaces_adds_and_cleans_up_afterwards():
    world, stack = made()
    table, queue = world.names("table"), stack.state.resources["Orders"].physical_id
    assert stack.update(CHANGED) == "UPDATE_COMPLETE"
    assert stack.state.resources["Orders"].physical_id == queue
    assert world.things["queue", queue]["Attributes"]["VisibilityTimeout"] == "90"
    assert world.names("table") != table and len(world.names("table")) == 1
    # The function names the table, so it follows.
    function = next(thing for (kind, _), thing in world.things.items() if kind == "function")
    assert function["Environment"]["Variables"]["TABLE"] == world.names("table")[0]
    assert stack.statuses("shop")[-2:] == ["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"]


def test_an_update_that_changes_nothing_calls_nothing():
    world, stack = made()
    before = len(world.calls)
    assert stack.update(SHOP) == "UPDATE_COMPLETE"
    assert len(world.calls) == before


def test_a_resource_dropped_from_the_template_is_deleted():
    world, stack = made()
    stack.update(CHANGED)
    assert stack.update(SHOP.replace("AttributeName: id", "AttributeName: orderId")) == "UPDATE_COMPLETE"
    assert "Extra" not in stack.state.resources
    assert len(world.names("queue")) == 2


def test_a_failure_names_the_service_and_rolls_back():
    world = World()
    stack = Stack(world)
    world.fail_at = 1
    assert stack.create("Resources: {Queue: {Type: AWS::SQS::Queue}}") == "ROLLBACK_COMPLETE"
    assert world.things == {}
    # The form is the resource provider contract's, as it appears in stack events since 2020.
    assert (
        'Resource handler returned message: "Not today. (Service: Sqs, Status Code: 400, Request ID: '
        '11111111-2222-3333-4444-555555555555)" (RequestToken: 11111111-2222-3333-4444-555555555555, '
        "HandlerErrorCode: InvalidRequest)" in stack.reasons("Queue")
    )
    assert (
        "The following resource(s) failed to create: [Queue]. Rollback requested by user."
        in stack.reasons("shop")
    )


def test_a_queue_that_exists_is_not_adopted():
    # CreateQueue itself would answer the existing queue; CloudFormation may not.
    world = World()
    world.do_CreateQueue("mine")
    stack = Stack(world)
    assert (
        stack.create("Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: mine}}}")
        == "ROLLBACK_COMPLETE"
    )
    assert "with identifier 'mine' already exists." in stack.reasons("Queue")[0]
    assert world.names("queue") == ["mine"]


def test_a_custom_named_resource_cannot_be_replaced():
    world = World()
    stack = Stack(world)
    template = """
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: mine.fifo, FifoQueue: true}
"""
    assert stack.create(template) == "CREATE_COMPLETE"
    assert stack.update(template.replace(", FifoQueue: true", "")) == "UPDATE_ROLLBACK_COMPLETE"
    assert any("Rename mine.fifo and update the stack again." in reason for reason in stack.reasons("Queue"))


def test_a_property_we_do_not_know_fails_the_stack_by_name():
    stack = Stack(World())
    template = "Resources: {M: {Type: AWS::CloudFormation::Macro, Properties: {Name: m, FunctionName: f, LogGroupName: g}}}"
    assert stack.create(template) == "ROLLBACK_COMPLETE"
    assert stack.reasons("M") == [
        "Kumoniwa does not implement the property LogGroupName of AWS::CloudFormation::Macro."
    ]


def test_a_missing_property_is_refused_in_cloudformations_words():
    # https://github.com/aws-cloudformation/iac-model-evaluation/issues/29
    stack = Stack(World())
    stack.create("Resources: {T: {Type: AWS::DynamoDB::Table, Properties: {BillingMode: PAY_PER_REQUEST}}}")
    assert stack.reasons("T") == [
        "Properties validation failed for resource T with message:\n#: required key [KeySchema] not found"
    ]


def test_numbers_written_as_text_arrive_as_numbers():
    world = World()
    assert Stack(world).create(SHOP, Days="30") == "CREATE_COMPLETE"
    assert next(thing for (kind, _), thing in world.things.items() if kind == "log group")["retention"] == 30


def changing_calls(text: str, before: str | None = None) -> int:
    world = World()
    stack = Stack(world)
    if before:
        stack.create(before)
    start = world.changes
    (stack.update if before else stack.create)(text)
    return world.changes - start


CREATE_CALLS = changing_calls(SHOP)
UPDATE_CALLS = changing_calls(CHANGED, SHOP)


@pytest.mark.parametrize("call", range(1, CREATE_CALLS + 1))
def test_a_creation_that_fails_at_any_call_leaves_nothing(call):
    world = World()
    stack = Stack(world)
    world.fail_at = call
    assert stack.create(SHOP) == "ROLLBACK_COMPLETE"
    assert world.things == {}


@pytest.mark.parametrize("moment", ["kill_at", "kill_after"])
@pytest.mark.parametrize("call", range(1, CREATE_CALLS + 1))
def test_a_creation_that_is_killed_at_any_call_goes_on_to_the_same_end(call, moment):
    world = World()
    stack = Stack(world)
    setattr(world, moment, call)
    with pytest.raises(Killed):
        stack.create(SHOP)
    assert stack.restart() == "CREATE_COMPLETE"
    assert sorted(kind for kind, _ in world.things) == sorted(kind for kind, _ in made()[0].things)
    assert stack.delete() == "DELETE_COMPLETE"
    assert world.things == {}


@pytest.mark.parametrize("moment", ["kill_at", "kill_after"])
@pytest.mark.parametrize("call", range(1, 2 * CREATE_CALLS))
def test_a_rollback_that_is_killed_at_any_call_still_leaves_nothing(call, moment):
    world = World()
    stack = Stack(world)
    world.never = "lambda:CreateFunction"
    setattr(world, moment, call)
    try:
        status = stack.create(SHOP)
    except Killed:
        status = stack.restart()
    assert status == "ROLLBACK_COMPLETE"
    assert world.things == {}


@pytest.mark.parametrize("moment", ["kill_at", "kill_after"])
@pytest.mark.parametrize("call", range(1, UPDATE_CALLS * 2))
def test_an_update_rollback_that_is_killed_at_any_call_still_goes_back(call, moment):
    world, stack = made()
    before = {name: standing.physical_id for name, standing in stack.state.resources.items()}
    attributes = dict(world.things["queue", before["Orders"]]["Attributes"])
    world.never = "lambda:UpdateFunctionConfiguration"
    setattr(world, moment, world.changes + call)
    try:
        status = stack.update(CHANGED)
    except Killed:
        world.never = ""
        status = stack.restart()
    else:
        # The restore of the function needs the very call that never works: AWS reports that, too.
        assert status in ("UPDATE_ROLLBACK_FAILED", "UPDATE_ROLLBACK_COMPLETE")
        world.never = ""
        if status == "UPDATE_ROLLBACK_FAILED":
            stack.state.move_on("UPDATE_ROLLBACK_IN_PROGRESS")
            try:
                status = stack.run()
            except Killed:
                status = stack.restart()
    if status == "UPDATE_ROLLBACK_COMPLETE":
        after = {name: standing.physical_id for name, standing in stack.state.resources.items()}
        assert after == before
        assert world.things["queue", before["Orders"]]["Attributes"] == attributes
        assert settled(world) == settled(made()[0])
    else:
        assert status == "UPDATE_COMPLETE"
        other, whole = made()
        whole.update(CHANGED)
        assert settled(world) == settled(other)


def settled(world: World) -> dict:
    """What stands, without the generated parts of names."""
    return {kind: sum(1 for each, _ in world.things if each == kind) for kind, _ in world.things}


@pytest.mark.parametrize("call", range(1, UPDATE_CALLS + 1))
def test_an_update_that_fails_at_any_call_goes_back_to_what_stood(call):
    world, stack = made()
    before = {name: standing.physical_id for name, standing in stack.state.resources.items()}
    attributes = dict(world.things["queue", before["Orders"]]["Attributes"])
    world.fail_at = world.changes + call
    status = stack.update(CHANGED)
    after = {name: standing.physical_id for name, standing in stack.state.resources.items()}
    if status == "UPDATE_ROLLBACK_COMPLETE":
        assert after == before
        assert settled(world) == settled(made()[0])
        assert world.things["queue", before["Orders"]]["Attributes"] == attributes
        logs = next(thing for (kind, _), thing in world.things.items() if kind == "log group")
        assert logs["retention"] == 7
    else:
        # A failure in the cleanup is reported and does not undo an update that succeeded.
        assert status == "UPDATE_COMPLETE"
        assert any(status == "DELETE_FAILED" for _, status, _ in world.events)


@pytest.mark.parametrize("moment", ["kill_at", "kill_after"])
@pytest.mark.parametrize("call", range(1, UPDATE_CALLS + 1))
def test_an_update_that_is_killed_at_any_call_goes_on_to_the_same_end(call, moment):
    world, stack = made()
    setattr(world, moment, world.changes + call)
    with pytest.raises(Killed):
        stack.update(CHANGED)
    assert stack.restart() == "UPDATE_COMPLETE"
    other, whole = made()
    whole.update(CHANGED)
    assert settled(world) == settled(other)
    assert (
        world.things["queue", stack.state.resources["Orders"].physical_id]["Attributes"]["VisibilityTimeout"]
        == "90"
    )


def test_a_stack_told_not_to_roll_back_keeps_what_was_made_and_can_be_updated():
    world = World()
    stack = Stack(world)
    world.fail_at = CREATE_CALLS
    stack.state.on_failure = "DO_NOTHING"
    assert stack.create(SHOP) == "CREATE_FAILED"
    assert world.things
    assert stack.update(SHOP) == "UPDATE_COMPLETE"
    assert settled(world) == settled(made()[0])


def test_a_deletion_that_fails_says_which_and_can_be_tried_again():
    world, stack = made()
    world.fail_at = world.changes + 1
    assert stack.delete() == "DELETE_FAILED"
    assert stack.state.reason.startswith("The following resource(s) failed to delete: [")
    assert stack.delete() == "DELETE_COMPLETE"
    assert world.things == {}
