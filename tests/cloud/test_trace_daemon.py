"""The X-Ray daemon of a running cloud: datagrams become traces of the default region, and sampling rules are asked over TCP."""

import http.client
import json
import socket
import time

UNTIL_S = 30


def datagram(number: int) -> tuple[str, bytes]:
    now = time.time()
    trace = f"1-{int(now):08x}-{number:024x}"
    document = {"trace_id": trace, "id": f"{number:016x}", "name": "outside", "start_time": now - 1, "end_time": now}
    return trace, b'{"format": "json", "version": 1}\n' + json.dumps(document).encode()


def send(address: str, *packets: bytes) -> None:
    host, port = address.split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for packet in packets:
            udp.sendto(packet, (host, int(port)))


def arrive(cloud, *traces: str) -> set[str]:
    """Which of some traces X-Ray knows, once it knows them all or a long time has passed."""
    xray, found, ends = cloud.client("xray"), set(), time.monotonic() + UNTIL_S
    while found != set(traces) and time.monotonic() < ends:
        found = {each["Id"] for each in xray.batch_get_traces(TraceIds=list(traces))["Traces"]}
    return found


def test_what_sdks_send_is_a_trace_of_the_default_region(up):
    cloud = up()
    address = cloud.admin("GET", "health")[1]["xray"]
    one, first = datagram(1)
    two, second = datagram(2)
    send(address, first, b"nonsense", b"\xff\n\xff", second)
    assert arrive(cloud, one, two) == {one, two}


def test_sampling_rules_are_asked_over_tcp_without_a_signature(up):
    cloud = up()
    host, port = cloud.admin("GET", "health")[1]["xray"].split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    for _ in range(2):
        connection.request("POST", "/GetSamplingRules", "{}")
        reply = connection.getresponse()
        assert reply.status == 200
        assert json.load(reply)["SamplingRuleRecords"][0]["SamplingRule"]["RuleName"] == "Default"
    connection.request("POST", "/SamplingTargets", "{}")
    assert connection.getresponse().status == 400


def test_it_may_enter_a_strict_cloud(up):
    cloud = up("--auth", "strict")
    address = cloud.admin("GET", "health")[1]["xray"]
    host, port = address.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    connection.request("POST", "/GetSamplingRules", "{}")
    assert connection.getresponse().status == 200


def test_segments_wait_while_their_region_is_dead(up):
    cloud = up()
    cloud.client("xray").get_groups()
    address = cloud.admin("GET", "health")[1]["xray"]
    cloud.region("us-east-1", "kill")
    trace, packet = datagram(3)
    send(address, packet)
    cloud.region("us-east-1", "restart")
    assert arrive(cloud, trace) == {trace}


def test_a_port_that_is_taken_leads_to_another(up):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        taken = other.getsockname()[1]
        address = up("--xray-port", str(taken)).admin("GET", "health")[1]["xray"]
    assert int(address.split(":")[1]) not in (0, taken)
