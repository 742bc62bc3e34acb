"""What the pattern claims: one dashboard shows what happens in three regions, and AWS's validation refuses what could not be shown."""

import io
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from botocore.exceptions import ClientError
from PIL import Image
from stage import holds, seconds, until

REGIONS = ("us-east-1", "eu-west-1", "ap-northeast-1")
COLORS = ("#1f77b4", "#ff7f0e", "#2ca02c")
REQUESTS = dict(zip(REGIONS, (900, 500, 200)))
BROKEN = {
    "a metric widget without metrics": {"type": "metric", "properties": {"region": "us-east-1"}},
    "metrics that are no lists": {"type": "metric", "properties": {"region": "us-east-1", "metrics": ["AWS/SQS"]}},
    "a statistic that is none": {"type": "metric", "properties": {"region": "us-east-1", "metrics": [["AWS/SQS", "NumberOfMessagesSent"]], "stat": "Avg"}},
}


def show(cloud):
    watches = {region: cloud.session.client("cloudwatch", region_name=region, endpoint_url=cloud.endpoint) for region in REGIONS}
    home, body = watches[REGIONS[0]], Path(__file__).with_name("body.json").read_text()
    home.put_dashboard(DashboardName="global", DashboardBody=body)
    same = [watch.get_dashboard(DashboardName="global")["DashboardBody"] == body for watch in watches.values()]
    holds("the handbook's dashboard is taken as written, and is the same in every region", all(same), f"{sum(same)} of {len(same)}")
    for what, widget in BROKEN.items():
        try:
            home.put_dashboard(DashboardName="broken", DashboardBody=json.dumps({"widgets": [widget]}))
            told = ""
        except ClientError as error:
            told = error.response["Error"]["Message"] if error.response["Error"]["Code"] == "InvalidParameterInput" else ""
        holds(f"{what} is refused", told.startswith("The dashboard body is invalid"), told[:52])

    mended = json.loads(body)
    mend(cloud, mended, watches)
    home.put_dashboard(DashboardName="mended", DashboardBody=json.dumps(mended))
    requests, health = (widget["properties"] for widget in mended["widgets"])
    seen = {region: sum(values(watch, requests["metrics"][number])) for number, (region, watch) in enumerate(watches.items())}
    holds("each region has its own requests, mended with metrics that are there", seen == REQUESTS, " ".join(f"{count:g}" for count in seen.values()))
    began = time.monotonic()
    picture = drawn(home, requests)
    took = time.monotonic() - began
    heights = [top(picture, color) for color in COLORS]
    holds("one picture shows all three, the busiest on top", None not in heights and heights == sorted(heights), f"{picture.size[0]} by {picture.size[1]} in {seconds(took)}")

    def states():
        return [values(home, metric)[-1:] for metric in health["metrics"]]

    took = until(lambda: states() == [[1.0], [1.0], [0.0]], 150)  # until a check has failed as often as it must, it is healthy
    holds("so are the states of three health checks, one of which fails", states() == [[1.0], [1.0], [0.0]], f"{states()}, {seconds(took)}")


def mend(cloud, body, watches):
    """There is no load balancer here, and a customer cannot put into AWS's namespaces; and health checks have ids of their own."""
    for number, (region, watch) in enumerate(watches.items()):
        metric = ["MyApp/Edge", "RequestCount", "Balancer", f"app-alb-{region}", {"region": region}]
        body["widgets"][0]["properties"]["metrics"][number] = metric
        dimension = [{"Name": metric[2], "Value": metric[3]}]
        data = [{"MetricName": metric[1], "Dimensions": dimension, "Values": [1.0], "Counts": [float(REQUESTS[region]) / 2], "Timestamp": at} for at in moments()]
        watch.put_metric_data(Namespace=metric[0], MetricData=data)
    address = urlsplit(cloud.endpoint)
    paths = ("/_kumoniwa/health", "/_kumoniwa/health", "/_kumoniwa/nothing")
    for number, path in enumerate(paths):
        config = {"Type": "HTTP", "IPAddress": "127.0.0.1", "Port": address.port, "ResourcePath": path, "RequestInterval": 10, "FailureThreshold": 1}
        made = cloud.client("route53").create_health_check(CallerReference=f"{time.time()}-{number}", HealthCheckConfig=config)
        body["widgets"][1]["properties"]["metrics"][number][3] = made["HealthCheck"]["Id"]


def moments():
    now = datetime.now(UTC)
    return [now - timedelta(minutes=minutes) for minutes in (12, 4)]


def values(watch, metric):
    """What a widget's metric shows of the last hour, the latest last."""
    now = datetime.now(UTC)
    named = {"Namespace": metric[0], "MetricName": metric[1], "Dimensions": [{"Name": metric[2], "Value": metric[3]}]}
    stat = {"Metric": named, "Period": 60, "Stat": "Sum" if "Request" in metric[1] else "Minimum"}
    asked = {"MetricDataQueries": [{"Id": "m", "MetricStat": stat}], "StartTime": now - timedelta(hours=1), "EndTime": now, "ScanBy": "TimestampAscending"}
    return watch.get_metric_data(**asked)["MetricDataResults"][0]["Values"]


def drawn(watch, properties):
    widget = {**properties, "start": "-PT1H"}
    return Image.open(io.BytesIO(watch.get_metric_widget_image(MetricWidget=json.dumps(widget))["MetricWidgetImage"])).convert("RGB")


def top(picture, color):
    """How far from the top a line's highest point stands; the legend below does not count."""
    wanted, (width, height) = tuple(bytes.fromhex(color[1:])), picture.size
    found = [y for x in range(60, width - 16) for y in range(30, height - 30) if picture.getpixel((x, y)) == wanted]
    return min(found, default=None)
