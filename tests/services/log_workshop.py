"""Log groups with something in them, and queries asked of them."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime


def written(cloud, *messages, group="g", stream="s", every_ms=1000):
    """A group with these messages, written as time goes by, the last one now; what is no text is written as JSON. Answers the client."""
    logs = cloud.client("logs")
    if group not in {each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]}:
        logs.create_log_group(logGroupName=group)
    if not logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream)["logStreams"]:
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    cloud.sleep(every_ms * len(messages) / 1000)
    texts = [each if isinstance(each, str) else json.dumps(each) for each in messages]
    first = int(cloud.now() * 1000) - every_ms * (len(texts) - 1)
    events = [{"timestamp": first + every_ms * place, "message": text} for place, text in enumerate(texts)]
    if events:
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    return logs


def spelled(at_s):
    """A moment as queries answer it."""
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d %H:%M:%S}.{int(at_s * 1000) % 1000:03d}"


def begun(cloud, text, *groups, back_s=86_400, **more):
    where = {} if groups == (None,) else {"logGroupNames": list(groups or ("g",))}
    now = int(cloud.now())
    return cloud.client("logs").start_query(startTime=now - back_s, endTime=now + 1, queryString=text, **where, **more)["queryId"]


def ended(cloud, number):
    """What GetQueryResults answers once the query has ended."""
    logs = cloud.client("logs")
    while (answer := logs.get_query_results(queryId=number))["status"] in ("Scheduled", "Running"):
        cloud.sleep(0.05)
    return answer


def asked(cloud, text, *groups, **more):
    """The rows a query finds, without what leads back to the events."""
    answer = ended(cloud, begun(cloud, text, *groups, **more))
    assert answer["status"] == "Complete", answer
    return [{cell["field"]: cell["value"] for cell in row if cell["field"] != "@ptr"} for row in answer["results"]]


# Where subscriptions lead -----------------------------------------------------------------------------------------

ACCOUNT = "000000000000"
ALLOW = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["kinesis:*", "firehose:*", "s3:*"], "Resource": "*"}}


def role(cloud, service="logs.amazonaws.com", account=ACCOUNT) -> str:
    iam = cloud.client("iam", key=account)
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": [service, "firehose.amazonaws.com"]}, "Action": "sts:AssumeRole"}}
    made = iam.create_role(RoleName="sender", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="sender", PolicyName="p", PolicyDocument=json.dumps(ALLOW))
    return made


def kinesis(cloud, account=ACCOUNT) -> str:
    client = cloud.client("kinesis", key=account)
    client.create_stream(StreamName="k", ShardCount=1)
    return client.describe_stream_summary(StreamName="k")["StreamDescriptionSummary"]["StreamARN"]


def said(cloud, account=ACCOUNT) -> list[dict]:
    client = cloud.client("kinesis", key=account)
    (shard,) = client.list_shards(StreamName="k")["Shards"]
    iterator = client.get_shard_iterator(StreamName="k", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    told = [json.loads(gzip.decompress(record["Data"])) for record in client.get_records(ShardIterator=iterator)["Records"]]
    return [each for each in told if each["messageType"] == "DATA_MESSAGE"]
