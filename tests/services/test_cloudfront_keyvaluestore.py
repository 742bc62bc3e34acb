"""Key-value stores: filled by whoever may, read by functions at the edge."""

from __future__ import annotations

import json

from edge_workshop import Edge, behavior, items
from refusals import refused_code

from kumoniwa.gate.address import GLOBAL

CODE = """
import cf from 'cloudfront';
const kvs = cf.kvs();
async function handler(event) {
  const path = event.request.uri;
  if (!(await kvs.exists(path))) { return { statusCode: 404, body: String(await kvs.count()) }; }
  const to = await kvs.get(path, { format: 'json' });
  return { statusCode: 302, headers: { location: { value: to.url } } };
}
"""


class Store:
    def __init__(self, cloud, name: str = "routes", **more) -> None:
        cloud.region(GLOBAL)
        self.client, self.pairs = cloud.client("cloudfront"), cloud.client("cloudfront-keyvaluestore")
        made = self.client.create_key_value_store(Name=name, **more)
        self.shown, self.etag = made["KeyValueStore"], made["ETag"]
        self.arn = self.shown["ARN"]

    @property
    def version(self) -> str:
        return self.pairs.describe_key_value_store(KvsARN=self.arn)["ETag"]

    def put(self, key: str, value: str) -> dict:
        return self.pairs.put_key(KvsARN=self.arn, Key=key, Value=value, IfMatch=self.version)


def test_pairs_are_put_got_listed_and_deleted_by_who_saw_the_last_version(cloud):
    store = Store(cloud)
    first = store.version
    told = store.put("a", "1")
    assert (told["ItemCount"], told["TotalSizeInBytes"], told["ETag"]) == (1, 2, store.version) and told["ETag"] != first
    assert refused_code(store.pairs.put_key, KvsARN=store.arn, Key="b", Value="2", IfMatch=first) == "ConflictException"
    store.pairs.update_keys(KvsARN=store.arn, IfMatch=store.version, Puts=[{"Key": "b/c", "Value": "2"}, {"Key": "d", "Value": "ü"}], Deletes=[{"Key": "a"}])
    assert store.pairs.get_key(KvsARN=store.arn, Key="b/c")["Value"] == "2"
    page = store.pairs.list_keys(KvsARN=store.arn, MaxResults=1)
    rest = store.pairs.list_keys(KvsARN=store.arn, NextToken=page["NextToken"])
    assert [each["Key"] for each in (*page["Items"], *rest["Items"])] == ["b/c", "d"] and "NextToken" not in rest
    assert refused_code(store.pairs.get_key, KvsARN=store.arn, Key="a") == "ResourceNotFoundException"
    cloud.restart(GLOBAL, kill=True)
    store.pairs.delete_key(KvsARN=store.arn, Key="d", IfMatch=store.version)
    assert store.pairs.describe_key_value_store(KvsARN=store.arn)["ItemCount"] == 1
    assert refused_code(store.put, key="k" * 513, value="") == refused_code(store.put, key="k", value="v" * 1_025) == "ValidationException"


def test_a_store_may_be_filled_from_a_bucket(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="pairs")
    s3.put_object(Bucket="pairs", Key="all.json", Body=json.dumps({"data": [{"key": "a", "value": "1"}]}).encode())
    s3.put_object(Bucket="pairs", Key="bad.json", Body=b"[]")
    store = Store(cloud, ImportSource={"SourceType": "S3", "SourceARN": "arn:aws:s3:::pairs/all.json"})
    assert store.pairs.get_key(KvsARN=store.arn, Key="a")["Value"] == "1"
    for key in ("bad.json", "gone.json"):
        source = {"SourceType": "S3", "SourceARN": f"arn:aws:s3:::pairs/{key}"}
        assert refused_code(store.client.create_key_value_store, Name="other", ImportSource=source) == "InvalidArgument"


def test_a_function_reads_its_store_and_sees_what_changes(cloud):
    store, edge = Store(cloud), Edge(cloud)
    store.put("/old", json.dumps({"url": "/new"}))
    config = {"Comment": "", "Runtime": "cloudfront-js-2.0", "KeyValueStoreAssociations": items({"KeyValueStoreARN": store.arn})}
    made = edge.client.create_function(Name="route", FunctionConfig=config, FunctionCode=CODE.encode())
    event = {"version": "1.0", "context": {}, "viewer": {}, "request": {"method": "GET", "uri": "/old", "querystring": {}, "headers": {}, "cookies": {}}}
    tested = edge.client.test_function(Name="route", IfMatch=made["ETag"], EventObject=json.dumps(event).encode())["TestResult"]
    assert json.loads(tested["FunctionOutput"])["response"]["statusCode"] == 302, tested
    edge.client.publish_function(Name="route", IfMatch=made["ETag"])
    arn = made["FunctionSummary"]["FunctionMetadata"]["FunctionARN"]
    site = edge.site(default=behavior(FunctionAssociations=items({"FunctionARN": arn, "EventType": "viewer-request"})))
    moved = site.get("/old")
    assert (moved.status, moved.headers["location"]) == (302, "/new")
    assert (site.get("/none").status, site.get("/none").body) == (404, b"1")
    store.put("/none", json.dumps({"url": "/some"}))
    assert site.get("/none").headers["location"] == "/some"
    shown = edge.client.describe_key_value_store(Name="routes")
    assert shown["KeyValueStore"]["Status"] == "READY"
    assert refused_code(edge.client.delete_key_value_store, Name="routes", IfMatch=shown["ETag"]) == "CannotDeleteEntityWhileInUse"


def test_a_store_is_made_once_described_and_deleted(cloud):
    store = Store(cloud, Comment="one")
    client = store.client
    assert refused_code(client.create_key_value_store, Name="routes") == "EntityAlreadyExists"
    assert refused_code(client.describe_key_value_store, Name="gone") == "EntityNotFound"
    told = client.update_key_value_store(Name="routes", Comment="two", IfMatch=store.etag)
    assert refused_code(client.delete_key_value_store, Name="routes", IfMatch=store.etag) == "PreconditionFailed"
    assert [each["Comment"] for each in client.list_key_value_stores()["KeyValueStoreList"]["Items"]] == ["two"]
    client.delete_key_value_store(Name="routes", IfMatch=told["ETag"])
    assert client.list_key_value_stores()["KeyValueStoreList"]["Quantity"] == 0
    assert refused_code(store.pairs.describe_key_value_store, KvsARN=store.arn) == "ResourceNotFoundException"


def test_a_function_takes_no_store_that_is_not_there_and_no_other_module(cloud):
    store, edge = Store(cloud), Edge(cloud)
    config = {"Comment": "", "Runtime": "cloudfront-js-2.0", "KeyValueStoreAssociations": items({"KeyValueStoreARN": store.arn[:-12] + "0" * 12})}
    assert refused_code(edge.client.create_function, Name="f", FunctionConfig=config, FunctionCode=CODE.encode()) == "InvalidArgument"
    old = {**config, "Runtime": "cloudfront-js-1.0", "KeyValueStoreAssociations": items({"KeyValueStoreARN": store.arn})}
    assert refused_code(edge.client.create_function, Name="f", FunctionConfig=old, FunctionCode=CODE.encode()) == "InvalidArgument"
    plain = {"Comment": "", "Runtime": "cloudfront-js-2.0"}
    for code in ("import crypto from 'crypto'; function handler(e) { return e.request; }", "var q = require('querystring'); function handler(e) { return e.request; }"):
        assert refused_code(edge.client.create_function, Name="f", FunctionConfig=plain, FunctionCode=code.encode()) == "NotImplemented"


def test_only_who_has_the_secret_signs(cloud):
    """Signature Version 4A, made by the SDK's own signer."""
    iam = cloud.client("iam")
    iam.create_user(UserName="eve")
    key = iam.create_access_key(UserName="eve")["AccessKey"]
    store = Store(cloud)
    wrong = cloud.client("cloudfront-keyvaluestore", key=key["AccessKeyId"], secret="not" + key["SecretAccessKey"][3:])
    assert refused_code(wrong.describe_key_value_store, KvsARN=store.arn) in ("SignatureDoesNotMatch", "InvalidSignatureException")
    eve = cloud.client("cloudfront-keyvaluestore", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert refused_code(eve.describe_key_value_store, KvsARN=store.arn) == "AccessDeniedException"
    statement = {"Effect": "Allow", "Action": "cloudfront-keyvaluestore:DescribeKeyValueStore", "Resource": store.arn}
    iam.put_user_policy(UserName="eve", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    assert eve.describe_key_value_store(KvsARN=store.arn)["ItemCount"] == 0
