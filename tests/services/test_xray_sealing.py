"""X-Ray: traces that are encrypted under a key of KMS.

https://docs.aws.amazon.com/xray/latest/devguide/xray-console-encryption.html
"""

from __future__ import annotations

import json

import pytest
from refusals import refused
from sealed import ACCOUNT, SECRET, User, on_disk


@pytest.fixture
def xray(cloud, key):
    xray = cloud.client("xray", key=ACCOUNT)
    told = xray.put_encryption_config(Type="KMS", KeyId=key)["EncryptionConfig"]
    assert told == {"Type": "KMS", "KeyId": key, "Status": "UPDATING"}
    assert xray.get_encryption_config()["EncryptionConfig"] == told | {"Status": "ACTIVE"}
    return xray


def put(cloud, xray, number: int = 1, name: str = "shop") -> str:
    trace, at = f"1-{int(cloud.now()):08x}-{number:024x}", cloud.now()
    document = {"trace_id": trace, "id": f"{number:016x}", "name": name, "start_time": at - 1, "end_time": at, "annotations": {"said": SECRET}}
    assert xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(document)])["UnprocessedTraceSegments"] == []
    return trace


def span(cloud) -> dict:
    return {"StartTime": cloud.now() - 600, "EndTime": cloud.now() + 60}


def test_a_trace_is_found_by_what_lies_sealed_also_after_a_kill(cloud, xray, key):
    trace = put(cloud, xray)
    assert on_disk(cloud) == []
    cloud.restart(kill=True)
    (found,) = xray.get_trace_summaries(**span(cloud), FilterExpression=f'annotation.said = "{SECRET}"')["TraceSummaries"]
    assert found["Id"] == trace
    assert SECRET in xray.batch_get_traces(TraceIds=[trace])["Traces"][0]["Segments"][0]["Document"]
    for graph in (xray.get_service_graph(**span(cloud)), xray.get_trace_graph(TraceIds=[trace])):
        assert {each["Name"] for each in graph["Services"]} == {"shop"}
    assert xray.get_time_series_service_statistics(**span(cloud))["TimeSeriesServiceStatistics"]
    assert xray.get_encryption_config()["EncryptionConfig"]["KeyId"] == key


def test_a_key_that_is_lost_stops_what_comes_and_shows_nobody_what_came(cloud, xray, kms, key):
    # "If X-Ray is unable to access your encryption key, it stops storing data."
    trace = put(cloud, xray)
    kms.disable_key(KeyId=key)
    cloud.sleep(301)
    late = {"trace_id": trace, "id": "2" * 16, "name": "shop", "start_time": cloud.now(), "end_time": cloud.now()}
    code, text = refused(xray.put_trace_segments, TraceSegmentDocuments=[json.dumps(late)])
    assert code == "InvalidRequestException" and "is disabled" in text
    for look in (lambda: refused(xray.batch_get_traces, TraceIds=[trace]), lambda: refused(xray.get_trace_summaries, **span(cloud))):
        assert look()[0] == "InvalidRequestException"
    kms.enable_key(KeyId=key)
    assert len(xray.batch_get_traces(TraceIds=[trace])["Traces"][0]["Segments"]) == 1


def test_who_configures_gives_a_grant_and_who_looks_decrypts(cloud, kms, key):
    alice = User(cloud)
    theirs = alice.client("xray")
    for rights in (("kms:DescribeKey",), ("kms:CreateGrant",)):
        alice.may("xray:*", *rights)
        assert refused(theirs.put_encryption_config, Type="KMS", KeyId=key)[0] == "AccessDeniedException"
    alice.may("xray:*", "kms:DescribeKey", "kms:CreateGrant")
    theirs.put_encryption_config(Type="KMS", KeyId=key)
    (grant,) = kms.list_grants(KeyId=key)["Grants"]
    assert "xray.amazonaws.com" in json.dumps(grant, default=str)
    trace = put(cloud, theirs)  # X-Ray encrypts, by its grant
    assert refused(theirs.batch_get_traces, TraceIds=[trace])[0] == "AccessDeniedException"
    alice.may("xray:*")
    statement = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key, "Condition": {"StringEquals": {"kms:ViaService": "xray.us-east-1.amazonaws.com"}}}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    alice.iam.put_user_policy(UserName="alice", PolicyName="through", PolicyDocument=document)
    assert theirs.batch_get_traces(TraceIds=[trace])["Traces"][0]["Id"] == trace


def test_what_came_before_stays_as_it_came(cloud, xray, kms, key):
    first = put(cloud, xray)
    other = kms.create_key()["KeyMetadata"]["Arn"]
    xray.put_encryption_config(Type="KMS", KeyId=other)
    second = put(cloud, xray, 2)
    assert xray.put_encryption_config(Type="NONE")["EncryptionConfig"]["Type"] == "NONE"
    third = put(cloud, xray, 3)
    cloud.restart(kill=True)
    assert len(xray.batch_get_traces(TraceIds=[first, second, third])["Traces"]) == 3
    kms.disable_key(KeyId=key)
    cloud.restart(kill=True)
    assert len(xray.batch_get_traces(TraceIds=[second, third])["Traces"]) == 2
    assert refused(xray.batch_get_traces, TraceIds=[first])[0] == "InvalidRequestException"
    assert kms.list_grants(KeyId=key)["Grants"] == [] == kms.list_grants(KeyId=other)["Grants"]


def test_keys_that_cannot_encrypt_are_refused(xray, kms, key):
    signing = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    for wrong in ({"Type": "KMS"}, {"Type": "NONE", "KeyId": key}, {"Type": "KMS", "KeyId": signing}, {"Type": "KMS", "KeyId": "alias/nothing"}):
        assert refused(xray.put_encryption_config, **wrong)[0] == "InvalidRequestException"
    assert xray.get_encryption_config()["EncryptionConfig"]["KeyId"] == key
