"""Custom domain names: hosts of a customer's own, in front of APIs."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from api_workshop import Function, deploy, mock, proxy, resource, rest_api
from refusals import refused
from services.certificate_workshop import brought

HOST = "api.shop.example"
NOBODYS = "arn:aws:acm:us-east-1:000000000000:certificate/c0ffee00-0000-4000-8000-000000000000"


@pytest.fixture
def gateway(cloud):
    return cloud.client("apigateway")


def regional(cloud, name: str = HOST, key: str = "test", **more) -> dict:
    return cloud.client("apigateway", key=key).create_domain_name(
        domainName=name, regionalCertificateArn=brought(cloud, name, key=key), endpointConfiguration={"types": ["REGIONAL"]}, **more
    )


def api(gateway, body: str, *path: str, stage: str = "prod") -> str:
    made, root = rest_api(gateway, endpointConfiguration={"types": ["REGIONAL"]})
    mock(gateway, made, resource(gateway, made, root, *path), body=body)
    deploy(gateway, made, stage)
    return made


def test_a_regional_name_tells_the_names_that_dns_must_point_to(cloud, gateway):
    made = regional(cloud, tags={"team": "shop"})
    assert made["regionalDomainName"].startswith("d-") and made["regionalDomainName"].endswith(".execute-api.us-east-1.amazonaws.com")
    # https://docs.aws.amazon.com/general/latest/gr/apigateway.html
    assert made["regionalHostedZoneId"] == "Z1UJRXOUMOOFQ8"
    assert made["domainNameArn"] == f"arn:aws:apigateway:us-east-1::/domainnames/{HOST}"
    assert (made["domainNameStatus"], made["securityPolicy"]) == ("AVAILABLE", "TLS_1_2")
    assert made["endpointConfiguration"] == {"types": ["REGIONAL"], "ipAddressType": "ipv4"}
    assert "distributionDomainName" not in made
    known = gateway.get_domain_name(domainName=HOST)
    assert known["regionalDomainName"] == made["regionalDomainName"] and known["tags"] == {"team": "shop"}
    assert [one["domainName"] for one in gateway.get_domain_names()["items"]] == [HOST]


def test_each_region_has_the_zone_id_of_its_own(make_cloud):
    cloud = make_cloud("ap-northeast-1")
    certificate = brought(cloud, HOST, region="ap-northeast-1")
    gateway = cloud.client("apigateway", "ap-northeast-1")
    made = gateway.create_domain_name(
        domainName=HOST, regionalCertificateArn=certificate, endpointConfiguration={"types": ["REGIONAL"]}
    )
    assert made["regionalHostedZoneId"] == "Z1YSHQZHG15GKL"


def test_an_edge_name_stands_behind_a_distribution(cloud, gateway):
    certificate = brought(cloud, "*.shop.example", "b.example")
    made = gateway.create_domain_name(domainName=HOST, certificateArn=certificate)
    assert made["endpointConfiguration"]["types"] == ["EDGE"] and made["distributionDomainName"].endswith(".cloudfront.net")
    assert made["distributionHostedZoneId"] == "Z2FDTNDATAQYW2" and "regionalDomainName" not in made


def test_a_request_for_the_name_reaches_the_stage_that_its_base_path_names(cloud, gateway):
    regional(cloud)
    orders, pets = api(gateway, "orders", "list"), api(gateway, "pets", "list")
    gateway.create_base_path_mapping(domainName=HOST, basePath="orders", restApiId=orders, stage="prod")
    gateway.create_base_path_mapping(domainName=HOST, restApiId=pets, stage="prod")
    assert cloud.http("GET", "/orders/list", host=HOST)[2] == b"orders"
    assert cloud.http("GET", "/list", host=f"{HOST.upper()}:4566")[2] == b"pets"
    assert cloud.http("GET", "/orders/list/", host=HOST)[2] == b"orders"
    status, _, body = cloud.http("GET", "/orders/else", host=HOST)
    assert (status, json.loads(body)) == (403, {"message": "Missing Authentication Token"})


def test_without_a_mapping_the_name_is_forbidden(cloud, gateway):
    regional(cloud)
    assert cloud.http("GET", "/list", host=HOST)[::2] == (403, b'{"message":"Forbidden"}')
    gateway.create_base_path_mapping(domainName=HOST, basePath="a", restApiId=api(gateway, "a"), stage="prod")
    assert cloud.http("GET", "/b", host=HOST)[::2] == (403, b'{"message":"Forbidden"}')


def test_where_the_mapping_names_no_stage_the_caller_does(cloud, gateway):
    regional(cloud)
    made = api(gateway, "orders", "list", stage="test")
    gateway.create_base_path_mapping(domainName=HOST, basePath="orders", restApiId=made)
    assert cloud.http("GET", "/orders/test/list", host=HOST)[2] == b"orders"
    assert cloud.http("GET", "/orders/prod/list", host=HOST)[0] == 403


def test_a_wildcard_name_stands_for_one_label_and_gives_way_to_the_name_itself(cloud, gateway):
    regional(cloud, "*.shop.example")
    regional(cloud, HOST)
    for name, body in (("*.shop.example", "any"), (HOST, "own")):
        gateway.create_base_path_mapping(domainName=name, restApiId=api(gateway, body, "x"), stage="prod")
    assert cloud.http("GET", "/x", host="eu.shop.example")[2] == b"any"
    assert cloud.http("GET", "/x", host=HOST)[2] == b"own"
    assert cloud.http("GET", "/x", host="a.b.shop.example")[2] != b"any"


def test_the_function_is_told_the_name_and_the_whole_path(cloud, gateway):
    function = Function(cloud.region())
    regional(cloud)
    made, root = rest_api(gateway)
    proxy(gateway, made, resource(gateway, made, root, "{proxy+}"))
    deploy(gateway, made)
    gateway.create_base_path_mapping(domainName=HOST, basePath="v1", restApiId=made, stage="prod")
    cloud.http("GET", "/v1/pets/7", host=HOST)
    event = function.events[0]
    assert (event["path"], event["pathParameters"]) == ("/v1/pets/7", {"proxy": "pets/7"})
    context = event["requestContext"]
    assert (context["domainName"], context["domainPrefix"], context["path"]) == (HOST, "api", "/v1/pets/7")


def test_a_disabled_endpoint_is_still_reached_by_the_customers_name(cloud, gateway):
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-disable-default-endpoint.html
    regional(cloud)
    made, root = rest_api(gateway, disableExecuteApiEndpoint=True)
    mock(gateway, made, root, body="here")
    deploy(gateway, made)
    gateway.create_base_path_mapping(domainName=HOST, restApiId=made, stage="prod")
    assert cloud.http("GET", f"/restapis/{made}/prod/_user_request_/")[0] == 403
    assert cloud.http("GET", "/", host=HOST)[2] == b"here"


def test_mappings_are_moved_and_removed(cloud, gateway):
    regional(cloud)
    one, two = api(gateway, "one", "x"), api(gateway, "two", "x", stage="blue")
    assert gateway.create_base_path_mapping(domainName=HOST, restApiId=one, stage="prod")["basePath"] == "(none)"
    moves = [("/restapiId", two), ("/stage", "blue"), ("/basePath", "v2")]
    operations = [{"op": "replace", "path": path, "value": value} for path, value in moves]
    moved = gateway.update_base_path_mapping(domainName=HOST, basePath="(none)", patchOperations=operations)
    moved.pop("ResponseMetadata")
    assert moved == {"basePath": "v2", "restApiId": two, "stage": "blue"}
    assert cloud.http("GET", "/v2/x", host=HOST)[2] == b"two"
    gateway.delete_base_path_mapping(domainName=HOST, basePath="v2")
    assert gateway.get_base_path_mappings(domainName=HOST)["items"] == []
    assert cloud.http("GET", "/v2/x", host=HOST)[0] == 403


def test_a_name_that_is_gone_belongs_to_nobody(cloud, gateway):
    regional(cloud)
    gateway.create_base_path_mapping(domainName=HOST, restApiId=api(gateway, "x", "x"), stage="prod")
    gateway.delete_domain_name(domainName=HOST)
    assert refused(gateway.get_domain_name, domainName=HOST) == ("NotFoundException", "Invalid domain name identifier specified")
    assert cloud.http("GET", "/x", host=HOST)[2] != b"x"
    cloud.client("apigateway", key="222222222222").get_domain_names()
    regional(cloud, key="222222222222")


def test_names_and_mappings_survive_a_kill(cloud, gateway):
    regional(cloud)
    gateway.create_base_path_mapping(domainName=HOST, restApiId=api(gateway, "still", "x"), stage="prod")
    cloud.restart(kill=True)
    assert cloud.http("GET", "/x", host=HOST)[2] == b"still"


def test_what_creation_refuses(cloud, gateway):
    certificate = brought(cloud, "*.shop.example", "b.example")
    made = gateway.create_domain_name
    kinds = {"endpointConfiguration": {"types": ["REGIONAL"]}}
    assert refused(made, domainName="") == ("BadRequestException", "No Domain Name specified")
    # https://github.com/hashicorp/terraform-provider-aws/issues/3276
    assert refused(made, domainName=HOST) == ("BadRequestException", "A certificate was not provided for the endpoint type EDGE.")
    # https://github.com/anomalyco/sst/issues/4131
    assert refused(made, domainName=HOST, certificateArn=certificate, **kinds) == (
        "BadRequestException",
        "Cannot import certificates for EDGE while REGIONAL is active.",
    )
    # https://github.com/amplify-education/serverless-domain-manager/pull/49
    elsewhere = certificate.replace("us-east-1", "us-west-2")
    assert refused(made, domainName=HOST, regionalCertificateArn=elsewhere, **kinds) == (
        "BadRequestException",
        f"Invalid certificate ARN: {elsewhere}. Certificate must be in 'us-east-1'.",
    )
    # https://github.com/aws/aws-cdk/issues/10529 and /3612
    theirs = NOBODYS.replace("000000000000", "222222222222")
    assert refused(made, domainName=HOST, regionalCertificateArn=theirs, **kinds) == (
        "BadRequestException", "The certificate provided must be owned by the account creating the domain."
    )  # fmt: skip
    assert refused(made, domainName=HOST, regionalCertificateArn=NOBODYS, **kinds) == (
        "BadRequestException", "The provided certificate does not exist."
    )  # fmt: skip
    waits = cloud.client("acm").request_certificate(DomainName=HOST, ValidationMethod="DNS")["CertificateArn"]
    assert "PENDING_VALIDATION" in refused(made, domainName=HOST, regionalCertificateArn=waits, **kinds)[1]
    # A wildcard stands for one label.
    assert "not covered" in refused(made, domainName=f"a.{HOST}", regionalCertificateArn=certificate, **kinds)[1]
    # https://github.com/amplify-education/serverless-domain-manager/issues/161
    assert refused(made, domainName=f"a.{HOST}", certificateArn=certificate)[1].startswith(f"Unable to associate certificate {certificate} with CloudFront.")
    assert refused(made, domainName="no name", certificateArn=certificate)[0] == "BadRequestException"
    regional(cloud)
    exists = ("BadRequestException", "The domain name you provided already exists.")
    assert refused(made, domainName=HOST, regionalCertificateArn=certificate, **kinds) == exists
    other = cloud.client("apigateway", key="222222222222")
    theirs = brought(cloud, HOST, key="222222222222")
    assert refused(other.create_domain_name, domainName=HOST.upper(), regionalCertificateArn=theirs, **kinds) == exists
    private = {"types": ["PRIVATE"]}
    assert refused(made, domainName="b.example", certificateArn=certificate, endpointConfiguration=private)[0] == "NotImplemented"
    mutual = {"truststoreUri": "s3://b/k"}
    code, text = refused(made, domainName="b.example", certificateArn=certificate, mutualTlsAuthentication=mutual)
    assert (code, "only supported for Regional" in text) == ("BadRequestException", True)


def test_an_imported_certificate_is_read(gateway):
    made = gateway.create_domain_name
    pair = {"certificateName": "mine", "certificateBody": "no certificate", "certificatePrivateKey": "no key"}
    assert refused(made, domainName=HOST, **pair)[0] == "BadRequestException"


def test_what_mappings_refuse(cloud, gateway):
    regional(cloud)
    made = api(gateway, "x")
    create = gateway.create_base_path_mapping
    assert refused(create, domainName="else.example", restApiId=made)[0] == "NotFoundException"
    assert refused(create, domainName=HOST, restApiId="unknown") == ("BadRequestException", "Invalid REST API identifier specified")
    unknown = ("BadRequestException", "Invalid stage identifier specified")
    assert refused(create, domainName=HOST, restApiId=made, stage="else") == unknown
    code, text = refused(create, domainName=HOST, restApiId=made, basePath="a/b")
    assert code == "BadRequestException" and text.startswith("API Gateway V1 doesn't support the slash character (/)")
    create(domainName=HOST, restApiId=made, basePath="a")
    twice = ("ConflictException", "Base path already exists for this domain name")
    assert refused(create, domainName=HOST, restApiId=made, basePath="a") == twice
    absent = ("NotFoundException", "Invalid base path mapping identifier specified")
    assert refused(gateway.get_base_path_mapping, domainName=HOST, basePath="b") == absent
    assert refused(gateway.delete_base_path_mapping, domainName=HOST, basePath="b") == absent


def test_an_api_or_stage_that_a_name_shows_is_not_deleted(cloud, gateway):
    # https://github.com/serverless/serverless/issues/3638
    regional(cloud)
    made = api(gateway, "x")
    gateway.create_base_path_mapping(domainName=HOST, basePath="a", restApiId=made, stage="prod")
    assert refused(gateway.delete_rest_api, restApiId=made) == (
        "BadRequestException",
        f"Deleting RestApi {made} failed. Please remove all base path mappings related to the RestApi in your domains: {HOST}.",
    )
    assert refused(gateway.delete_stage, restApiId=made, stageName="prod")[1] == (
        f"Deleting stage prod failed. Please remove all base path mappings related to the stage in your domains: {HOST}"
    )
    gateway.delete_base_path_mapping(domainName=HOST, basePath="a")
    gateway.delete_stage(restApiId=made, stageName="prod")
    gateway.delete_rest_api(restApiId=made)


def test_a_name_moves_from_one_endpoint_type_to_the_other(cloud, gateway):
    certificate = brought(cloud, "*.shop.example", "b.example")
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-regional-api-custom-domain-migrate.html
    regional(cloud)
    both = gateway.update_domain_name(
        domainName=HOST,
        patchOperations=[
            {"op": "add", "path": "/endpointConfiguration/types", "value": "EDGE"},
            {"op": "add", "path": "/certificateArn", "value": certificate},
        ],
    )
    assert both["endpointConfiguration"]["types"] == ["REGIONAL", "EDGE"]
    assert both["regionalDomainName"] and both["distributionDomainName"]
    edge = gateway.update_domain_name(
        domainName=HOST, patchOperations=[{"op": "remove", "path": "/endpointConfiguration/types", "value": "REGIONAL"}]
    )
    assert edge["endpointConfiguration"]["types"] == ["EDGE"]
    assert "regionalDomainName" not in edge and "regionalCertificateArn" not in edge


def test_a_name_is_tagged_by_its_arn(cloud, gateway):
    arn = regional(cloud)["domainNameArn"]
    gateway.tag_resource(resourceArn=arn, tags={"a": "b"})
    assert gateway.get_tags(resourceArn=arn)["tags"] == {"a": "b"}


def test_a_signed_request_for_the_name_meets_the_methods_of_iam(cloud, gateway):
    regional(cloud)
    made, root = rest_api(gateway)
    mock(gateway, made, root, body="signed", authorizationType="AWS_IAM")
    deploy(gateway, made)
    gateway.create_base_path_mapping(domainName=HOST, restApiId=made, stage="prod")
    assert cloud.http("GET", "/", host=HOST)[0] == 403
    scope = quote("000000000000/20250101/us-east-1/execute-api/aws4_request", safe="/")
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature=0",
        "X-Amz-Date": "20250101T000000Z",
    }
    assert cloud.http("GET", "/", host=HOST, headers=headers)[2] == b"signed"


def test_an_account_that_is_emptied_gives_its_names_back(cloud, gateway):
    regional(cloud)
    cloud.run(cloud.regions["us-east-1"].reset("000000000000"))
    assert regional(cloud)["domainName"] == HOST


def test_the_certificate_of_an_edge_name_is_asked_for_in_the_region_of_cloudfront(make_cloud):
    cloud = make_cloud("us-east-1", "eu-west-1")
    certificate, gateway = brought(cloud, HOST), cloud.client("apigateway", "eu-west-1")
    assert refused(gateway.create_domain_name, domainName=HOST, certificateArn=NOBODYS)[1] == "The provided certificate does not exist."
    assert refused(gateway.create_domain_name, domainName="b.example", certificateArn=certificate)[1].startswith("Unable to associate")
    assert gateway.create_domain_name(domainName=HOST, certificateArn=certificate)["certificateArn"] == certificate
    own = brought(cloud, HOST, region="eu-west-1")
    move = [{"op": "replace", "path": "/endpointConfiguration/types/EDGE", "value": "REGIONAL"}]
    move.append({"op": "add", "path": "/regionalCertificateArn", "value": own})
    assert gateway.update_domain_name(domainName=HOST, patchOperations=move)["regionalCertificateArn"] == own
    assert cloud.client("acm", "eu-west-1").describe_certificate(CertificateArn=own)["Certificate"]["InUseBy"] == [
        f"arn:aws:apigateway:eu-west-1::/domainnames/{HOST}"
    ]
