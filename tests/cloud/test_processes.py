"""Regions as processes: they come on first use, die alone, fall silent, and come back with what they had."""

import contextlib
import glob
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import zipfile

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from cloud.conftest import eventually, is_alive
from kumoniwa.aws.regions import loopback
from kumoniwa.cli.main import main

ACCOUNT = "000000000000"


def request(
    region: str = "us-east-1", target: str = "AmazonSQS.ListQueues", body: bytes = b"{}", **headers: str
) -> bytes:
    """A whole HTTP request, signed by nobody, for a region."""
    scope = f"Credential=test/20300101/{region}/sqs/aws4_request, SignedHeaders=host, Signature=00"
    fields = {
        "Host": "localhost",
        "X-Amz-Target": target,
        "X-Amz-Date": "20300101T000000Z",
        "Authorization": f"AWS4-HMAC-SHA256 {scope}",
        "Content-Type": "application/x-amz-json-1.0",
        "Content-Length": str(len(body)),
        **headers,
    }
    return (
        "POST / HTTP/1.1\r\n{}\r\n".format("".join(f"{n}: {v}\r\n" for n, v in fields.items())).encode()
        + body
    )


def answer(connection: socket.socket) -> tuple[int, bytes]:
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("closed")
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(
        next(
            line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
        )
    )
    while len(body) < length:
        body += connection.recv(65536)
    return int(head.split(b" ")[1]), body


def is_silent(connection: socket.socket, for_s: float = 0.3) -> bool:
    connection.settimeout(for_s)
    try:
        connection.recv(1)
        return False
    except TimeoutError:
        return True
    except OSError:
        return False
    finally:
        connection.settimeout(10)


def test_the_ready_line_names_the_port_it_got(up):
    cloud = up()
    assert (
        cloud.ready
        == f"Kumoniwa is ready at http://127.0.0.1:{cloud.port} (account {ACCOUNT}, region us-east-1).\n"
    )
    assert cloud.port > 1024
    assert cloud.regions() == {}


def test_a_region_starts_when_it_is_first_asked(shared):
    shared.client("sqs", "eu-west-3").list_queues()
    found = shared.regions()["eu-west-3"]
    assert found["state"] == "running"
    assert is_alive(found["pid"])


def test_one_connection_may_speak_to_two_regions_in_turn(shared):
    for region in ("us-east-1", "eu-west-1"):
        shared.client("sqs", region).create_queue(QueueName=f"only-{region}")
    with shared.socket() as connection:
        for region in ("us-east-1", "eu-west-1", "eu-west-1", "us-east-1"):
            connection.sendall(request(region))
            status, body = answer(connection)
            assert (status, json.loads(body)["QueueUrls"][0].rpartition("/")[2]) == (200, f"only-{region}")
        connection.sendall(b"GET /_kumoniwa/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert json.loads(answer(connection)[1])["status"] == "ok"
        connection.sendall(request("eu-west-1"))
        assert answer(connection)[0] == 200


def test_a_head_may_come_in_pieces(shared):
    with shared.socket() as connection:
        whole = request()
        for at in range(0, len(whole), 90):
            connection.sendall(whole[at : at + 90])
        assert answer(connection)[0] == 200


@pytest.mark.parametrize(
    ("region", "code"),
    [("mars-north-1", "InvalidSignatureException"), ('us"east\\1', "InvalidSignatureException")],
)
def test_a_region_that_does_not_exist_is_refused(shared, region, code):
    with shared.socket() as connection:
        connection.sendall(request(region))
        status, body = answer(connection)
    assert status == 400
    assert json.loads(body) == {"__type": code, "message": "Credential should be scoped to a valid region."}


def test_bytes_that_are_no_http_are_refused_at_once(shared):
    for garbage in (b"\x17\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\0\0\0\0", b"hello\r\n\r\n"):
        with shared.socket() as connection:
            connection.sendall(garbage)
            assert answer(connection)[0] == 400


def test_a_killed_region_is_silent_to_old_and_new_connections_and_only_it(shared):
    for region in ("ap-south-1", "sa-east-1"):
        shared.client("sqs", region).create_queue(QueueName="kept")
    with shared.socket() as old, shared.socket() as new:
        old.sendall(request("ap-south-1"))
        assert answer(old)[0] == 200
        pid = shared.regions()["ap-south-1"]["pid"]
        shared.region("ap-south-1", "kill")
        assert eventually(lambda: not is_alive(pid))
        old.sendall(request("ap-south-1"))
        new.sendall(request("ap-south-1"))
        assert is_silent(old)
        assert is_silent(new)
        with pytest.raises(ReadTimeoutError):
            shared.client("sqs", "ap-south-1", read_timeout=0.3).list_queues()
        assert "QueueUrls" in shared.client("sqs", "sa-east-1").list_queues()
        shared.region("ap-south-1", "restart")
        with pytest.raises(ConnectionResetError):
            old.recv(1)
        # Nobody had begun to answer this one: to its client the region was only slow.
        assert answer(new)[0] == 200
        new.sendall(request("sa-east-1"))
        assert answer(new)[0] == 200
        shared.region("ap-south-1", "kill")
        new.sendall(
            request("ap-south-1")
        )  # comes by way of another region, with bytes that were read already
        assert is_silent(new)
        shared.region("ap-south-1", "restart")
        assert answer(new)[0] == 200
    assert "QueueUrls" in shared.client("sqs", "ap-south-1").list_queues()


def test_a_paused_region_answers_when_it_goes_on(shared):
    sqs = shared.client("sqs", "ca-central-1")
    sqs.list_queues()
    shared.region("ca-central-1", "pause")
    assert shared.regions()["ca-central-1"]["state"] == "paused"
    with contextlib.ExitStack() as stack:
        # More connections than the line to the region holds, and some that are gone when it goes on.
        waiting = [stack.enter_context(shared.socket()) for _ in range(400)]
        for n, connection in enumerate(waiting):
            connection.sendall(request("ca-central-1"))
            if n % 3 == 0:
                connection.close()
        assert is_silent(waiting[1], 0.1)
        shared.region("ca-central-1", "resume")
        for n, connection in enumerate(waiting):
            if n % 3:
                assert answer(connection)[0] == 200


BEATING = """
import socket, time
def handler(event, context):
    with socket.create_connection(("127.0.0.1", event["port"])) as listener:
        while True:
            listener.sendall(b".")
            time.sleep(0.01)
"""


def test_what_a_region_runs_is_paused_with_it(shared):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("index.py", BEATING)
    role = shared.client("iam").create_role(
        RoleName="beats", AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", '
        '"Principal": {"Service": "lambda.amazonaws.com"}}}',
    )["Role"]["Arn"]  # fmt: skip
    functions = shared.client("lambda", "ca-central-1")
    functions.create_function(FunctionName="beats", Runtime="python3.12", Timeout=60, Role=role, Handler="index.handler", Code={"ZipFile": packed.getvalue()})
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(20)
        event = json.dumps({"port": door.getsockname()[1]}).encode()
        functions.invoke(FunctionName="beats", InvocationType="Event", Payload=event)
        beats, _ = door.accept()
        with beats:
            beats.settimeout(20)
            assert beats.recv(1)
            shared.region("ca-central-1", "pause")
            beats.settimeout(0.2)
            with pytest.raises(TimeoutError):
                for _ in range(200):  # what was sent before, and no more
                    beats.recv(4096)
            shared.region("ca-central-1", "resume")
            beats.settimeout(20)
            assert beats.recv(1)
            shared.region("ca-central-1", "pause")
            shared.region("ca-central-1", "kill")
            with contextlib.suppress(ConnectionResetError):
                while beats.recv(4096):
                    pass
    shared.region("ca-central-1", "restart")


def test_a_region_that_crashed_starts_again_when_it_is_needed(shared):
    sqs = shared.client("sqs", "us-west-2", retries=3)
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="acknowledged")
    pid = shared.regions()["us-west-2"]["pid"]
    with shared.socket() as connection:
        connection.sendall(request("us-west-2"))
        answer(connection)
        os.kill(pid, signal.SIGKILL)
        assert eventually(lambda: shared.regions()["us-west-2"]["state"] == "crashed")
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "acknowledged"
    assert shared.regions()["us-west-2"]["pid"] != pid


def test_two_restarts_at_once_make_one_region(shared):
    shared.client("sqs", "eu-north-1").list_queues()
    with shared.socket() as one, shared.socket() as other:
        for connection in (one, other):
            connection.sendall(
                b"POST /_kumoniwa/regions/eu-north-1/restart HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
            )
        for connection in (one, other):
            assert answer(connection)[0] == 200
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(shared.pid)], capture_output=True, text=True
    ).stdout.split()
    assert sorted(map(int, children)) == sorted(r["pid"] for r in shared.regions().values() if r["pid"])


# The door ------------------------------------------------------------------------------------------


def test_whoever_runs_the_cloud_reads_once_how_to_repair_what_was_refused(up):
    cloud = up()
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="guarded")
    s3.put_object(Bucket="guarded", Key="k")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::guarded/*"}
    deny["Condition"] = {"Bool": {"aws:SecureTransport": "false"}}
    s3.put_bucket_policy(Bucket="guarded", Policy=json.dumps({"Version": "2012-10-17", "Statement": deny}))
    for _ in range(2):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.get_object(Bucket="guarded", Key="k")
    assert cloud.stop() == 0
    (line,) = cloud.said.splitlines()
    assert line.startswith("kumoniwa: s3:GetObject was refused (AccessDenied). A policy refuses what comes without TLS.")


def test_sigterm_ends_everything_and_leaves_nothing(up):
    cloud = up()
    for region in ("us-east-1", "eu-west-1"):
        cloud.client("sqs", region).create_queue(QueueName="q")
    pids = [region["pid"] for region in cloud.regions().values()]
    folder = glob.glob(f"{tempfile.gettempdir()}/kumoniwa-{cloud.pid}-*")
    assert len(folder) == 1
    assert cloud.stop() == 0
    assert not any(is_alive(pid) for pid in pids)
    assert not os.path.exists(folder[0])
    assert cloud.said == ""


def test_when_the_door_is_killed_its_regions_die_and_the_next_cloud_sweeps_up(up):
    cloud = up()
    cloud.client("sqs").list_queues()
    pid = cloud.regions()["us-east-1"]["pid"]
    (folder,) = glob.glob(f"{tempfile.gettempdir()}/kumoniwa-{cloud.pid}-*")
    cloud.process.kill()
    cloud.process.wait()
    cloud.process.stdout.close()
    cloud.process.stderr.close()
    assert eventually(lambda: not is_alive(pid))
    up()
    assert not os.path.exists(folder)


def test_two_clouds_do_not_share_a_folder_and_the_second_life_has_the_firsts_data(up, tmp_path):
    first = up("--data", str(tmp_path / "d"))
    url = first.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    first.client("sqs").send_message(QueueUrl=url, MessageBody="x")
    second = up("--data", str(tmp_path / "d"))
    assert second.process.wait(10) == 1
    assert "another cloud lives in" in second.process.stderr.read()
    second.stop()
    first.process.kill()
    first.process.wait()
    third = up("--data", str(tmp_path / "d"))
    url = third.client("sqs").get_queue_url(QueueName="q")["QueueUrl"]
    assert third.client("sqs").receive_message(QueueUrl=url)["Messages"][0]["Body"] == "x"
    first.stop()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--regions", "mars-1"),
        ("--region", "mars-1"),
        ("--account", "12"),
        ("--data", "/proc/nowhere"),
        ("--host", "203.0.113.7"),
    ],
)
def test_a_cloud_that_cannot_be_says_why(arguments):
    command = [sys.executable, "-m", "kumoniwa.cli.main", "up", "--port", "0", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert done.stderr.startswith("kumoniwa: ")
    assert len(done.stderr.splitlines()) == 1


def test_only_the_regions_asked_for_exist(up):
    cloud = up("--regions", "eu-west-1,eu-west-2")
    assert "region eu-west-1)" in cloud.ready
    cloud.client("sqs", "eu-west-2").list_queues()
    with pytest.raises(ClientError, match="valid region"):
        cloud.client("sqs", "us-east-1").list_queues()


# The admin door --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Host": "127.0.0.1.evil.example"}, {"Host": "localhost:1,evil"}, {"Host": ""},
                {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://[evil"}, {"Origin": ""}]
)  # fmt: skip
def test_the_admin_door_answers_no_web_page(shared, headers):
    assert shared.admin("POST", "reset", **headers)[0] == 403
    assert shared.admin("GET", "health", **headers)[0] == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "localhost"},
        {"Host": "LOCALHOST:80"},
        {"Host": "[::1]:4566"},
        {"Origin": "http://localhost:3000"},
    ],
)
def test_the_admin_door_answers_this_machine(shared, headers):
    assert shared.admin("GET", "health", **headers)[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "nothing", 404), ("POST", "nothing", 404), ("GET", "reset", 404), ("POST", "regions/mars-1/kill", 404),
     ("POST", "regions/us-east-1/dance", 404), ("POST", "reset?account=../../x", 400), ("PUT", "health", 404)],
)  # fmt: skip
def test_what_the_admin_door_does_not_have_it_says(shared, method, path, status):
    assert shared.admin(method, path)[0] == status


def test_reset_empties_an_account_or_all_wherever_its_data_lies(up):
    cloud = up()
    regions = ("us-east-1", "eu-west-1", "eu-west-2", "eu-west-3")
    for region in regions:
        for key in ("test", "111122223333"):
            cloud.client("sqs", region, key).create_queue(QueueName="q")
    cloud.region("eu-west-1", "kill")
    cloud.region("eu-west-2", "pause")

    def queues(key: str) -> list[int]:
        return [
            len(cloud.client("sqs", region, key, retries=3).list_queues().get("QueueUrls", []))
            for region in regions
        ]

    assert cloud.admin("POST", "reset?account=111122223333")[0] == 200
    cloud.region("eu-west-2", "resume")
    cloud.region("eu-west-1", "restart")
    assert (queues("111122223333"), queues("test")) == ([0, 0, 0, 0], [1, 1, 1, 1])
    cloud.region("eu-west-1", "kill")
    assert cloud.admin("POST", "reset")[0] == 200
    cloud.region("eu-west-1", "restart")
    assert queues("test") == [0, 0, 0, 0]


def test_tools_are_told_how_to_find_the_cloud_by_tls(shared, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for endpoint in (f"http://127.0.0.1:{shared.port}", f"https://localhost:{shared.port}"):
        assert main(["env", "--region", "eu-west-1", "--account", "111122223333", "--endpoint", endpoint]) == 0
        said = dict(line.removeprefix("export ").split("=", 1) for line in capsys.readouterr().out.splitlines())
        assert said["AWS_ENDPOINT_URL"] == f"https://localhost:{shared.port}" and said["NODE_EXTRA_CA_CERTS"] == said["AWS_CA_BUNDLE"]
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    queue = boto3.Session().client("sqs").create_queue(QueueName="tools")["QueueUrl"]
    assert queue.endswith("/111122223333/tools")
    # The commands ask the same cloud under the address that tools were given.
    assert main(["status", "--endpoint", said["AWS_ENDPOINT_URL"]]) == 0


def test_tools_that_know_no_endpoint_are_told_of_a_proxy(shared, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main(["env", "--proxy", "--account", "111122223333", "--endpoint", f"http://127.0.0.1:{shared.port}"]) == 0
    unset, *lines = capsys.readouterr().out.splitlines()
    said = dict(line.removeprefix("export ").split("=", 1) for line in lines)
    assert unset == "unset AWS_ENDPOINT_URL" and "AWS_ENDPOINT_URL" not in said and said["SSL_CERT_FILE"] == said["AWS_CA_BUNDLE"]
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    assert boto3.Session().client("sqs").create_queue(QueueName="led")["QueueUrl"].endswith("/111122223333/led")


def test_status_says_where_everything_is(shared, capsys):
    assert shared.admin("POST", "regions/eu-west-1/start")[0] == 200
    assert main(["status", "--endpoint", f"http://127.0.0.1:{shared.port}"]) == 0
    said = capsys.readouterr().out
    assert f"http://127.0.0.1:{shared.port}/_kumoniwa/" in said
    health = shared.admin("GET", "health")[1]
    assert f"127.0.0.1 port {health['dns_port']}, UDP and TCP" in said
    (line,) = [line for line in said.splitlines() if line.startswith("  eu-west-1 ")]
    assert f" running   pid {health['regions']['eu-west-1']['pid']} " in line and f" {loopback('eu-west-1')} " in line


def test_gaps_are_counted_over_all_regions_and_lenient_only_records_them(up):
    for arguments in ((), ("--lenient",)):
        cloud = up(*arguments)
        for region in ("us-east-1", "eu-west-1"):
            with contextlib.suppress(ClientError):
                cloud.client("ec2", region).describe_instances()
            with cloud.socket() as connection:
                connection.sendall(request(region, "AmazonSQS.Dance"))
                assert answer(connection)[0] in (404, 400, 501)
        gaps = cloud.admin("GET", "gaps")[1]
        assert gaps and all(isinstance(count, int) for count in gaps.values())
        assert any("ec2" in what and count == 2 for what, count in gaps.items())


def test_strict_clouds_refuse_keys_nobody_issued(up):
    with pytest.raises(ClientError) as caught:
        up("--auth", "strict").client("sqs").list_queues()
    assert caught.value.response["Error"]["Code"] == "UnrecognizedClientException"


def test_a_strict_cloud_prints_the_root_key_that_opens_it_and_keeps_it(up, tmp_path):
    def line_of(cloud) -> tuple[str, str]:
        said = re.fullmatch(r"Root access key of account 123456789012: (AKIA[A-Z2-7]{16}) (\S{40})\n", cloud.process.stdout.readline())
        return said[1], said[2]

    cloud = up("--auth", "strict", "--account", "123456789012", "--data", str(tmp_path))
    pair = line_of(cloud)
    kept = tmp_path / "root-key-123456789012"
    assert kept.stat().st_mode & 0o777 == 0o600 and kept.read_text() == " ".join(pair)

    def client(service: str, key: str, secret: str):
        endpoint = f"http://127.0.0.1:{cloud.port}"
        return boto3.client(service, "us-east-1", endpoint_url=endpoint, aws_access_key_id=key, aws_secret_access_key=secret)

    assert client("sts", *pair).get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:root"
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        client("sts", pair[0], "a guess").get_caller_identity()
    made = client("iam", *pair).create_access_key()["AccessKey"]
    again = client("sts", made["AccessKeyId"], made["SecretAccessKey"])
    assert again.get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:root"
    # A reset takes IAM's keys, and leaves the door to the cloud open.
    cloud.admin("POST", "reset")
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        again.get_caller_identity()
    assert client("sts", *pair).get_caller_identity()["Account"] == "123456789012"
    cloud.process.terminate()
    cloud.process.wait(10)
    assert line_of(up("--auth", "strict", "--account", "123456789012", "--data", str(tmp_path))) == pair


def test_a_command_that_lacks_a_package_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "boto3", None)
    for module in ("session", "timeline"):
        monkeypatch.delitem(sys.modules, f"kumoniwa.cli.{module}", raising=False)
    assert main(["timeline"]) == 1
    assert capsys.readouterr().err == "kumoniwa: this command needs boto3: pip install 'kumoniwa[lambda]'.\n"


def test_the_command_line_speaks_to_a_cloud(up):
    cloud = up()
    cloud.client("sqs").list_queues()

    def say(*words: str) -> tuple[int, str]:
        command = [
            sys.executable,
            "-m",
            "kumoniwa.cli.main",
            *words,
            "--endpoint",
            f"http://127.0.0.1:{cloud.port}",
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
        return done.returncode, done.stdout + done.stderr

    assert "us-east-1        running" in say("status")[1]
    assert say("region", "kill", "us-east-1") == (0, "us-east-1 is killed\n")
    assert say("region", "restart", "us-east-1") == (0, "us-east-1 is running\n")
    assert say("region", "kill", "mars-1") == (1, "kumoniwa: There is no region mars-1 in this cloud.\n")
    assert say("gaps") == (0, "nothing was asked for that is not implemented\n")
    assert say("down")[0] == 0
    assert cloud.process.wait(10) == 0
    code, text = say("status")
    assert (code, "no cloud answers" in text) == (2, True)
