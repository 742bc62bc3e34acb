"""Custom domain names in front of APIs of all kinds."""

from __future__ import annotations

import pytest
from api_workshop import Function, deploy, mock, resource, rest_api
from http_workshop import http_api, websocket_api
from refusals import refused_code
from services.certificate_workshop import brought

HOST = "api.shop.example"


@pytest.fixture
def certificate(cloud) -> str:
    return brought(cloud, HOST)


@pytest.fixture
def gateway(cloud, certificate):
    made = cloud.client("apigatewayv2")
    made.create_domain_name(
        DomainName=HOST, DomainNameConfigurations=[{"CertificateArn": certificate, "EndpointType": "REGIONAL"}], Tags={"a": "b"}
    )
    return made


@pytest.fixture
def shop(cloud):
    made = Function(cloud.regions["us-east-1"])
    made.answer = lambda event: {"statusCode": 200, "body": event["requestContext"]["apiId"]}
    return made


def test_a_name_is_told_in_the_words_of_both_services(cloud, gateway, certificate):
    known = gateway.get_domain_name(DomainName=HOST)
    (configuration,) = known["DomainNameConfigurations"]
    assert (configuration["CertificateArn"], configuration["EndpointType"], configuration["DomainNameStatus"]) == (certificate, "REGIONAL", "AVAILABLE")
    assert configuration["HostedZoneId"] == "Z1UJRXOUMOOFQ8" and known["Tags"] == {"a": "b"}
    assert known["ApiMappingSelectionExpression"] == "$request.basepath"
    rest = cloud.client("apigateway").get_domain_name(domainName=HOST)
    assert rest["regionalDomainName"] == configuration["ApiGatewayDomainName"] and rest["tags"] == {"a": "b"}
    gateway.update_domain_name(DomainName=HOST, DomainNameConfigurations=[{"CertificateArn": certificate, "SecurityPolicy": "TLS_1_2"}])
    gateway.delete_domain_name(DomainName=HOST)
    assert gateway.get_domain_names()["Items"] == []
    assert refused_code(gateway.get_domain_name, DomainName=HOST) == "NotFoundException"


def test_the_longest_key_that_fits_says_which_api_is_meant(cloud, gateway, shop):
    apis = {key: http_api(gateway, "GET /{proxy+}", "GET /", stage="prod") for key in ("", "v1", "v1/shop")}
    for key, api in apis.items():
        gateway.create_api_mapping(DomainName=HOST, ApiId=api, Stage="prod", ApiMappingKey=key)
    for path, key in (("/", ""), ("/x", ""), ("/v1", "v1"), ("/v1/shopping", "v1"), ("/v1/shop", "v1/shop"), ("/v1/shop/a", "v1/shop")):
        assert cloud.http("GET", path, host=HOST)[2].decode() == apis[key], path
    event = shop.events[-1]
    # https://github.com/CodeGenieApp/serverless-express/issues/465: with the stage, without the key.
    assert event["rawPath"] == "/prod/a" and event["pathParameters"] == {"proxy": "a"}
    assert event["requestContext"]["domainName"] == HOST and event["requestContext"]["domainPrefix"] == "api"


def test_one_name_shows_apis_of_all_kinds(cloud, gateway, shop):
    rest = cloud.client("apigateway")
    old, root = rest_api(rest, endpointConfiguration={"types": ["REGIONAL"]})
    mock(rest, old, resource(rest, old, root, "x"), body="old")
    deploy(rest, old)
    rest.create_base_path_mapping(domainName=HOST, restApiId=old, stage="prod", basePath="old")
    new, chat = http_api(gateway, "GET /x"), websocket_api(gateway, "$connect")
    gateway.create_api_mapping(DomainName=HOST, ApiId=new, Stage="$default", ApiMappingKey="new")
    gateway.create_api_mapping(DomainName=HOST, ApiId=chat, Stage="prod", ApiMappingKey="chat")
    assert cloud.http("GET", "/old/x", host=HOST)[2] == b"old"
    assert cloud.http("GET", "/new/x", host=HOST)[2].decode() == new
    assert cloud.websocket("/chat", host=HOST).status == 101
    assert shop.events[-1]["requestContext"]["domainName"] == HOST
    assert cloud.http("GET", "/x", host=HOST)[0] == 403
    assert {one["ApiMappingKey"]: one["ApiId"] for one in gateway.get_api_mappings(DomainName=HOST)["Items"]} == {"old": old, "new": new, "chat": chat}


def test_mappings_are_told_moved_and_gone(cloud, gateway, shop):
    api = http_api(gateway, "GET /x")
    made = gateway.create_api_mapping(DomainName=HOST, ApiId=api, Stage="$default", ApiMappingKey="a")
    id_ = made["ApiMappingId"]
    moved = gateway.update_api_mapping(DomainName=HOST, ApiId=api, ApiMappingId=id_, ApiMappingKey="b/c")
    assert (moved["ApiMappingId"], moved["ApiMappingKey"]) == (id_, "b/c")
    assert cloud.http("GET", "/b/c/x", host=HOST)[0] == 200 and cloud.http("GET", "/a/x", host=HOST)[0] == 403
    gateway.create_api_mapping(DomainName=HOST, ApiId=api, Stage="$default")
    page = gateway.get_api_mappings(DomainName=HOST, MaxResults="1")
    assert len(page["Items"]) == 1
    assert len(gateway.get_api_mappings(DomainName=HOST, NextToken=page["NextToken"])["Items"]) == 1
    assert refused_code(gateway.create_api_mapping, DomainName=HOST, ApiId=api, Stage="$default", ApiMappingKey="b/c") == "ConflictException"
    assert refused_code(gateway.delete_api, ApiId=api) == "BadRequestException" == refused_code(gateway.delete_stage, ApiId=api, StageName="$default")
    gateway.delete_api_mapping(DomainName=HOST, ApiMappingId=id_)
    assert refused_code(gateway.get_api_mapping, DomainName=HOST, ApiMappingId=id_) == "NotFoundException"


@pytest.mark.parametrize("key", ("/a", "a/", "a//b", "a b"))
def test_a_key_has_a_form(cloud, gateway, key):
    api = http_api(gateway, "GET /x")
    assert refused_code(gateway.create_api_mapping, DomainName=HOST, ApiId=api, Stage="$default", ApiMappingKey=key) == "BadRequestException"


def test_a_mapping_needs_what_it_names(cloud, gateway):
    api = http_api(gateway, "GET /x")
    assert refused_code(gateway.create_api_mapping, DomainName="other.example", ApiId=api, Stage="$default") == "NotFoundException"
    assert refused_code(gateway.create_api_mapping, DomainName=HOST, ApiId="none", Stage="$default") == "NotFoundException"
    assert refused_code(gateway.create_api_mapping, DomainName=HOST, ApiId=api, Stage="none") == "BadRequestException"


def test_mappings_survive_a_kill(cloud, gateway, shop):
    api = http_api(gateway, "GET /x")
    gateway.create_api_mapping(DomainName=HOST, ApiId=api, Stage="$default", ApiMappingKey="v1/a")
    cloud.restart(kill=True)
    again = Function(cloud.regions["us-east-1"])
    assert cloud.http("GET", "/v1/a/x", host=HOST)[0] == 200 and len(again.events) == 1
