"""Dashboards, and the pictures of their widgets."""

from __future__ import annotations

import io
import json

import pytest
from botocore.exceptions import ClientError
from PIL import Image
from services.test_cloudwatch_metrics import put

from kumoniwa.gate.address import GLOBAL

REGIONS = ("us-east-1", "eu-west-1", "ap-northeast-1")
BODY = json.dumps({"widgets": [{"type": "metric", "properties": {"metrics": [["app", "m"]], "region": "us-east-1"}}]})


@pytest.fixture
def world(make_cloud):
    cloud = make_cloud(GLOBAL, *REGIONS)
    cloud.sleep(3600)
    return cloud


@pytest.fixture
def watch(cloud):
    cloud.sleep(3600)
    return cloud.client("cloudwatch")


# Dashboards ---------------------------------------------------------------------------------------------------


def test_dashboards_are_the_same_in_every_region(world):
    here, there = (world.client("cloudwatch", region) for region in REGIONS[:2])
    assert here.put_dashboard(DashboardName="d", DashboardBody=BODY)["DashboardValidationMessages"] == []
    shown = there.get_dashboard(DashboardName="d")
    assert (shown["DashboardArn"], shown["DashboardBody"]) == ("arn:aws:cloudwatch::000000000000:dashboard/d", BODY)
    world.restart(GLOBAL, kill=True)
    (entry,) = there.list_dashboards()["DashboardEntries"]
    assert (entry["DashboardName"], entry["Size"], entry["LastModified"].timestamp()) == ("d", len(BODY), world.now())
    there.delete_dashboards(DashboardNames=["d"])
    assert here.list_dashboards()["DashboardEntries"] == []


def test_dashboards_are_listed_by_prefix_replaced_and_tagged(watch):
    for name in ("web-1", "web-2", "db"):
        watch.put_dashboard(DashboardName=name, DashboardBody=BODY, Tags=[{"Key": "a", "Value": "b"}])
    watch.put_dashboard(DashboardName="db", DashboardBody='{"widgets": []}')
    assert [each["DashboardName"] for each in watch.list_dashboards(DashboardNamePrefix="web")["DashboardEntries"]] == ["web-1", "web-2"]
    shown = watch.get_dashboard(DashboardName="db")
    assert shown["DashboardBody"] == '{"widgets": []}'
    watch.tag_resource(ResourceARN=shown["DashboardArn"], Tags=[{"Key": "c", "Value": "d"}])
    watch.untag_resource(ResourceARN=shown["DashboardArn"], TagKeys=["a"])
    assert watch.list_tags_for_resource(ResourceARN=shown["DashboardArn"])["Tags"] == [{"Key": "c", "Value": "d"}]


def test_deleting_deletes_all_or_none(watch):
    watch.put_dashboard(DashboardName="d", DashboardBody=BODY)
    for call, params in ((watch.delete_dashboards, {"DashboardNames": ["d", "gone"]}), (watch.get_dashboard, {"DashboardName": "gone"})):
        with pytest.raises(ClientError) as refusal:
            call(**params)
        assert (refusal.value.response["Error"]["Code"], refusal.value.response["Error"]["Message"]) == ("ResourceNotFound", "Dashboard gone does not exist")
    assert len(watch.list_dashboards()["DashboardEntries"]) == 1
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        watch.delete_dashboards(DashboardNames=[])


def test_names_have_letters_digits_dashes_and_underscores(watch):
    with pytest.raises(ClientError, match="The value for field DashboardName contains invalid characters"):
        watch.put_dashboard(DashboardName="a b", DashboardBody=BODY)


def widget(**properties):
    return {"widgets": [{"type": "metric", "properties": properties}]}


METRIC = [["app", "m"]]
OF_METRICS = 'Field "metrics" has to be an array of array of strings, with an optional metricRenderer object as last element'
NO_SOURCE = "The metric widget should have specified a region and a data source or an alarm annotation"


@pytest.mark.parametrize(
    "body, messages",
    [
        # https://github.com/aws-samples/aws-eda-slurm-cluster/issues/116
        (widget(), [("/widgets/0/properties", "Should have required property 'metrics'"), ("/widgets/0/properties", NO_SOURCE), ("/widgets/0/properties", "Should have required property 'annotations'")]),
        # https://github.com/pulumi/pulumi/issues/13059
        (widget(metrics=["app"], region="us-east-1"), [("/widgets/0/properties/metrics/0", "Should be array"), ("/widgets/0/properties/metrics/0", OF_METRICS)]),
        (widget(metrics=[["app", "m", "d"]], region="us-east-1"), [("/widgets/0/properties/metrics/0", OF_METRICS)]),
        (widget(metrics=METRIC), [("/widgets/0/properties", NO_SOURCE)]),
        (widget(metrics=[["app", "m", {"color": "red"}]], region="r"), [("/widgets/0/properties/metrics/0/2/color", 'Should match pattern "^#([A-Fa-f0-9]{6}|[A-Fa-f0-9]{3})$"')]),
        # https://github.com/aws-solutions-library-samples/guidance-for-automating-network-monitoring-and-alerting-on-aws/issues/7
        ({"widgets": [{"type": "alarm", "properties": {"alarms": []}}]}, [("/widgets/0/properties/alarms", "Should NOT have less than 1 items")]),
        ({"widgets": [{"type": "text", "x": 30, "width": 0, "properties": {}}]}, [("/widgets/0/x", "Should be <= 23"), ("/widgets/0/width", "Should be >= 1"), ("/widgets/0/properties", "Should have required property 'markdown'")]),
        ({}, [("", "Should have required property 'widgets'")]),
        ({"widgets": [], "end": "2030-01-01"}, [("", "Should have required property 'start'")]),
        ({"widgets": ["x"]}, [("/widgets/0", "Should be object")]),
    ],
)  # fmt: skip
def test_bodies_that_cannot_be_shown_are_refused_in_awss_words(watch, body, messages):
    with pytest.raises(ClientError) as refusal:
        watch.put_dashboard(DashboardName="d", DashboardBody=json.dumps(body))
    error = refusal.value.response
    assert error["Error"]["Code"] == "InvalidParameterInput"
    assert error["Error"]["Message"].startswith(f"The dashboard body is invalid, there are {len(messages)} validation errors:\n[\n  {{\n    \"dataPath\"")
    assert [(each["DataPath"], each["Message"]) for each in error["dashboardValidationMessages"]] == messages
    assert watch.list_dashboards()["DashboardEntries"] == []


def test_what_is_no_json_is_refused(watch):
    with pytest.raises(ClientError, match="The field DashboardBody must be a valid JSON object"):
        watch.put_dashboard(DashboardName="d", DashboardBody="{")


def test_other_kinds_of_widgets_are_kept(watch):
    kinds = [("text", {"markdown": "x"}), ("log", {"query": "SOURCE 'g'", "region": "us-east-1"}), ("alarm", {"alarms": ["a"]}), ("metric", {"annotations": {"alarms": ["a"]}})]
    watch.put_dashboard(DashboardName="d", DashboardBody=json.dumps({"widgets": [{"type": kind, "properties": properties} for kind, properties in kinds]}))
    assert len(watch.list_dashboards()["DashboardEntries"]) == 1


# Pictures -----------------------------------------------------------------------------------------------------


def picture(client, **said):
    return Image.open(io.BytesIO(client.get_metric_widget_image(MetricWidget=json.dumps(said))["MetricWidgetImage"])).convert("RGB")


def colors(image):
    """How many pixels have each color."""
    return {"#{:02x}{:02x}{:02x}".format(*color): count for count, color in image.getcolors(1 << 20)}


def ups_and_downs(client, now, *values, name="m"):
    for minute, value in enumerate(values):
        put(client, name, value, at=int(now) - 60 * (len(values) - minute))


def test_a_picture_shows_the_line_of_a_metric(cloud, watch):
    ups_and_downs(watch, cloud.now(), 1, 5, 2, 8)
    image = picture(watch, metrics=[["app", "m", {"color": "#ff0000"}]], period=60, start="-PT10M", width=400, height=200, title="t")
    assert image.size == (400, 200) and image.format is None
    drawn = [(x, y) for x in range(60, 384) for y in range(40, 150) if image.getpixel((x, y)) == (255, 0, 0)]
    assert len(drawn) > 100
    # The highest value stands near the right, the lowest further left and at the foot.
    highest, lowest = min(drawn, key=lambda place: place[1]), max(drawn, key=lambda place: place[1])
    assert highest[0] > lowest[0] and highest[1] < 60 < 130 < lowest[1]
    assert drawn and colors(picture(watch, metrics=[["app", "none"]], period=60)).get("#1f77b4", 0) < 200


def test_one_picture_shows_three_regions(world):
    for region, values in zip(REGIONS, ((1, 1), (5, 5), (9, 9))):
        ups_and_downs(world.client("cloudwatch", region), world.now(), *values)
    metrics = [["app", "m", {"region": region, "label": region}] for region in REGIONS]
    image = picture(world.client("cloudwatch"), metrics=metrics, period=60, start="-PT1H", stat="Sum")
    heights = {}
    for color in ("#1f77b4", "#ff7f0e", "#2ca02c"):
        wanted = tuple(bytes.fromhex(color[1:]))
        heights[color] = min(y for x in range(60, 584) for y in range(30, 378) if image.getpixel((x, y)) == wanted)
    assert heights["#1f77b4"] > heights["#ff7f0e"] > heights["#2ca02c"]


def test_a_region_that_is_dead_has_no_picture(world):
    world.kill("eu-west-1")
    with pytest.raises(ClientError) as refusal:
        picture(world.client("cloudwatch"), metrics=[["app", "m", {"region": "eu-west-1"}]])
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503


@pytest.mark.parametrize("view", ["timeSeries", "bar", "pie", "singleValue"])
def test_views(cloud, watch, view):
    for name in ("m", "n"):
        ups_and_downs(watch, cloud.now(), 4, 4, name=name)
    found = colors(picture(watch, metrics=[["app", "m"], [".", "n"]], view=view, stacked=True, period=60, start="-PT5M"))
    assert found.get("#1f77b4", 0) > 50 and found.get("#ff7f0e", 0) > 50


def test_expressions_axes_and_marks(cloud, watch):
    ups_and_downs(watch, cloud.now(), 1, 2, 3)
    said = {
        "metrics": [["app", "m", {"id": "m1", "visible": False}], [{"expression": "m1 * 10", "id": "e1", "label": "ten times", "color": "#00aa00", "yAxis": "right"}]],
        "annotations": {"horizontal": [{"value": 20, "label": "limit", "color": "#aa0000"}]}, "yAxis": {"left": {"min": 0, "max": 40}}, "period": 60, "start": "-PT10M",
    }  # fmt: skip
    found = colors(picture(watch, **said))
    assert found["#00aa00"] > 50 and found["#aa0000"] > 500 and found.get("#1f77b4", 0) == 0


@pytest.mark.parametrize(
    "said, text",
    [
        ("x", "must be a valid JSON object"), ({"metrics": ["a"]}, "array of array of strings"), ({"metrics": [["app"]]}, "a namespace, a name"), ({"width": 0}, "width must be from 1"),
        ({"start": "soon"}, "'soon' is no time"), ({"metrics": [["app", "m", {"stat": "Mean"}]]}, "Mean is no statistic"), ({"metrics": [["app", "m", {"color": "red"}]]}, "'red' is no color"),
        ({"metrics": [[{"expression": "zz + 1"}]]}, "Undefined variable 'zz'"), ({"view": "table"}, "the view table"),
    ],
)  # fmt: skip
def test_widgets_that_cannot_be_drawn_are_refused(watch, said, text):
    with pytest.raises(ClientError, match=text):
        watch.get_metric_widget_image(MetricWidget=said if isinstance(said, str) else json.dumps(said))


def test_other_forms_than_png_are_refused_by_name(watch):
    with pytest.raises(ClientError, match="OutputFormat=image/png"):
        watch.get_metric_widget_image(MetricWidget="{}", OutputFormat="image/png")


def test_words_stand_for_what_stood_before():
    from kumoniwa.languages.dashboard_body import lines

    written = lines([["A", "m", "d", "1", {"x": 1}], [".", "n", ".", "2"], ["...", "3"], [".", "o", "..."]])
    assert [line.names for line in written] == [("A", "m", "d", "1"), ("A", "n", "d", "2"), ("A", "n", "d", "3"), ("A", "o", "d", "3")]
