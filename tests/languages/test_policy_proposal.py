from kumoniwa.languages.policy_proposal import proposed

QUEUE, OTHER = "arn:aws:sqs:us-east-1:111111111111:q", "arn:aws:sqs:us-east-1:111111111111:other"


def test_actions_on_the_same_resources_are_one_statement():
    assert proposed([("sqs:SendMessage", QUEUE), ("sqs:SendMessage", OTHER), ("sqs:ReceiveMessage", QUEUE), ("sqs:GetQueueUrl", QUEUE)]) == {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["sqs:GetQueueUrl", "sqs:ReceiveMessage"], "Resource": [QUEUE]},
            {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": [OTHER, QUEUE]},
        ],
    }


def test_what_the_next_run_names_anew_is_allowed_by_what_holds_it():
    logs = "arn:aws:logs:us-east-1:111111111111:log-group:/aws/lambda/f"
    executions = "arn:aws:states:us-east-1:111111111111:execution:m"
    (logged, ran) = proposed([("logs:PutLogEvents", f"{logs}:log-stream:2030/01/01/[$LATEST]a"), ("states:StopExecution", f"{executions}:one")])["Statement"]
    assert (logged["Resource"], ran["Resource"]) == ([f"{logs}:*"], [f"{executions}:*"])


def test_of_nothing_nothing_is_proposed():
    assert proposed([]) is None
