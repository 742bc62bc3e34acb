"""Health checks: their settings and refusals, the checkers' arithmetic in virtual time, and what they report."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from refusals import refused
from route53_workshop import DOWN, UP, Names, a

from kumoniwa.gate.address import EDGE, GLOBAL
from kumoniwa.services.route53.checking import Observation, is_endpoint_healthy, is_enough

SNIPPET = {
    "Type": "HTTPS", "ResourcePath": "/health", "FullyQualifiedDomainName": "api-us-east-1.example.com", "Port": 443, "RequestInterval": 30,
    "FailureThreshold": 3, "Regions": ["us-east-1", "us-west-2", "eu-west-1"],
}  # fmt: skip


@pytest.fixture
def names(make_cloud) -> Names:
    return Names(make_cloud("us-east-1", GLOBAL, EDGE))


def states(names, check) -> list[str]:
    return [event["state"] for event in names.cloud.events if event["kind"] == "health" and event["check"] == check]


# Settings ------------------------------------------------------------------------------------------------------


def test_the_handbook_s_check_is_refused_as_written_and_works_repaired(names):
    # https://github.com/aws/aws-cli/issues/3188
    assert refused(names.check, **SNIPPET, AlarmIdentifier={"Region": "us-east-1", "Name": "api-health-alarm"}) == (
        "InvalidInput", "Invalid parameter : Basic health checks must not have an metric region specified.",
    )  # fmt: skip
    check = names.check(**SNIPPET)
    held = names.client.get_health_check(HealthCheckId=check)["HealthCheck"]
    assert held["HealthCheckVersion"] == 1
    assert held["HealthCheckConfig"] == {**SNIPPET, "Inverted": False, "Disabled": False, "MeasureLatency": False, "EnableSNI": True}
    assert names.client.list_health_checks()["HealthChecks"] == [held]


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"Type": "RECOVERY_CONTROL", "RoutingControlArn": "arn:aws:route53-recovery-control::1:x"}, "Kumoniwa does not implement route53:CreateHealthCheck(HealthCheckConfig.Type=RECOVERY_CONTROL)."),
        ({"IPAddress": "127.0.0.1", "InsufficientDataHealthStatus": "Healthy"}, "Invalid parameter : Basic health checks must not have an insufficient data health state specified."),
        ({"IPAddress": "127.0.0.1", "MeasureLatency": True}, "Kumoniwa does not implement route53:CreateHealthCheck(HealthCheckConfig.MeasureLatency=true)."),
        ({"IPAddress": "10.0.0.1"}, "Invalid parameter : The IP address 10.0.0.1 is in a local, private, non-routable, or multicast range."),
        ({"RequestInterval": 20, "IPAddress": "127.0.0.1"}, "Invalid parameter : Request interval must be 10 or 30, but was 20."),
        ({"Type": "HTTP_STR_MATCH", "IPAddress": "127.0.0.1"}, "Invalid parameter : Health checks of type HTTP_STR_MATCH must have a search string specified."),
        ({"Type": "TCP", "IPAddress": "127.0.0.1"}, "Invalid parameter : TCP health checks must have a port specified."),
        ({}, "Invalid parameter : Either an IP address or a fully qualified domain name must be specified."),
    ],
)  # fmt: skip
def test_a_check_that_would_not_work_is_refused(names, config, text):
    assert refused(names.check, **config)[1] == text


def test_fewer_than_three_regions_are_refused(names):
    # The model's own constraint; validity: three is the least.
    names.client = names.cloud.client("route53", parameter_validation=False)
    code, text = refused(names.check, IPAddress="127.0.0.1", Regions=["us-east-1", "eu-west-1"])
    assert code == "InvalidInput" and "length greater than or equal to 3" in text


def test_a_repeated_request_answers_the_same_check(names):
    config = {"Type": "TCP", "IPAddress": "127.0.0.1", "Port": 80}
    first, second = (names.client.create_health_check(CallerReference="same", HealthCheckConfig=config) for _ in range(2))
    assert first["HealthCheck"] == second["HealthCheck"] and first["ResponseMetadata"]["HTTPStatusCode"] == 201
    with pytest.raises(names.client.exceptions.HealthCheckAlreadyExists):
        names.client.create_health_check(CallerReference="same", HealthCheckConfig={**config, "Port": 81})


def test_an_update_replaces_what_it_says_and_counts_versions(names):
    check = names.check(**SNIPPET)
    made = names.client.update_health_check(HealthCheckId=check, HealthCheckVersion=1, Port=8443, ResetElements=["ResourcePath"])["HealthCheck"]
    assert made["HealthCheckVersion"] == 2 and made["HealthCheckConfig"]["Port"] == 8443 and "ResourcePath" not in made["HealthCheckConfig"]
    with pytest.raises(names.client.exceptions.HealthCheckVersionMismatch):
        names.client.update_health_check(HealthCheckId=check, HealthCheckVersion=1, Port=80)


def test_a_check_that_is_gone_is_not_found(names):
    check = names.check(**SNIPPET)
    assert names.client.get_health_check_count()["HealthCheckCount"] == 1
    names.client.delete_health_check(HealthCheckId=check)
    with pytest.raises(names.client.exceptions.NoSuchHealthCheck) as caught:
        names.client.get_health_check(HealthCheckId=check)
    assert caught.value.response["Error"]["Message"] == f"A health check with id {check} does not exist."


def test_a_record_needs_a_check_that_exists(names):
    zone = names.zone()
    with pytest.raises(names.client.exceptions.NoSuchHealthCheck):
        names.create(zone, a("www.shop.example", "192.0.2.1", SetIdentifier="x", Weight=1, HealthCheckId="0" * 36))


# Arithmetic ----------------------------------------------------------------------------------------------------


def test_more_than_18_percent_of_checkers_make_an_endpoint_healthy():
    assert not is_endpoint_healthy([True] * 18 + [False] * 82) and is_endpoint_healthy([True] * 19 + [False] * 81)
    assert not is_endpoint_healthy([True] + [False] * 7) and is_endpoint_healthy([True] * 2 + [False] * 6)


def test_a_calculated_check_counts_its_children():
    # https://docs.aws.amazon.com/Route53/latest/APIReference/API_HealthCheckConfig.html, HealthThreshold
    assert is_enough(0, 0, 3) and is_enough(2, 2, 3) and not is_enough(1, 2, 3) and not is_enough(3, 4, 3)


@pytest.mark.parametrize("interval", [10, 30])
def test_an_endpoint_is_down_after_the_threshold_and_not_before(names, interval):
    check = names.check(IPAddress="127.0.0.1", Port=80, RequestInterval=interval)
    names.cloud.sleep(2 * interval)
    names.endpoints.down["127.0.0.1"] = DOWN
    names.cloud.sleep(2 * interval - 1)
    assert states(names, check) == []
    names.cloud.sleep(interval + 1)
    assert states(names, check) == ["unhealthy"]
    names.endpoints.down.clear()
    names.cloud.sleep(3 * interval)
    assert states(names, check) == ["unhealthy", "healthy"]


def test_one_good_answer_starts_the_count_anew(names):
    check = names.check(IPAddress="127.0.0.1", Port=80)
    for _ in range(5):
        names.endpoints.down["127.0.0.1"] = DOWN
        names.cloud.sleep(20)
        names.endpoints.down.clear()
        names.cloud.sleep(10)
    assert states(names, check) == []


def test_every_region_probes_once_an_interval(names):
    names.check(IPAddress="127.0.0.1", Port=80, RequestInterval=30, Regions=["us-east-1", "us-west-2", "eu-west-1"])
    names.check(IPAddress="127.0.0.2", Port=80, RequestInterval=10)
    names.endpoints.seen.clear()
    names.cloud.sleep(300)
    assert names.endpoints.seen.count("127.0.0.1") == 30 and names.endpoints.seen.count("127.0.0.2") == 240


def test_a_clock_that_is_wrong_changes_no_interval(names):
    check = names.check(IPAddress="127.0.0.1", Port=80)
    names.cloud.sleep(20)
    for offset in ("3600s", "-3600s"):
        names.endpoints.seen.clear()
        fault = names.cloud.fault("clock.skew", {"region": EDGE}, offset=offset)
        names.cloud.sleep(100)
        names.cloud.heal(fault)
        assert 79 <= len(names.endpoints.seen) <= 81
    assert states(names, check) == []


def test_an_inverted_check_says_the_opposite_and_a_disabled_one_nothing(names):
    inverted = names.check(IPAddress="127.0.0.1", Port=80, Inverted=True)
    disabled = names.check(IPAddress="127.0.0.1", Port=80, Disabled=True)
    assert not names.edge.verdicts.is_healthy(inverted) and names.edge.verdicts.is_healthy(disabled)
    names.endpoints.down["127.0.0.1"] = DOWN
    names.cloud.sleep(40)
    assert names.edge.verdicts.is_healthy(inverted) and names.edge.verdicts.is_healthy(disabled)
    seen = len(names.endpoints.seen)
    names.client.update_health_check(HealthCheckId=inverted, Disabled=True)
    names.cloud.sleep(60)
    assert len(names.endpoints.seen) == seen
    names.client.update_health_check(HealthCheckId=disabled, Disabled=False)
    names.cloud.sleep(40)
    assert not names.edge.verdicts.is_healthy(disabled)


def test_a_calculated_check_follows_its_children(names):
    children = [names.check(IPAddress=f"127.0.0.{n}", Port=80) for n in (1, 2, 3)]
    made = names.client.create_health_check(
        CallerReference="sum", HealthCheckConfig={"Type": "CALCULATED", "ChildHealthChecks": children, "HealthThreshold": 2}
    )["HealthCheck"]["Id"]
    names.cloud.sleep(1)
    assert names.edge.verdicts.is_healthy(made)
    names.endpoints.down["127.0.0.1"] = DOWN
    names.cloud.sleep(40)
    assert names.edge.verdicts.is_healthy(made)
    names.endpoints.down["127.0.0.2"] = DOWN
    names.cloud.sleep(40)
    assert not names.edge.verdicts.is_healthy(made) and states(names, made) == ["unhealthy"]
    names.restart_edge(kill=True)
    names.cloud.sleep(5)
    assert states(names, made) == ["unhealthy"]
    with pytest.raises(names.client.exceptions.HealthCheckInUse):
        names.client.delete_health_check(HealthCheckId=children[0])
    with pytest.raises(names.client.exceptions.InvalidInput):
        names.client.get_health_check_status(HealthCheckId=made)


# Reports -------------------------------------------------------------------------------------------------------


def test_each_checker_tells_what_it_saw(names):
    check = names.check(**{**SNIPPET, "RequestInterval": 10})
    names.cloud.sleep(11)
    found = names.client.get_health_check_status(HealthCheckId=check)["HealthCheckObservations"]
    assert [each["Region"] for each in found] == SNIPPET["Regions"]
    assert {each["StatusReport"]["Status"] for each in found} == {"Success: HTTP Status Code 200, OK"}
    assert names.client.get_health_check_last_failure_reason(HealthCheckId=check)["HealthCheckObservations"] == []
    names.endpoints.down["api-us-east-1.example.com"] = Observation(False, "Failure: HTTP Status Code 503, Service Unavailable")
    names.cloud.sleep(11)
    names.endpoints.down.clear()
    names.cloud.sleep(11)
    failed = names.client.get_health_check_last_failure_reason(HealthCheckId=check)["HealthCheckObservations"]
    assert {each["StatusReport"]["Status"] for each in failed} == {"Failure: HTTP Status Code 503, Service Unavailable"}
    assert names.client.get_checker_ip_ranges()["CheckerIpRanges"]


def test_status_cannot_be_asked_for_while_the_data_plane_is_dead(names):
    check = names.check(**SNIPPET)
    names.cloud.kill(EDGE)
    with pytest.raises(ClientError) as caught:
        names.client.get_health_check_status(HealthCheckId=check)
    assert caught.value.response["Error"]["Code"] == "ServiceUnavailable"


# Failure -------------------------------------------------------------------------------------------------------


def test_a_restart_does_not_forget_what_was_down(names):
    check = names.check(IPAddress="127.0.0.1", Port=80)
    names.endpoints.down["127.0.0.1"] = DOWN
    names.cloud.sleep(40)
    names.restart_edge(kill=True)
    assert not names.edge.verdicts.is_healthy(check)
    names.cloud.sleep(40)
    assert states(names, check) == ["unhealthy"]
    names.endpoints.down["127.0.0.1"] = UP
    names.cloud.sleep(40)
    assert names.edge.verdicts.is_healthy(check)


def test_checkers_can_be_made_to_alternate(names):
    check, other = names.check(IPAddress="127.0.0.1", Port=80), names.check(IPAddress="127.0.0.1", Port=80)
    fault = names.cloud.fault("dns.health-flap", {"health_check": check}, period="20s")
    names.cloud.sleep(100)
    found = states(names, check)
    assert len(found) == 5 and all(one != other for one, other in zip(found, found[1:])) and not states(names, other)
    names.cloud.heal(fault)
    names.cloud.sleep(1)
    assert names.edge.verdicts.is_healthy(check)
    assert len(states(names, check)) <= 6


# Alarms and metrics -------------------------------------------------------------------------------------------------


def alarm(names, region="us-east-1"):
    watch = names.cloud.client("cloudwatch", region)
    terms = {"Namespace": "app", "MetricName": "errors", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0, "TreatMissingData": "ignore"}
    watch.put_metric_alarm(AlarmName="a", ComparisonOperator="GreaterThanThreshold", **terms)
    return watch


def on_alarm(names, **more):
    config = {"Type": "CLOUDWATCH_METRIC", "AlarmIdentifier": {"Region": "us-east-1", "Name": "a"}, **more}
    made = names.client.create_health_check(CallerReference="a", HealthCheckConfig={name: value for name, value in config.items() if value is not None})
    return made["HealthCheck"]["Id"]


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({}, "The CloudWatch alarm a does not exist in the region us-east-1."), ({"AlarmIdentifier": None}, "CloudWatch metric health checks must have an alarm identifier specified."),
        ({"Port": 80}, "CloudWatch metric health checks must not have a port specified."),
    ],
)  # fmt: skip
def test_a_check_of_an_alarm_that_would_not_work_is_refused(names, more, text):
    with pytest.raises(ClientError, match=f"Invalid parameter : {text}"):
        on_alarm(names, **more)
    assert names.client.list_health_checks()["HealthChecks"] == []


def test_a_check_follows_an_alarm(names):
    watch = alarm(names)
    check = on_alarm(names)
    assert names.client.get_health_check(HealthCheckId=check)["HealthCheck"]["HealthCheckConfig"]["InsufficientDataHealthStatus"] == "LastKnownStatus"
    for state in ("ALARM", "INSUFFICIENT_DATA", "OK"):
        watch.set_alarm_state(AlarmName="a", StateValue=state, StateReason="x")
        names.cloud.sleep(11)
    assert states(names, check) == ["unhealthy", "healthy"]


@pytest.mark.parametrize("status, seen", [("Unhealthy", ["unhealthy"]), ("Healthy", [])])
def test_without_data_a_check_is_what_its_owner_said(names, status, seen):
    alarm(names)
    check = on_alarm(names, InsufficientDataHealthStatus=status)
    names.cloud.sleep(11)
    assert states(names, check) == seen


def test_the_alarm_of_a_dead_region_is_without_data(names):
    watch = alarm(names)
    watch.set_alarm_state(AlarmName="a", StateValue="OK", StateReason="x")
    check = on_alarm(names, InsufficientDataHealthStatus="Unhealthy")
    names.cloud.sleep(11)
    names.cloud.kill("us-east-1")
    names.cloud.sleep(30)
    assert states(names, check)[-1] == "unhealthy"


def test_what_checks_find_are_metrics_in_us_east_1(names):
    check = names.check(IPAddress="127.0.0.1", Port=80, RequestInterval=10)
    names.cloud.sleep(180)
    names.endpoints.down["127.0.0.1"] = DOWN
    names.cloud.sleep(300)
    found = names.cloud.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Route53", MetricName="HealthCheckStatus", Dimensions=[{"Name": "HealthCheckId", "Value": check}],
        StartTime=names.cloud.now() - 480, EndTime=names.cloud.now(), Period=60, Statistics=["Minimum"],
    )["Datapoints"]  # fmt: skip
    values = [each["Minimum"] for each in found]
    assert values[:2] == [1.0, 1.0] and values[-2:] == [0.0, 0.0]
