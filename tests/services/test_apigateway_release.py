"""Stages that show two deployments at once, and stages that remember answers."""

from __future__ import annotations

import json

import pytest
from api_workshop import Function, deploy, mock, proxy, resource, rest_api
from refusals import refused

VTL = '{"isCanary": "$context.isCanaryRequest", "variable": "$stageVariables.testVar", "more": "$stageVariables.more", "from": "%s"}'


@pytest.fixture
def gateway(cloud):
    return cloud.client("apigateway")


def two(gateway, **more) -> tuple[str, str, str]:
    """An API whose first deployment stands at ``prod``, and a second one."""
    api, root = rest_api(gateway)
    here = {"restApiId": api, "resourceId": root, "httpMethod": "GET", "statusCode": "200"}
    mock(gateway, api, root, body=VTL % "one")
    first = deploy(gateway, api, variables={"testVar": "default"}, **more)
    gateway.put_integration_response(**here, responseTemplates={"application/json": VTL % "two"})
    return api, first, gateway.create_deployment(restApiId=api)["id"]


def answer(cloud, api: str) -> dict:
    return json.loads(cloud.http("GET", f"/restapis/{api}/prod/_user_request_/")[2])


def patch(gateway, api: str, *operations: tuple, stage: str = "prod") -> dict:
    names = ("op", "path", "value", "from")
    patches = [{name: part for name, part in zip(names, one, strict=False) if part is not None} for one in operations]
    return gateway.update_stage(restApiId=api, stageName=stage, patchOperations=patches)


def test_a_canary_meets_its_share_of_the_callers(cloud, gateway):
    api, _, second = two(gateway)
    assert answer(cloud, api) == {"isCanary": "", "variable": "default", "more": "", "from": "one"}
    patch(
        gateway,
        api,
        ("replace", "/canarySettings/percentTraffic", "20"),
        ("replace", "/canarySettings/deploymentId", second),
        ("replace", "/canarySettings/stageVariableOverrides/testVar", "canary"),
        ("replace", "/canarySettings/stageVariableOverrides/more", "m"),
    )
    answers = [answer(cloud, api) for _ in range(400)]
    canaries = [one for one in answers if one["from"] == "two"]
    assert 48 <= len(canaries) <= 112  # 80 are expected, with a deviation of 8
    assert all(one == {"isCanary": "true", "variable": "canary", "more": "m", "from": "two"} for one in canaries)
    assert {one["isCanary"] for one in answers if one["from"] == "one"} == {"false"}


def test_a_canary_is_made_promoted_and_taken_away_as_recorded(cloud, gateway):
    # Recorded from AWS: test_create_canary_deployment_by_stage_update, test_update_stage_with_copy_ops.
    api, first, second = two(gateway)
    made = patch(gateway, api, ("replace", "/canarySettings/deploymentId", second))["canarySettings"]
    assert made == {"deploymentId": second, "percentTraffic": 0.0, "useStageCache": False}
    patch(gateway, api, ("replace", "/canarySettings/stageVariableOverrides/testVar", "override"))
    promoted = patch(
        gateway,
        api,
        ("replace", "/canarySettings/percentTraffic", "0.0"),
        ("copy", "/deploymentId", None, "/canarySettings/deploymentId"),
        ("copy", "/variables", None, "/canarySettings/stageVariableOverrides"),
    )
    assert (promoted["deploymentId"], promoted["variables"]) == (second, {"testVar": "override"})
    assert promoted["canarySettings"]["stageVariableOverrides"] == {"testVar": "override"}
    assert answer(cloud, api)["from"] == "two"
    assert "canarySettings" not in patch(gateway, api, ("remove", "/canarySettings"))
    gateway.delete_deployment(restApiId=api, deploymentId=first)


def test_a_deployment_may_begin_as_a_canary(cloud, gateway):
    api, first, _ = two(gateway)
    settings = {"percentTraffic": 100, "stageVariableOverrides": {"testVar": "canary"}}
    made = gateway.create_deployment(restApiId=api, stageName="prod", canarySettings=settings)["id"]
    stage = gateway.get_stage(restApiId=api, stageName="prod")
    assert stage["deploymentId"] == first
    assert stage["canarySettings"] == {**settings, "deploymentId": made, "useStageCache": False}
    assert answer(cloud, api)["from"] == "two"
    active = "Active stages pointing to this deployment must be moved or deleted"
    assert refused(gateway.delete_deployment, restApiId=api, deploymentId=made)[1] == active
    cloud.restart(kill=True)
    assert answer(cloud, api)["variable"] == "canary"


def test_what_canaries_refuse_as_recorded(gateway):
    # test_create_canary_deployment_validation, test_update_stage_canary_deployment_validation, test_update_stage_with_copy_ops
    api, first, _ = two(gateway)
    create, settings = gateway.create_deployment, {"percentTraffic": 50}
    missing = "Invalid deployment content specified.Non null and non empty stageName must be provided for canary deployment. "
    assert refused(create, restApiId=api, canarySettings=settings)[1] == missing + "Provided value is null"
    assert refused(create, restApiId=api, stageName="", canarySettings=settings)[1] == missing + "Provided value is "
    assert refused(create, restApiId=api, stageName="none", canarySettings=settings)[1] == (
        "Invalid deployment content specified.Stage none must already be created before making a canary release deployment"
    )
    unknown = {"deploymentId": "deploy", "percentTraffic": 50}
    stage = {"restApiId": api, "stageName": "s", "deploymentId": first}
    assert refused(gateway.create_stage, **stage, canarySettings=unknown)[1] == "Deployment id does not exist"

    def unpatched(*operation) -> str:
        return refused(patch, gateway, api, operation)[1]

    gone = "Cannot remove method setting canarySettings/{} because there is no method setting for this method "
    for name in ("stageVariableOverrides", "badPath"):
        assert unpatched("remove", f"/canarySettings/{name}") == gone.format(name)
    for path in ("/canarySettings", "/canarySettings/badPath"):
        assert unpatched("replace", path, "x").startswith(f"Invalid method setting path: {path}. Must be one of: [/deploymentId")
    assert unpatched("add", "/canarySettings/deploymentId", first) == "Invalid add operation with path: /canarySettings/deploymentId"
    assert unpatched("replace", "/canarySettings/deploymentId", "deploy") == "Deployment id does not exist"
    assert unpatched("copy", "/deploymentId", None, "/canarySettings/deploymentId") == (
        "Promotion not available. Canary does not exist."
    )
    assert unpatched("copy", "/canarySettings/deploymentId", None, "/deploymentId").startswith(
        "Invalid copy operation with path: /canarySettings/deploymentId and from /deploymentId. Valid copy:path are"
    )
    assert refused(patch, gateway, api, ("replace", "/canarySettings/percentTraffic", "101"))[0] == "BadRequestException"


# The cache -------------------------------------------------------------------------------------------------


class Shop:
    """An API with one cached function that counts its calls."""

    def __init__(self, cloud, *, keys: tuple[str, ...] = (), verb: str = "ANY", **method) -> None:
        self.cloud, self.gateway = cloud, cloud.client("apigateway")
        self.function = Function(cloud.region())
        self.function.answer = lambda event: {"statusCode": 200, "body": str(len(self.function.events))}
        self.api, root = rest_api(self.gateway)
        place = resource(self.gateway, self.api, root, "{id}")
        proxy(self.gateway, self.api, place, verb, **method)
        here = {"restApiId": self.api, "resourceId": place, "httpMethod": verb}
        if keys:
            params = {key: False for key in keys}
            self.gateway.update_method(
                **here,
                patchOperations=[{"op": "add", "path": f"/requestParameters/{key}", "value": "false"} for key in params],
            )
            self.gateway.update_integration(
                **here, patchOperations=[{"op": "add", "path": f"/cacheKeyParameters/{key}"} for key in keys]
            )
        deploy(self.gateway, self.api, cacheClusterEnabled=True, cacheClusterSize="0.5")
        self.patch(("replace", "/*/*/caching/enabled", "true"))

    def patch(self, *operations: tuple) -> dict:
        return patch(self.gateway, self.api, *operations)

    def get(self, path: str = "/7", verb: str = "GET", **headers) -> bytes:
        return self.ask(path, verb, **headers)[2]

    def ask(self, path: str = "/7", verb: str = "GET", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.cloud.http(verb, f"/restapis/{self.api}/prod/_user_request_{path}", headers=headers)


def test_a_cached_answer_is_given_again_until_its_time_is_over(cloud):
    shop = Shop(cloud)
    stage = shop.gateway.get_stage(restApiId=shop.api, stageName="prod")
    assert (stage["cacheClusterEnabled"], stage["cacheClusterSize"], stage["cacheClusterStatus"]) == (True, "0.5", "AVAILABLE")
    assert (shop.get(), shop.get()) == (b"1", b"1")
    cloud.sleep(299)
    assert shop.get() == b"1"
    cloud.sleep(2)
    assert shop.get() == b"2"
    shop.patch(("replace", "/*/*/caching/ttlInSeconds", "10"))
    shop.gateway.flush_stage_cache(restApiId=shop.api, stageName="prod")
    assert shop.get() == b"3"
    cloud.sleep(11)
    assert shop.get() == b"4"


def test_only_what_the_owner_calls_a_key_tells_requests_apart(cloud):
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-caching.html: without keys one answer serves all.
    shop = Shop(cloud)
    assert shop.get("/7?a=1") == shop.get("/8?a=2") == b"1"
    keyed = Shop(cloud, keys=("method.request.path.id", "method.request.querystring.a"))
    assert [keyed.get(path) for path in ("/7", "/8", "/7", "/7?a=1", "/7?b=1")] == [b"1", b"2", b"1", b"3", b"1"]


def test_only_a_get_is_cached_unless_its_method_says_otherwise(cloud):
    shop = Shop(cloud)
    assert [shop.get(verb="POST") for _ in range(2)] == [b"1", b"2"]
    posted = Shop(cloud, verb="POST")
    posted.patch(("replace", "/{id}/POST/caching/enabled", "true"))
    assert [posted.get(verb="POST") for _ in range(2)] == [b"1", b"1"]


def test_an_answer_that_went_wrong_is_not_remembered(cloud):
    shop = Shop(cloud)
    shop.function.answer = {"statusCode": 503, "body": "later"}
    assert shop.ask()[0] == 503
    shop.function.answer = {"statusCode": 200, "body": "now"}
    assert shop.get() == b"now"


@pytest.mark.parametrize(
    ("strategy", "status", "warning"),
    [
        ("SUCCEED_WITH_RESPONSE_HEADER", 200, True),
        ("SUCCEED_WITHOUT_RESPONSE_HEADER", 200, False),
        ("FAIL_WITH_403", 403, False),
    ],
)
def test_a_caller_without_permission_does_not_get_the_answer_anew(cloud, strategy, status, warning):
    shop = Shop(cloud)
    shop.patch(("replace", "/*/*/caching/unauthorizedCacheControlHeaderStrategy", strategy))
    shop.get()
    got, headers, _ = shop.ask(cache_control="max-age=0")
    assert (got, "Warning" in headers) == (status, warning)
    assert shop.get() == b"1"


def test_whoever_may_gets_the_answer_anew(cloud):
    shop = Shop(cloud)
    shop.patch(("replace", "/*/*/caching/requireAuthorizationForCacheControl", "false"))
    assert [shop.get(), shop.get(cache_control="max-age=0"), shop.get()] == [b"1", b"2", b"2"]


def test_a_canary_has_a_cache_of_its_own_unless_it_shares(cloud):
    shop = Shop(cloud)
    deployment = shop.gateway.get_stage(restApiId=shop.api, stageName="prod")["deploymentId"]
    shop.get()
    shop.patch(
        ("replace", "/canarySettings/percentTraffic", "100"), ("replace", "/canarySettings/deploymentId", deployment)
    )
    assert shop.get() == b"2"
    shop.patch(("replace", "/canarySettings/useStageCache", "true"))
    assert shop.get() == b"1"


def test_a_stage_without_its_cluster_remembers_nothing(cloud):
    shop = Shop(cloud)
    shop.get()
    assert shop.patch(("replace", "/cacheClusterEnabled", "false"))["cacheClusterStatus"] == "NOT_AVAILABLE"
    assert [shop.get(), shop.get()] == [b"2", b"3"]


def test_what_caches_refuse(gateway):
    api, _, _ = two(gateway)
    for path, value in (
        ("/*/*/caching/ttlInSeconds", "3601"),
        ("/*/*/caching/ttlInSeconds", "often"),
        ("/*/*/caching/unauthorizedCacheControlHeaderStrategy", "SHRUG"),
        ("/cacheClusterSize", "1000"),
    ):
        assert refused(patch, gateway, api, ("replace", path, value))[0] == "BadRequestException", path
    absent = {"restApiId": api, "stageName": "none"}
    assert refused(gateway.flush_stage_cache, **absent) == ("NotFoundException", "Invalid stage identifier specified")
