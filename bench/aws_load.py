#!/usr/bin/env python3
"""aws_load.py - replay load for any local AWS emulator; prints ONE JSON line.

    python aws_load.py --endpoint http://127.0.0.1:4566 --workload ddb_put \
        --connections 16 --requests 5000 [--region us-east-1]

How it works
  * botocore (a real client) creates the workload's resources, and serialises + SigV4-signs a
    pool of requests once.  The pool's raw bytes are replayed over N keep-alive sockets by an
    asyncio.Protocol that does nothing but frame HTTP/1.1 responses, so the client is cheap.
  * One "op" is one generator: it yields request bytes, gets (status, headers, body) back, and
    returns None when the answer was right or a string saying what was wrong.  Several-step ops
    (receive+delete, start+describe...) are measured as one op, from first byte to last.
  * Every op is checked (status AND content).  After the run `verify` reads state back through
    botocore where the acknowledgement alone proves little (fan-out, rules, logs, traces).
  * A workload that cannot be set up, or whose first ops are all wrong, is reported as
    {"unsupported": true, "error": ...} and never as a number.
  * Ids that come from a response (receipt handles, execution ARNs) are put into an already
    signed template, so those requests carry a stale signature: use servers that do not verify.
Bounds: loopback endpoints only, --requests and --max-seconds both stop the run.
"""
import argparse, asyncio, base64, hashlib, io, itertools, json, os, socket, statistics
import time, urllib.parse, zipfile
import botocore.session
from botocore.config import Config

LAMBDA_SRC = '''import json
def handler(event, context):
    if "requestContext" in event or "httpMethod" in event:
        return {"statusCode": 200, "headers": {"Content-Type": "application/json"},
                "body": json.dumps({"ok": True, "q": "bench"})}
    return {"n": event["n"], "double": event["n"] * 2}
'''
PAYLOAD_400 = "x" * 360           # + keys and attribute names = about 400 bytes an item
PASS10 = json.dumps({"StartAt": "S0", "States": {
    f"S{i}": dict({"Type": "Pass"}, **({"Next": f"S{i + 1}"} if i < 9 else {"End": True}))
    for i in range(10)}})


class Unsupported(Exception):
    pass


class _Captured(Exception):
    def __init__(self, request):
        self.request = request


class Ctx:
    """Clients, request capture and naming for one run."""

    def __init__(self, a, sess=None):
        u = urllib.parse.urlsplit(a.endpoint)
        self.host, self.port = u.hostname, u.port or 80
        for info in socket.getaddrinfo(self.host, self.port):
            if not (info[4][0].startswith("127.") or info[4][0] == "::1"):
                raise SystemExit("refusing: the endpoint is not on loopback")
        self.endpoint, self.region, self.a = a.endpoint.rstrip("/"), a.region, a
        self.sess = sess or botocore.session.Session()
        self.sess.set_credentials(a.access_key, a.secret_key)
        self.tag = f"b{os.getpid()}{int(time.time() * 1000) % 100000}"
        self._clients = {}

    def client(self, svc):
        if svc not in self._clients:
            cfg = Config(retries={"max_attempts": 0}, connect_timeout=5, read_timeout=60,
                         request_checksum_calculation="when_required",
                         response_checksum_validation="when_required",
                         s3={"addressing_style": "path"}, inject_host_prefix=False)
            self._clients[svc] = self.sess.create_client(
                svc, region_name=self.region, endpoint_url=self.endpoint, config=cfg)
        return self._clients[svc]

    def raw(self, svc, op, **kw):
        """Bytes of the signed HTTP/1.1 request that botocore would send for svc.op(**kw)."""
        c = self.client(svc)

        def grab(request, **_):
            raise _Captured(request)
        c.meta.events.register("before-send", grab)
        try:
            getattr(c, op)(**kw)
        except _Captured as e:
            return self.encode(e.request)
        finally:
            c.meta.events.unregister("before-send", grab)
        raise RuntimeError("request was not captured")

    def encode(self, r):
        u = urllib.parse.urlsplit(r.url)
        body = r.body or b""
        if hasattr(body, "read"):
            body.seek(0)
            body = body.read()
        if isinstance(body, str):
            body = body.encode()
        target = (u.path or "/") + ("?" + u.query if u.query else "")
        head = [f"{r.method} {target} HTTP/1.1", f"Host: {self.host}:{self.port}"]
        for k, v in r.headers.items():
            if k.lower() not in ("content-length", "expect", "host", "connection"):
                head.append(f"{k}: {v.decode() if isinstance(v, bytes) else v}")
        head.append(f"Content-Length: {len(body)}")
        return ("\r\n".join(head) + "\r\n\r\n").encode() + bytes(body)

    def account(self):
        try:
            return self.client("sts").get_caller_identity()["Account"]
        except Exception:
            return "000000000000"

    def role(self, service):
        doc = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
               "Principal": {"Service": service}}]}
        name = f"{self.tag}-role"
        try:
            return self.client("iam").create_role(
                RoleName=name, AssumeRolePolicyDocument=json.dumps(doc))["Role"]["Arn"]
        except Exception:
            return f"arn:aws:iam::{self.account()}:role/{name}"


def resub(template, mark, value):
    """Replace mark in a request's body or path and correct Content-Length."""
    head, body = template.split(b"\r\n\r\n", 1)
    body = body.replace(mark, value)
    head = head.replace(mark, value)
    at = head.rindex(b"Content-Length: ")
    return head[:at] + b"Content-Length: %d" % len(body) + b"\r\n\r\n" + body


def jcheck(status, body, test, want=200):
    if status != want:
        return f"status {status}: {bytes(body[:200])!r}"
    try:
        return None if test(json.loads(body or b"null")) else f"wrong body: {bytes(body[:200])!r}"
    except Exception as e:
        return f"{type(e).__name__} in {bytes(body[:200])!r}"


def simple(pool, want=200):
    """Workload of one request per op; pool = [(bytes, test(json) -> bool)]."""
    n = len(pool)

    def op(i):
        req, test = pool[i % n]
        status, _, body = yield req
        return jcheck(status, body, test, want)
    return op


# ------------------------------------------------------------------ workloads
# each returns (op, verify or None); verify(done_ops) returns None or what is wrong

def _table(c, sort=False):
    d, name = c.client("dynamodb"), f"{c.tag}-tbl"
    ks, ad = [("pk", "HASH")] + ([("sk", "RANGE")] if sort else []), ["pk"] + (["sk"] if sort else [])
    d.create_table(TableName=name, BillingMode="PAY_PER_REQUEST",
                   KeySchema=[{"AttributeName": k, "KeyType": t} for k, t in ks],
                   AttributeDefinitions=[{"AttributeName": k, "AttributeType": "S"} for k in ad])
    for _ in range(100):
        if d.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE":
            return d, name
        time.sleep(0.1)
    raise Unsupported("table never ACTIVE")


def _item(i, **more):
    return dict({"pk": {"S": f"k{i:07d}"}, "n": {"N": str(i)}, "data": {"S": PAYLOAD_400}}, **more)


def ddb_put(c):
    d, t = _table(c)
    pool = [(c.raw("dynamodb", "put_item", TableName=t, Item=_item(i)), lambda b: b in ({}, None))
            for i in range(min(c.a.requests, 300))]

    def verify(done):
        for i in (0, max(1, min(done - c.a.warmup, len(pool))) - 1):
            got = d.get_item(TableName=t, Key={"pk": {"S": f"k{i:07d}"}}).get("Item")
            if got != _item(i):
                return f"read back {got!r:.120}"
    return simple(pool), verify


def ddb_get(c):
    d, t = _table(c)
    pool = []
    for i in range(200):
        d.put_item(TableName=t, Item=_item(i))
        pool.append((c.raw("dynamodb", "get_item", TableName=t, Key={"pk": {"S": f"k{i:07d}"}}),
                     lambda b, want=_item(i): b["Item"] == want))
    return simple(pool), None


def ddb_query(c):
    d, t = _table(c, sort=True)
    pool = []
    for p in range(20):
        for s in range(10):
            d.put_item(TableName=t, Item=_item(p, sk={"S": f"s{s}"}))
        pool.append((c.raw("dynamodb", "query", TableName=t, KeyConditionExpression="pk = :p",
                           ExpressionAttributeValues={":p": {"S": f"k{p:07d}"}}),
                     lambda b, p=p: b["Count"] == 10 and [x["sk"]["S"] for x in b["Items"]] ==
                     [f"s{s}" for s in range(10)] and b["Items"][0]["n"]["N"] == str(p)))
    return simple(pool), None


def ddb_transact_write(c):
    d, t = _table(c)
    pool = []
    for i in range(min(c.a.requests, 200)):
        put = [{"Put": {"TableName": t, "Item": _item(2 * i + j)}} for j in (0, 1)]
        upd = {"Update": {"TableName": t, "Key": {"pk": {"S": f"c{i % 50}"}}, "UpdateExpression":
                          "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}}
        # no ClientRequestToken repeat: the token botocore makes is per captured request, so drop it
        raw = c.raw("dynamodb", "transact_write_items", TransactItems=put + [upd], ClientRequestToken="@@TOK@@")
        pool.append(raw)
    uniq = itertools.count()

    def op(i):
        status, _, body = yield resub(pool[i % len(pool)], b"@@TOK@@", b"%s-%09d" % (c.tag.encode(), next(uniq)))
        return jcheck(status, body, lambda b: b in ({}, None) or "UnprocessedItems" not in b)

    def verify(done):
        got = sum(int(d.get_item(TableName=t, Key={"pk": {"S": f"c{i}"}}).get("Item", {})
                      .get("n", {}).get("N", 0)) for i in range(50))
        return None if got == done else f"counters add to {got}, {done} transactions acknowledged"
    return op, verify


def _queue(c, suffix=""):
    q = c.client("sqs").create_queue(QueueName=f"{c.tag}-q{suffix}")["QueueUrl"]
    arn = c.client("sqs").get_queue_attributes(QueueUrl=q, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return q, arn


def _depth(c, q):
    a = c.client("sqs").get_queue_attributes(QueueUrl=q, AttributeNames=[
        "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"])["Attributes"]
    return int(a["ApproximateNumberOfMessages"]) + int(a.get("ApproximateNumberOfMessagesNotVisible", 0))


def _wait_depth(c, queues, want, secs=15):
    t0 = time.time()
    while True:
        got = [_depth(c, q) for q in queues]
        if all(g >= want for g in got) or time.time() - t0 > secs:
            return None if all(g == want for g in got) else f"queue depths {got}, {want} expected"
        time.sleep(0.1)


def sqs_send(c):
    q, _ = _queue(c)
    pool = []
    for i in range(min(c.a.requests, 200)):
        m = f"message {i:06d} " + "y" * 200
        md5 = hashlib.md5(m.encode()).hexdigest()
        pool.append((c.raw("sqs", "send_message", QueueUrl=q, MessageBody=m),
                     lambda b, md5=md5: b["MD5OfMessageBody"] == md5 and b["MessageId"]))
    return simple(pool), lambda done: _wait_depth(c, [q], done)


def sqs_receive_delete(c):
    q, _ = _queue(c)
    s = c.client("sqs")
    total = c.a.requests + c.a.warmup + c.a.connections
    for i in range(0, total, 10):
        s.send_message_batch(QueueUrl=q, Entries=[{"Id": str(j), "MessageBody": f"m{i + j:06d}"} for j in range(10)])
    recv = c.raw("sqs", "receive_message", QueueUrl=q, MaxNumberOfMessages=1, WaitTimeSeconds=0)
    dele = c.raw("sqs", "delete_message", QueueUrl=q, ReceiptHandle="@@RH@@")
    seen = set()

    def op(i):
        status, _, body = yield recv
        bad = jcheck(status, body, lambda b: len(b["Messages"]) == 1 and b["Messages"][0]["Body"][0] == "m")
        if bad:
            return "receive " + bad
        m = json.loads(body)["Messages"][0]
        if m["Body"] in seen:
            return "message delivered twice"
        seen.add(m["Body"])
        status, _, body = yield resub(dele, b"@@RH@@", json.dumps(m["ReceiptHandle"])[1:-1].encode())
        return None if status == 200 else f"delete status {status}: {bytes(body[:200])!r}"
    return op, lambda done: _wait_depth(c, [q], -(-total // 10) * 10 - done)


def sns_fanout(c):
    sns = c.client("sns")
    topic = sns.create_topic(Name=f"{c.tag}-t")["TopicArn"]
    queues = []
    for k in "ab":
        q, arn = _queue(c, k)
        statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
        c.client("sqs").set_queue_attributes(QueueUrl=q, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})})
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        queues.append(q)
    reqs = [c.raw("sns", "publish", TopicArn=topic, Message=f"note {i:06d}") for i in range(min(c.a.requests, 200))]

    def op(i):
        status, _, body = yield reqs[i % len(reqs)]
        return None if status == 200 and b"<MessageId>" in body else f"status {status}: {bytes(body[:200])!r}"

    def verify(done):
        bad = _wait_depth(c, queues, done)
        m = c.client("sqs").receive_message(QueueUrl=queues[1]).get("Messages", [])
        if not m or not json.loads(m[0]["Body"]).get("Message", "").startswith("note "):
            bad = f"{bad or ''} wrong envelope {m!r:.150}"
        return bad
    return op, verify


def _s3(c, size, put):
    s3, b = c.client("s3"), f"{c.tag}-bkt"
    s3.create_bucket(Bucket=b)
    k = 4 if size > 100000 else min(c.a.requests, 200)
    pool = []
    for i in range(k):
        data = (hashlib.sha256(str(i).encode()).digest() * (size // 32 + 1))[:size]
        if put:
            md5 = hashlib.md5(data).hexdigest().encode()
            pool.append((c.raw("s3", "put_object", Bucket=b, Key=f"o/{i}", Body=data), md5))
        else:
            s3.put_object(Bucket=b, Key=f"o/{i}", Body=data)
            pool.append((c.raw("s3", "get_object", Bucket=b, Key=f"o/{i}"), data))

    def op(i):
        req, want = pool[i % k]
        status, head, body = yield req
        if status != 200:
            return f"status {status}: {bytes(body[:200])!r}"
        ok = want in head if put else body == want
        return None if ok else f"wrong {'etag' if put else 'body'} ({len(body)} bytes)"

    def verify(done):
        got = s3.get_object(Bucket=b, Key="o/0")["Body"].read()
        return None if len(got) == size else f"read back {len(got)} bytes"
    return op, verify


def s3_put_1k(c): return _s3(c, 1024, True)
def s3_get_1k(c): return _s3(c, 1024, False)
def s3_put_5mb(c): return _s3(c, 5 << 20, True)
def s3_get_5mb(c): return _s3(c, 5 << 20, False)


def kms_encrypt(c):
    k = c.client("kms")
    key = k.create_key()["KeyMetadata"]["KeyId"]
    last = {}

    def test(b):
        last["blob"] = b["CiphertextBlob"]
        return key in b["KeyId"] and b["CiphertextBlob"]
    req = c.raw("kms", "encrypt", KeyId=key, Plaintext=b"secret " * 8)

    def verify(done):
        got = k.decrypt(CiphertextBlob=base64.b64decode(last["blob"]))["Plaintext"]
        return None if got == b"secret " * 8 else f"decrypts to {got!r:.80}"
    return simple([(req, test)]), verify


def make_lambda(c, name=None):
    z = io.BytesIO()
    with zipfile.ZipFile(z, "w") as f:
        f.writestr("h.py", LAMBDA_SRC)
    lam = c.client("lambda")
    fn = lam.create_function(FunctionName=name or f"{c.tag}-fn", Runtime="python3.11", Handler="h.handler",
                             Role=c.role("lambda.amazonaws.com"), Timeout=30, Code={"ZipFile": z.getvalue()})
    for _ in range(100):
        state = lam.get_function(FunctionName=fn["FunctionName"])["Configuration"].get("State", "Active")
        if state != "Pending":
            break
        time.sleep(0.1)
    return fn


def lambda_invoke_warm(c):
    name = make_lambda(c)["FunctionName"]
    pool = [(c.raw("lambda", "invoke", FunctionName=name, Payload=json.dumps({"n": i}).encode()),
             lambda b, i=i: b == {"n": i, "double": 2 * i}) for i in range(100)]
    return simple(pool), None


def apigw_lambda(c):
    fn = make_lambda(c)
    g = c.client("apigateway")
    api = g.create_rest_api(name=c.tag)["id"]
    root = g.get_resources(restApiId=api)["items"][0]["id"]
    res = g.create_resource(restApiId=api, parentId=root, pathPart="bench")["id"]
    g.put_method(restApiId=api, resourceId=res, httpMethod="GET", authorizationType="NONE")
    g.put_integration(restApiId=api, resourceId=res, httpMethod="GET", type="AWS_PROXY",
                      integrationHttpMethod="POST", uri=f"arn:aws:apigateway:{c.region}:lambda:path/2015-03-31/"
                      f"functions/{fn['FunctionArn']}/invocations")
    g.create_deployment(restApiId=api, stageName="dev")
    tried = []
    for path, host in ((f"/_aws/execute-api/{api}/dev/bench", None), (f"/restapis/{api}/dev/_user_request_/bench", None),
                       ("/dev/bench", f"{api}.execute-api.{c.region}.amazonaws.com"),
                       ("/dev/bench", f"{api}.execute-api.localhost")):
        req = f"GET {path} HTTP/1.1\r\nHost: {host or f'{c.host}:{c.port}'}\r\nAccept: */*\r\n\r\n".encode()
        status, body = one_shot(c, req)
        if status == 200 and b'"bench"' in body:
            return simple([(req, lambda b: b == {"ok": True, "q": "bench"})]), None
        tried.append(f"{path} -> {status} {body[:80]!r}")
    raise Unsupported("; ".join(tried))


def one_shot(c, req):
    import http.client
    s = socket.create_connection((c.host, c.port), 30)
    s.sendall(req)
    r = http.client.HTTPResponse(s)
    r.begin()
    out = r.status, r.read()
    s.close()
    return out


def sfn_pass_10(c):
    s = c.client("stepfunctions")
    sm = s.create_state_machine(name=c.tag, definition=PASS10, roleArn=c.role("states.amazonaws.com"))["stateMachineArn"]
    start = c.raw("stepfunctions", "start_execution", stateMachineArn=sm, input='{"v": 7}', name="@@NAME@@")
    desc = c.raw("stepfunctions", "describe_execution", executionArn="@@ARN@@")
    uniq = itertools.count()

    def op(i):
        status, _, body = yield resub(start, b"@@NAME@@", b"x%09d" % next(uniq))
        bad = jcheck(status, body, lambda b: b["executionArn"])
        if bad:
            return "start " + bad
        arn = json.loads(body)["executionArn"].encode()
        end = time.monotonic() + 10
        while time.monotonic() < end:
            status, _, body = yield resub(desc, b"@@ARN@@", arn)
            if status != 200:
                return f"describe {status}: {bytes(body[:200])!r}"
            b = json.loads(body)
            if b["status"] != "RUNNING":
                ok = b["status"] == "SUCCEEDED" and json.loads(b["output"]) == {"v": 7}
                return None if ok else f"wrong end {bytes(body[:200])!r}"
        return "still RUNNING after 10 s"
    return op, None


def events_put(c):
    q, arn = _queue(c)
    # AWS delivers to a queue only if its policy lets EventBridge.
    may = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    c.client("sqs").set_queue_attributes(QueueUrl=q, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [may]})})
    ev = c.client("events")
    ev.put_rule(Name=c.tag, EventPattern=json.dumps({"source": [f"bench.{c.tag}"]}))
    ev.put_targets(Rule=c.tag, Targets=[{"Id": "1", "Arn": arn}])
    pool = [(c.raw("events", "put_events", Entries=[{"Source": f"bench.{c.tag}", "DetailType": "t", "Detail": json.dumps({"i": i})}]),
             lambda b: b["FailedEntryCount"] == 0 and b["Entries"][0]["EventId"]) for i in range(min(c.a.requests, 300))]

    def verify(done):
        bad = _wait_depth(c, [q], done)
        m = c.client("sqs").receive_message(QueueUrl=q).get("Messages", [])
        return bad if m and "i" in json.loads(m[0]["Body"])["detail"] else f"{bad or ''} wrong event {m!r:.150}"
    return simple(pool), verify


def logs_put(c):
    lg, now = c.client("logs"), int(time.time() * 1000)
    lg.create_log_group(logGroupName=c.tag)
    lg.create_log_stream(logGroupName=c.tag, logStreamName="s")
    pool = [(c.raw("logs", "put_log_events", logGroupName=c.tag, logStreamName="s", logEvents=[
        {"timestamp": now + i, "message": f"line {i} " + "z" * 100}]), lambda b: b is None or "rejectedLogEventsInfo" not in b)
        for i in range(min(c.a.requests, 300))]

    def verify(done):
        got = lg.get_log_events(logGroupName=c.tag, logStreamName="s", startFromHead=True, limit=10)["events"]
        return None if got and got[0]["message"].startswith("line 0 ") else f"read back {got!r:.150}"
    return simple(pool), verify


def xray_put(c):
    x, pool, t = c.client("xray"), [], time.time()
    ids = [f"1-{int(t):08x}-{i:024x}" for i in range(min(c.a.requests, 300))]
    for i, tid in enumerate(ids):
        seg = {"id": f"{i:016x}", "trace_id": tid, "name": "svc", "start_time": t, "end_time": t + 0.1}
        pool.append((c.raw("xray", "put_trace_segments", TraceSegmentDocuments=[json.dumps(seg)]),
                     lambda b: b["UnprocessedTraceSegments"] == []))

    def verify(done):
        got = x.batch_get_traces(TraceIds=ids[:1]).get("Traces", [])
        return None if got and got[0]["Id"] == ids[0] else f"BatchGetTraces gave {got!r:.100}"
    return simple(pool), verify


def raw_get(c):
    """Client calibration: GET --raw-path, the body must equal --raw-body (nginx 'return 200')."""
    req = f"GET {c.a.raw_path} HTTP/1.1\r\nHost: {c.host}:{c.port}\r\nAccept: */*\r\n\r\n".encode()
    want = c.a.raw_body.encode()

    def op(i):
        status, _, body = yield req
        return None if status == 200 and body == want else f"status {status}"
    return op, None


WORKLOADS = [ddb_put, ddb_get, ddb_query, ddb_transact_write, sqs_send, sqs_receive_delete, sns_fanout, s3_put_1k, s3_get_1k,
             s3_put_5mb, s3_get_5mb, kms_encrypt, lambda_invoke_warm, apigw_lambda, sfn_pass_10, events_put, logs_put,
             xray_put, raw_get]


# ------------------------------------------------------------------ engine
class Run:
    def __init__(self, ctx, op, total, secs):
        self.ctx, self.op, self.total = ctx, op, total
        self.next = self.ok = self.bad = self.reconnects = 0
        self.lat, self.errors = [], {}
        self.deadline = time.perf_counter() + secs

    def take(self):
        if self.next >= self.total or time.perf_counter() > self.deadline:
            return None
        self.next += 1
        return self.next - 1

    def finish(self, t0, err):
        if err is None:
            self.ok += 1
            self.lat.append(time.perf_counter() - t0)
        else:
            self.bad += 1
            if len(self.errors) < 5 or err in self.errors:
                self.errors[err] = self.errors.get(err, 0) + 1


class Conn(asyncio.Protocol):
    """One keep-alive connection: sends a request, frames the answer, drives the op generator."""

    def __init__(self, run, carry=None):
        self.run, self.gen, self.t0, self.carry = run, None, 0.0, carry
        self.done = asyncio.get_running_loop().create_future()
        self._reset()

    def _reset(self):
        self.buf, self.head, self.need, self.status, self.close = bytearray(), None, -1, 0, False

    def connection_made(self, transport):
        self.tr = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.carry:                           # go on with an op whose last connection was closed
            (self.gen, self.t0, req), self.carry = self.carry, None
            self.tr.write(req)
        else:
            self.start_op()

    def start_op(self):
        i = self.run.take()
        if i is None:
            self.gen = None
            self.tr.close()
            return
        self.gen, self.t0 = self.run.op(i), time.perf_counter()
        self.tr.write(next(self.gen))

    def data_received(self, data):
        self.buf += data
        while self.gen is not None:
            if self.head is None:
                at = self.buf.find(b"\r\n\r\n")
                if at < 0:
                    return
                self.head = bytes(self.buf[:at]).lower()
                del self.buf[:at + 4]
                self.status = int(self.head[9:12])
                if self.status == 100:          # interim answer
                    self.head = None
                    continue
                self.close = b"\r\nconnection: close" in self.head or self.head.startswith(b"http/1.0")
                p = self.head.find(b"\r\ncontent-length:")
                if p >= 0:
                    self.need = int(self.head[p + 17:].split(b"\r\n", 1)[0])
                elif b"\r\ntransfer-encoding: chunked" in self.head:
                    self.need = -2
                else:
                    self.need = 0 if self.status in (204, 304) or not self.close else -3
            if self.need == -2:
                body = self.unchunk()
                if body is None:
                    return
            elif self.need == -3 or len(self.buf) < self.need:
                return                           # more data, or until the server closes
            else:
                body = bytes(self.buf[:self.need])
            self.answer(body)

    def unchunk(self):
        out, at, b = [], 0, self.buf
        while True:
            e = b.find(b"\r\n", at)
            if e < 0:
                return None
            n = int(bytes(b[at:e]).split(b";")[0], 16)
            if len(b) < e + 4 + n:
                return None
            if n == 0:
                return b"".join(out)
            out.append(bytes(b[e + 2:e + 2 + n]))
            at = e + 4 + n

    def answer(self, body):
        res, closing = (self.status, self.head, body), self.close
        self._reset()
        try:
            req = self.gen.send(res)
        except StopIteration as e:
            self.run.finish(self.t0, e.value)
            self.gen = None
            if not closing:
                return self.start_op()
            return self.tr.close()
        if closing:                              # the op goes on, on a new connection
            self.carry, self.gen = (self.gen, self.t0, req), None
            return self.tr.close()
        self.tr.write(req)

    def connection_lost(self, exc):
        if self.gen is not None:
            if self.need == -3 and self.head is not None:
                self.answer(bytes(self.buf))
            else:
                self.run.finish(self.t0, f"connection lost {exc!r}")
            self.gen = None
        if not self.done.done():
            self.done.set_result(None)


def tree_cpu(pid):
    """CPU seconds used so far by a server process and its living descendants (Linux /proc)."""
    kids, ticks = {}, {}
    for d in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{d}/stat") as f:
                v = f.read().rpartition(")")[2].split()
        except OSError:
            continue
        kids.setdefault(int(v[1]), []).append(int(d))
        ticks[int(d)] = int(v[11]) + int(v[12])
    todo, total = [pid], 0
    while todo:
        q = todo.pop()
        total += ticks.get(q, 0)
        todo += kids.get(q, [])
    return total / os.sysconf("SC_CLK_TCK")


async def drive(run, connections):
    loop = asyncio.get_running_loop()

    async def lane():
        first, carry = True, None
        while carry or (run.next < run.total and time.perf_counter() < run.deadline):
            run.reconnects += not first
            first = False
            try:
                _, conn = await loop.create_connection(lambda: Conn(run, carry), run.ctx.host, run.ctx.port)
            except OSError as e:
                run.take()
                run.finish(0, f"connect {e!r}")
                carry = None
                await asyncio.sleep(0.05)
                continue
            await asyncio.wait([conn.done], timeout=max(1.0, run.deadline - time.perf_counter() + 15))
            if not conn.done.done():
                conn.gen = None
                conn.tr.abort()
                run.finish(0, "no answer in time")
            carry = conn.carry
    t0 = time.perf_counter()
    await asyncio.gather(*[lane() for _ in range(connections)])
    return time.perf_counter() - t0


def parser():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--endpoint", required=True)
    p.add_argument("--workload", required=True, choices=[w.__name__ for w in WORKLOADS])
    p.add_argument("--connections", type=int, default=16)
    p.add_argument("--requests", type=int, default=2000)
    p.add_argument("--region", default="us-east-1")
    p.add_argument("--max-seconds", type=float, default=20)
    p.add_argument("--warmup", type=int, default=20)
    p.add_argument("--access-key", default="test")
    p.add_argument("--secret-key", default="test")
    p.add_argument("--server-pid", type=int, help="also report the server's CPU ms per op (contention-proof)")
    p.add_argument("--raw-path", default="/")
    p.add_argument("--raw-body", default="ok")
    return p


def bench(a, sess=None):
    """One measured run; returns the dict that main prints.  sess: a botocore session to reuse."""
    a.requests = min(a.requests, 1_000_000)
    a.connections = max(1, min(a.connections, 256))
    a.max_seconds = min(a.max_seconds, 300)
    out = {"workload": a.workload, "endpoint": a.endpoint, "connections": a.connections}
    ctx = Ctx(a, sess)
    try:
        op, verify = next(w for w in WORKLOADS if w.__name__ == a.workload)(ctx)
    except Exception as e:
        return {**out, "unsupported": True, "error": f"setup: {type(e).__name__}: {e}"[:400]}
    warm = Run(ctx, op, max(1, a.warmup), max(a.max_seconds, 10))
    asyncio.run(drive(warm, a.connections))     # same width: every worker of the peer gets warm
    if warm.ok == 0:
        return {**out, "unsupported": True, "error": next(iter(warm.errors), "no answer")[:400]}
    run = Run(ctx, lambda i: op(i), a.requests, a.max_seconds)
    srv0 = tree_cpu(a.server_pid) if a.server_pid else 0
    cpu0, wall = time.process_time(), asyncio.run(drive(run, a.connections))
    cpu, lat = time.process_time() - cpu0, sorted(run.lat)
    out.update(requests=run.next, ok=run.ok, errors=run.bad, seconds=round(wall, 3), ops_s=round(run.ok / wall, 1),
               p50_ms=round(statistics.median(lat) * 1e3, 3) if lat else None,
               p99_ms=round(lat[min(len(lat) - 1, int(len(lat) * .99))] * 1e3, 3) if lat else None,
               client_cpu=round(cpu / wall, 2), reconnects=run.reconnects)
    if a.server_pid:
        out["server_cpu_ms_op"] = round((tree_cpu(a.server_pid) - srv0) * 1e3 / max(1, run.ok), 3)
    if run.errors:
        out["error_samples"] = {k[:200]: v for k, v in run.errors.items()}
    if verify:
        t0 = time.perf_counter()
        try:
            bad = verify(run.ok + warm.ok)
        except Exception as e:
            bad = f"{type(e).__name__}: {e}"[:300]
        out["verify"], out["verify_s"] = bad or "ok", round(time.perf_counter() - t0, 2)
    return out


def main():
    print(json.dumps(bench(parser().parse_args())))


if __name__ == "__main__":
    main()
