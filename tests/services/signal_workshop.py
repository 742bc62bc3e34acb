"""An application whose spans come in as OpenTelemetry sends them, for tests of Application Signals."""

from __future__ import annotations

import itertools
import json
from typing import Any

from test_xray_otlp import POLICY, post

IDS = itertools.count(1)


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(each) for each in value]}}
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}


def _attributes(held: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in held.items()]


class Shop:
    """A service called ``shop`` somewhere, which says of each request what it did."""

    def __init__(self, cloud, name: str = "shop", **resource: Any) -> None:
        self.cloud, self.name, self.resource = cloud, name, resource
        self.signals, self.watch = cloud.client("application-signals"), cloud.client("cloudwatch")
        self.key = {"Type": "Service", "Name": name, "Environment": "generic:default"}

    def open(self) -> Shop:
        """Transaction Search with all traces indexed, and discovery."""
        self.cloud.client("logs").put_resource_policy(policyName="spans", policyDocument=json.dumps(POLICY))
        xray = self.cloud.client("xray")
        xray.update_trace_segment_destination(Destination="CloudWatchLogs")
        xray.update_indexing_rule(Name="Default", Rule={"Probabilistic": {"DesiredSamplingPercentage": 100}})
        self.signals.start_discovery()
        return self

    def span(self, kind: int, name: str, took_s: float, *, trace: str, parent: str = "", error: bool = False, at: float | None = None, **said: Any) -> dict:
        """One that ends now, or began at a moment; kinds are OpenTelemetry's numbers (2 a request, 3 a call)."""
        began = self.cloud.now() - took_s if at is None else at
        return {
            "traceId": trace, "spanId": f"{next(IDS):016x}", "parentSpanId": parent, "name": name, "kind": kind,
            "startTimeUnixNano": str(int(began * 1e9)), "endTimeUnixNano": str(int((began + took_s) * 1e9)),
            "attributes": _attributes({key.replace("__", "."): value for key, value in said.items()}), "status": {"code": 2} if error else {},
        }  # fmt: skip

    def trace(self) -> str:
        return f"{int(self.cloud.now()):08x}{next(IDS):024x}"

    def send(self, *spans: dict) -> None:
        resource = {"attributes": _attributes({"service.name": self.name, **self.resource})}
        body = json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "tests"}, "spans": list(spans)}]}]})
        status, _, content = post(self.cloud, body.encode(), {"content-type": "application/json"})
        assert status == 200, content

    def serve(self, took_s: float = 0.1, status: int = 200, name: str = "GET /orders", **more: Any) -> None:
        self.send(self.span(2, name, took_s, trace=self.trace(), http__request__method=name.partition(" ")[0], http__response__status_code=status, **more))

    def metric(self, name: str, stat: str, minutes: int = 5, namespace: str = "ApplicationSignals", **dimensions: str) -> list[float]:
        """By the minute, the oldest first."""
        named = [{"Name": key, "Value": value} for key, value in dimensions.items()]
        metric = {"Namespace": namespace, "MetricName": name, "Dimensions": named}
        now = int(self.cloud.now()) // 60 * 60 + 60
        found = self.watch.get_metric_data(
            MetricDataQueries=[{"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat}}],
            StartTime=now - minutes * 60, EndTime=now, ScanBy="TimestampAscending",
        )["MetricDataResults"][0]  # fmt: skip
        return found["Values"]
