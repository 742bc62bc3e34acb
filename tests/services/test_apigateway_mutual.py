"""Custom domain names that ask callers for certificates.

https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mutual-tls.html. The handshake itself is in ``cloud/test_tls.py``: here
it is over, and the door has said who the caller is.
"""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime

import pytest
from api_workshop import Function, deploy, proxy, rest_api
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lambda_workshop import put_role
from refusals import refused
from services.certificate_workshop import authority, brought, vouched
from test_cloudformation_stack import create, outputs, settled

from kumoniwa.gate.address import locate
from kumoniwa.wire.message import Client, Request

HOST = "api.partner.example"
URI = "s3://trust/partners.pem"


def der(pem: bytes) -> bytes:
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


@pytest.fixture
def gateway(cloud):
    return cloud.client("apigateway")


@pytest.fixture
def issued(cloud) -> str:
    """A certificate that ACM has issued for the name."""
    acm = cloud.client("acm")
    arn = acm.request_certificate(DomainName=HOST, ValidationMethod="EMAIL")["CertificateArn"]
    cloud.sleep(1)
    letter = json.loads(cloud.http("GET", f"/_aws/ses?email=admin@{HOST}")[2])["messages"][-1]["Body"]["text_part"]
    assert cloud.http("GET", re.search(r"http://[^/]+(/_aws/acm/\S+)", letter)[1])[0] == 200
    cloud.sleep(1)
    return arn


@pytest.fixture
def store(cloud):
    """``store(pem)`` keeps a truststore, and answers its version."""
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="trust")
    s3.put_bucket_versioning(Bucket="trust", VersioningConfiguration={"Status": "Enabled"})
    return lambda text: s3.put_object(Bucket="trust", Key="partners.pem", Body=text)["VersionId"]


def mutual(gateway, arn: str, **more) -> dict:
    return gateway.create_domain_name(
        domainName=HOST, regionalCertificateArn=arn, endpointConfiguration={"types": ["REGIONAL"]},
        **({"mutualTlsAuthentication": {"truststoreUri": URI}} | more),
    )  # fmt: skip


def asked(cloud, client: Client | None, host: str = HOST) -> tuple[int, bytes]:
    request = Request("GET", "/", "", {"host": host}, is_tls=client is not None, client=client)
    request.address = locate(request)

    async def read():
        answered = asyncio.get_running_loop().create_future()
        cloud.region().answer(request, answered.set_result)
        return await answered

    response = cloud.run(read())
    return response.status, response.body


def shown_by(pem: bytes, name: str = HOST) -> Client:
    return Client(name, der(pem))


@pytest.fixture
def function(cloud) -> Function:
    found = Function(cloud.region())
    found.answer = lambda event: {"statusCode": 200, "body": json.dumps(event["requestContext"])}
    return found


@pytest.fixture
def served(cloud, gateway, issued, store, function) -> str:
    """An API behind a name that asks for certificates."""
    store(authority())
    mutual(gateway, issued)
    api, root = rest_api(gateway, endpointConfiguration={"types": ["REGIONAL"]})
    proxy(gateway, api, root)
    deploy(gateway, api)
    gateway.create_base_path_mapping(domainName=HOST, restApiId=api, stage="prod")
    return api


PARTNER = vouched("Partner & Sons", serial=0xA1B2C3D4E5F60718293A)[0]


def test_who_has_a_certificate_is_let_in_and_told_to_the_function(cloud, served):
    status, body = asked(cloud, shown_by(PARTNER))
    told = json.loads(body)["identity"]["clientCert"]
    assert status == 200 and der(told.pop("clientCertPem").encode()) == der(PARTNER)
    assert told == {
        "subjectDN": "O=Shop,CN=Partner & Sons", "issuerDN": "O=Shop,CN=Partners", "serialNumber": "a1:b2:c3:d4:e5:f6:07:18:29:3a",
        "validity": {"notBefore": "Jan  1 00:00:00 2000 GMT", "notAfter": "Jan  1 00:00:00 2099 GMT"},
    }  # fmt: skip
    assert json.loads(asked(cloud, shown_by(vouched("P")[0]))[1])["identity"]["clientCert"]["serialNumber"] == "7"


def test_who_has_shown_none_under_this_name_is_not_let_in(cloud, served):
    forbidden = (403, b'{"message":"Forbidden"}')
    assert asked(cloud, None) == forbidden
    assert asked(cloud, shown_by(PARTNER, "other.partner.example")) == forbidden


def test_a_certificate_by_itself_is_not_let_in_even_if_it_is_in_the_truststore(cloud, served):
    assert asked(cloud, shown_by(authority("Me"))) == (403, b'{"message":"Forbidden"}')


def test_why_somebody_is_not_let_in_stands_in_the_execution_log(cloud, gateway, served):
    trust = {"Statement": {"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "sts:AssumeRole"}}
    role = put_role(cloud, "logs:*", arn="arn:aws:iam::000000000000:role/gateway", trust=json.dumps(trust))
    gateway.update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": role}])
    level = {"op": "replace", "path": "/*/*/logging/loglevel", "value": "ERROR"}
    gateway.update_stage(restApiId=served, stageName="prod", patchOperations=[level])
    assert asked(cloud, shown_by(authority("Me")))[0] == 403
    cloud.sleep(1)
    groups = cloud.client("logs").describe_log_groups(logGroupNamePrefix="API-Gateway-Execution-Logs_")["logGroups"]
    lines = [e["message"] for g in groups for e in cloud.client("logs").filter_log_events(logGroupName=g["logGroupName"])["events"]]
    # https://repost.aws/knowledge-center/api-gateway-mutual-tls-403-errors
    assert any(line.endswith("Access denied. Reason: self signed certificate") for line in lines)


def test_the_endpoint_of_the_api_itself_asks_for_nothing_until_it_is_disabled(cloud, gateway, served):
    host = f"{served}.execute-api.us-east-1.amazonaws.com"
    assert cloud.http("GET", "/prod/", host=host)[0] == 200
    gateway.update_rest_api(restApiId=served, patchOperations=[{"op": "replace", "path": "/disableExecuteApiEndpoint", "value": "true"}])
    deploy(gateway, served)
    assert cloud.http("GET", "/prod/", host=host)[0] == 403
    assert asked(cloud, shown_by(PARTNER))[0] == 200


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_http_apis_tell_it_too(cloud, gateway, issued, store, function, version):
    store(authority())
    mutual(gateway, issued)
    v2 = cloud.client("apigatewayv2")
    api = v2.create_api(Name="h", ProtocolType="HTTP")["ApiId"]
    target = v2.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri="arn:aws:lambda:us-east-1:000000000000:function:shop", PayloadFormatVersion=version
    )["IntegrationId"]
    v2.create_route(ApiId=api, RouteKey="$default", Target=f"integrations/{target}")
    v2.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    v2.create_api_mapping(ApiId=api, DomainName=HOST, Stage="$default")
    status, body = asked(cloud, shown_by(PARTNER))
    context = json.loads(body)
    assert status == 200
    told = context["authentication" if version == "2.0" else "identity"]["clientCert"]
    assert told["subjectDN"] == "O=Shop,CN=Partner & Sons"
    assert asked(cloud, None) == (403, b'{"message":"Forbidden"}')


# Telling the name ------------------------------------------------------------------------------------


def test_a_truststore_is_told_with_its_version_and_what_is_wrong_in_it(cloud, gateway, issued, store):
    expired = authority("Old", ends=datetime(2001, 1, 1, tzinfo=UTC))
    orphan = authority("Middle", issuer="Nobody")
    version = store(authority() + expired + orphan + b"-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n")
    made = mutual(gateway, issued, mutualTlsAuthentication={"truststoreUri": URI, "truststoreVersion": version})["mutualTlsAuthentication"]
    assert (made["truststoreUri"], made["truststoreVersion"]) == (URI, version)
    # That invalid certificates produce warnings is AWS's; its words are not known.
    assert made["truststoreWarnings"] == [
        "Certificate 4 could not be parsed.",
        "Certificate O=Shop,CN=Old has expired.",
        "Certificate O=Shop,CN=Middle was issued by a certificate that is not in the truststore.",
    ]
    v2 = cloud.client("apigatewayv2").get_domain_name(DomainName=HOST)["MutualTlsAuthentication"]
    assert v2 == {"TruststoreUri": URI, "TruststoreVersion": version, "TruststoreWarnings": made["truststoreWarnings"]}


def test_a_name_moves_to_another_version_and_stops_asking(cloud, gateway, issued, store, served):
    version = store(authority())
    change = {"op": "replace", "path": "/mutualTlsAuthentication/truststoreVersion", "value": version}
    assert gateway.update_domain_name(domainName=HOST, patchOperations=[change])["mutualTlsAuthentication"]["truststoreVersion"] == version
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mutual-tls.html#rest-api-mutual-tls-disable
    off = {"op": "replace", "path": "/mutualTlsAuthentication/truststoreUri", "value": ""}
    assert "mutualTlsAuthentication" not in gateway.update_domain_name(domainName=HOST, patchOperations=[off])
    assert asked(cloud, None)[0] == 200


def test_http_apis_names_change_with_a_configuration_only(cloud, issued, store):
    store(authority())
    v2 = cloud.client("apigatewayv2")
    configuration = [{"CertificateArn": issued, "EndpointType": "REGIONAL", "SecurityPolicy": "TLS_1_2"}]
    asking = {"TruststoreUri": URI}
    made = v2.create_domain_name(DomainName=HOST, DomainNameConfigurations=configuration, MutualTlsAuthentication=asking)
    assert made["MutualTlsAuthentication"] == asking
    code, text = refused(v2.update_domain_name, DomainName=HOST, MutualTlsAuthentication=asking)[:2]
    # https://github.com/hashicorp/terraform-provider-aws/issues/18312
    assert (code, text) == ("BadRequestException", "Invalid input. Expected one domain name configuration")
    off = v2.update_domain_name(DomainName=HOST, DomainNameConfigurations=configuration, MutualTlsAuthentication={"TruststoreUri": ""})
    assert "MutualTlsAuthentication" not in off


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"mutualTlsAuthentication": {"truststoreUri": "https://trust/x.pem"}}, "Invalid truststore URI"),
        ({"mutualTlsAuthentication": {"truststoreUri": "s3://trust/none.pem"}}, "The specified key does not exist."),
        ({"securityPolicy": "TLS_1_0"}, "requires the security policy TLS_1_2"),
    ],
)
def test_what_a_name_that_asks_for_certificates_must_have(gateway, issued, store, more, said):
    code, text = refused(mutual, gateway, issued, **more)[:2]
    assert code == "BadRequestException" and said in text
    assert gateway.get_domain_names()["items"] == []


def test_an_imported_certificate_needs_another_that_proves_the_name(cloud, gateway, issued, store):
    store(authority())
    imported = brought(cloud, HOST)
    assert "ownership verification certificate" in refused(mutual, gateway, imported)[1]
    assert "must be issued by" in refused(mutual, gateway, imported, ownershipVerificationCertificateArn=imported)[1]
    made = mutual(gateway, imported, ownershipVerificationCertificateArn=issued)
    assert (made["ownershipVerificationCertificateArn"], made["domainNameStatus"]) == (issued, "AVAILABLE")


STACK = """
Parameters: {Certificate: {Type: String}, Version: {Type: String}}
Resources:
  Name:
    Type: AWS::ApiGateway::DomainName
    Properties:
      DomainName: api.partner.example
      RegionalCertificateArn: !Ref Certificate
      EndpointConfiguration: {Types: [REGIONAL]}
      SecurityPolicy: TLS_1_2
      MutualTlsAuthentication: {TruststoreUri: s3://trust/partners.pem, TruststoreVersion: !Ref Version}
Outputs: {Name: {Value: !GetAtt Name.RegionalDomainName}}
"""


def test_a_stack_moves_its_name_to_another_version(cloud, gateway, issued, store):
    def given(version: str) -> list[dict]:
        values = {"Certificate": issued, "Version": version}
        return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]

    first, second = store(authority()), store(authority("Others") + authority())
    made = outputs(create(cloud, "names", STACK, Parameters=given(first)))
    cloud.client("cloudformation").update_stack(StackName="names", UsePreviousTemplate=True, Parameters=given(second))
    stack = settled(cloud, "names")
    assert stack["StackStatus"] == "UPDATE_COMPLETE" and outputs(stack) == made
    assert gateway.get_domain_name(domainName=HOST)["mutualTlsAuthentication"]["truststoreVersion"] == second
