"""What the pattern claims: a request is one trace through function, table and other services, and the trace shows where its time went."""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from stage import built, holds, until

LIBRARIES = ("aws-xray-sdk", "wrapt", "requests", "urllib3", "idna", "certifi", "charset-normalizer")
SLOW_S = 0.7


@contextmanager
def a_service(name):
    """A small web server outside of the cloud, which knows nothing of tracing; ``server.delay_s`` makes it slow."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            time.sleep(self.server.delay_s)
            body = json.dumps([{"service": name, "path": self.path, "trace": self.headers.get("X-Amzn-Trace-Id")}]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_): ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.delay_s = 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()


class Traces:
    def __init__(self, cloud):
        self.xray = cloud.client("xray")

    def span(self):
        return {"StartTime": time.time() - 600, "EndTime": time.time() + 60}

    def found(self, expression):
        return self.xray.get_trace_summaries(**self.span(), FilterExpression=expression)["TraceSummaries"]

    def segments(self, id_):
        (trace,) = self.xray.batch_get_traces(TraceIds=[id_])["Traces"]
        return [json.loads(each["Document"]) for each in trace["Segments"]]

    def part(self, id_, *path):
        """The subsegment at the end of a path of names, from the function's own segment; None where there is none."""
        part = next((each for each in self.segments(id_) if each.get("origin") == "AWS::Lambda::Function"), None)
        for name in path:
            part = next((each for each in (part or {}).get("subsegments", []) if each["name"] == name), None)
        return part

    def edges(self):
        """Who calls whom, by their types; what is linked and not called has an arrow of its own."""
        services = self.xray.get_service_graph(**self.span())["Services"]
        types = {each["ReferenceId"]: each.get("Type", "") for each in services}
        arrow = {"link": "~>"}
        return {(types[s["ReferenceId"]], arrow.get(e.get("EdgeType"), "->"), types[e["ReferenceId"]]) for s in services for e in s["Edges"]}

    def edge(self, start, end):
        """The statistics of the calls from one service to another, by the start's type and the end's name."""
        services = self.xray.get_service_graph(**self.span())["Services"]
        numbers = {each["ReferenceId"]: each["Name"] for each in services}
        return next((e for s in services if s.get("Type") == start for e in s["Edges"] if numbers[e["ReferenceId"]] == end), None)


def lasts(part):
    return part["end_time"] - part["start_time"]


def show(cloud):
    with a_service("orders") as orders, a_service("payments") as payments:
        mesh = f"order-service=127.0.0.1:{orders.server_port},payment-service=127.0.0.1:{payments.server_port}"
        with built(Path(__file__).parent, "layer/python", LIBRARIES) as template:
            made = cloud.deploy(template, "tracing", parameters={"Mesh": mesh})
        cloud.table(made["Users"]).put_item(Item={"id": "ada", "name": "Ada"})
        traced(cloud, made, Traces(cloud))
        orders.delay_s = SLOW_S
        time.sleep(1.1)  # of each second one request is sampled for certain
        slow(cloud, made, Traces(cloud))
        mapped(cloud, made, Traces(cloud))


def traced(cloud, made, traces):
    answer = cloud.invoke(made["UserService"], {"user_id": "ada"})
    is_whole = answer["user"]["name"] == "Ada" and answer["orders"][0]["path"] == "/users/ada/orders" and answer["payments"]
    holds("the user service answers with what a table and two other services say", bool(is_whole))
    until(lambda: traces.found('annotation[user_id] = "ada" AND service("order-service")'))
    (found,) = traces.found('annotation[user_id] = "ada" AND service("order-service")')
    id_ = found["Id"]
    holds("the request is one trace, found by an annotation and a service", not found["HasFault"], id_)
    path = ("user_service.get_user", "user_service.call_order_service", "order-service")
    remote = traces.part(id_, *path)
    is_remote = remote is not None and remote["namespace"] == "remote" and remote["http"]["response"]["status"] == 200
    holds("get_user > call_order_service > order-service (remote, http 200)", is_remote, f"{1000 * lasts(remote):.0f} ms" if remote else "")
    table = traces.part(id_, "user_service.get_user", "dynamodb") or {"aws": {}}
    is_table = table["aws"].get("operation") == "GetItem" and table["aws"].get("table_name") == made["Users"]
    holds("patch_all: the call of the table is there with its operation and table", is_table, str(table["aws"].get("operation")))
    held = answer["orders"][0]["trace"] or ""
    holds("the order service was told of the trace", f"Root={id_}" in held and "Sampled=1" in held, held[:44])
    edge = traces.edge("AWS::Lambda::Function", "order-service")
    holds("the service graph has the edge", edge is not None and edge["SummaryStatistics"]["OkCount"] == 1)


def slow(cloud, made, traces):
    cloud.invoke(made["UserService"], {"user_id": "bob"})
    wanted = f'responsetime > {SLOW_S} AND annotation[user_id] = "bob"'
    until(lambda: traces.found(wanted))
    (found,) = traces.found(wanted)
    parts = {name: lasts(traces.part(found["Id"], "user_service.get_user", name)) for name in ("dynamodb", "user_service.call_order_service", "user_service.call_payment_service")}
    slowest = max(parts, key=parts.get)
    holds("the order service is slow: the trace shows where", slowest == "user_service.call_order_service", f"{slowest} {1000 * parts[slowest]:.0f} ms")
    names = {each["Name"] for each in traces.xray.get_service_graph(**traces.span(), GroupName=made["Slow"].split("/")[-2])["Services"]}
    holds("the group of slow requests has a map of its own", "order-service" in names)


WAY = [
    ("client", "->", "AWS::ApiGateway::Stage"), ("AWS::ApiGateway::Stage", "->", "AWS::Lambda"), ("AWS::Lambda", "->", "AWS::Lambda::Function"),
    ("AWS::Lambda::Function", "->", "AWS::DynamoDB::Table"), ("AWS::Lambda::Function", "->", "AWS::SQS::Queue"), ("AWS::SQS::Queue", "~>", "AWS::Lambda"),
]


def mapped(cloud, made, traces):
    status, said = cloud.call_api(f"{made['Api']}/orders", "POST", {"id": "o1"})
    until(lambda: cloud.table(made["Orders"]).get_item(Key={"id": "o1"})["Item"]["state"] == "done")
    until(lambda: set(WAY) <= traces.edges())
    holds("an order goes from the API over a queue to whoever works on it", status == 202)
    holds("the map leads from the API to that work without a gap", set(WAY) <= traces.edges(), "API > function > queue ~ function")
    root = said["trace"].split(";")[0].removeprefix("Root=")
    stage = next(each for each in traces.segments(root) if each.get("origin") == "AWS::ApiGateway::Stage")
    inner = stage["subsegments"][0]
    holds("the stage's segment holds the call of its function", inner["name"] == "Lambda" and lasts(inner) <= lasts(stage), f"{1000 * lasts(inner):.0f} of {1000 * lasts(stage):.0f} ms")
