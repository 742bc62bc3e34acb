"""A health check and geolocation, seen working: what Route 53 refuses as written, what answers whom when repaired, and a failover.

    python patterns/route53_routing/demo.py [--interval 10] [--threshold 3]
"""

import argparse
import datetime
import http.server
import json
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import boto3
import dns.edns
import dns.message
import dns.query
from botocore.exceptions import ClientError, ParamValidationError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HERE = Path(__file__).parent
US, EU = "127.0.0.21", "127.0.0.22"
AMERICAN, GERMAN, JAPANESE = "192.0.2.0", "198.51.100.0", "203.0.113.0"
"""Documentation networks, which Kumoniwa's own table of places puts into these countries."""
SLACK_S = 4.0
"""Two seconds for an answer that does not come, and two for a busy machine."""


def say(line):
    print(line, flush=True)


class Endpoint:
    """An HTTPS server of its own at one address, which can be told to fail. Its certificate is its own word."""

    def __init__(self, address, port, folder):
        self.status, self.probes = 200, 0
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                endpoint.probes += self.headers["User-Agent"].startswith("Amazon-Route53-Health-Check-Service")
                self.send_response(endpoint.status if self.path == "/health" else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((address, port), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate(folder))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def certificate(folder):
    path = Path(folder) / "certificate.pem"
    if not path.exists():
        key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "api.example.com")])
        now = datetime.datetime.now(datetime.UTC)
        made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + datetime.timedelta(days=1))
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path.write_bytes(pem + made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


def start(folder):
    command = [sys.executable, "-m", "kumoniwa.cli.main", "up", "--port", "0", "--data", f"{folder}/cloud"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+", line)
    if not found:
        sys.exit(f"the cloud did not start: {line}")
    say(line.strip())
    return process, found[0]


def dns_port(endpoint):
    with socket.create_connection(("127.0.0.1", int(endpoint.rpartition(":")[2]))) as line:
        line.sendall(b"GET /_kumoniwa/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return int(re.search(rb'"dns_port":(\d+)', line.makefile("rb").read())[1])


def refused_as_written(client, zone):
    """What Route 53 says to the two files of ``as_written``."""
    said = []
    try:
        client.create_health_check(CallerReference="as-written", HealthCheckConfig=json.loads((HERE / "as_written/health_check.json").read_text()))
    except ClientError as error:
        said.append(f"{error.response['Error']['Code']}: {error.response['Error']['Message']}")
        hint = error.response["ResponseMetadata"]["HTTPHeaders"].get("x-kumoniwa-hint")
        say(f"as written, the check is refused: {said[-1]}\n  hint: {hint}")
    records = json.loads(f"[{(HERE / 'as_written/records.json').read_text()}]")
    changes = [{"Action": "CREATE", "ResourceRecordSet": record} for record in records]
    try:
        client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    except ParamValidationError as error:
        said.append(str(error))
        say(f"as written, the records do not even leave the client: {str(error).splitlines()[1]}")
    for record in records:
        record["AliasTarget"]["HostedZoneId"] = zone
    try:
        client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    except ClientError as error:
        said.append(error.response["Error"]["Message"])
        say(f"with their zone, the records are refused: {error.response['Error']['Code']}: {said[-1]}")
    return len(said) == 3


def set_up(client, zone, port, asked):
    """The repaired check, once for each endpoint, and the records."""
    config = json.loads((HERE / "health_check.json").read_text())
    checks = {}
    for place, name in (("US_CHECK", "api-us-east-1.example.com"), ("EU_CHECK", "api-eu-west-1.example.com")):
        here = {**config, "FullyQualifiedDomainName": name, "Port": port, "RequestInterval": asked.interval, "FailureThreshold": asked.threshold}
        checks[place] = client.create_health_check(CallerReference=place, HealthCheckConfig=here)["HealthCheck"]["Id"]
    text = (HERE / "records.json").read_text()
    for place, value in {**checks, "ZONE": zone}.items():
        text = text.replace(f'"{place}"', f'"{value}"')
    info = client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=json.loads(text))["ChangeInfo"]
    client.get_waiter("resource_record_sets_changed").wait(Id=info["Id"], WaiterConfig={"Delay": 1})
    return checks["US_CHECK"]


def asker(port):
    def ask(subnet):
        query = dns.message.make_query("api.example.com", "A")
        query.use_edns(0, 0, 1232, options=[dns.edns.ECSOption(subnet, 24)])
        reply = dns.query.udp(query, "127.0.0.1", port=port, timeout=5)
        return [str(datum) for each in reply.answer for datum in each]

    return ask


def until(what, within_s):
    """Seconds until something holds; None if it never did."""
    began = time.monotonic()
    while time.monotonic() - began < within_s:
        if what():
            return time.monotonic() - began
        time.sleep(0.05)
    return None


def run(asked, endpoint, folder):
    client = boto3.client("route53", region_name="us-east-1", endpoint_url=endpoint, aws_access_key_id="test", aws_secret_access_key="test")
    zone = client.create_hosted_zone(Name="example.com", CallerReference="demo")["HostedZone"]["Id"].rpartition("/")[2]
    claims = [("what Route 53 refuses is refused in its words", refused_as_written(client, zone))]
    with socket.create_server((US, 0)) as free:
        port = free.getsockname()[1]
    american = Endpoint(US, port, folder)
    Endpoint(EU, port, folder)
    check, ask = set_up(client, zone, port, asked), asker(dns_port(endpoint))
    say(f"name servers at 127.0.0.1:{dns_port(endpoint)}; clients in the US get {ask(AMERICAN)}, in Germany {ask(GERMAN)}, in Japan {ask(JAPANESE)}")
    claims.append(("clients get the address of their place", (ask(AMERICAN), ask(GERMAN), ask(JAPANESE)) == ([US], [EU], [EU])))
    tested = client.test_dns_answer(HostedZoneId=zone, RecordName="api.example.com", RecordType="A", EDNS0ClientSubnetIP=AMERICAN)
    claims.append(("TestDNSAnswer agrees", tested["RecordData"] == [US]))
    # A first round of probes, so that every checker has seen the endpoint up.
    until(lambda: len(client.get_health_check_status(HealthCheckId=check)["HealthCheckObservations"]) == 3, asked.interval + SLACK_S)
    seen = [each["StatusReport"]["Status"] for each in client.get_health_check_status(HealthCheckId=check)["HealthCheckObservations"]]
    say(f"{len(seen)} checkers say {set(seen)} after {american.probes} probes")
    claims.append(("three checkers see it healthy over HTTPS", len(seen) == 3 and set(seen) == {"Success: HTTP Status Code 200, OK"}))
    most = asked.interval * asked.threshold + SLACK_S
    american.status = 503
    down = until(lambda: ask(AMERICAN) == [EU], most)
    say(f"503 from the American endpoint; its clients are sent to {ask(AMERICAN)} after {down and round(down, 1)} s (at most {most:g})")
    reasons = [each["StatusReport"]["Status"] for each in client.get_health_check_last_failure_reason(HealthCheckId=check)["HealthCheckObservations"]]
    claims.append((f"down after {asked.threshold} failures, and clients with it", down is not None and "Failure: HTTP Status Code 503, Service Unavailable" in reasons))
    american.status = 302
    back = until(lambda: ask(AMERICAN) == [US], most)
    say(f"302 again; they are back at {ask(AMERICAN)} after {back and round(back, 1)} s")
    claims.append(("back when it answers again", back is not None))
    print()
    for text, holds in claims:
        print(f"{'holds ' if holds else 'FAILED'}  {text}")
    return 0 if all(holds for _, holds in claims) else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interval", type=int, choices=(10, 30), default=10, help="seconds between probes")
    parser.add_argument("--threshold", type=int, default=3, help="failures in a row that make an endpoint unhealthy")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kumoniwa-routing-") as folder:
        process, endpoint = start(folder)
        try:
            return run(asked, endpoint, folder)
        finally:
            process.terminate()
            process.wait(15)


if __name__ == "__main__":
    sys.exit(main())
