"""Who may ask AppSync what: API keys, IAM, OpenID Connect, Lambda authorizers, directives.

https://docs.aws.amazon.com/appsync/latest/devguide/security-authz.html
"""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from refusals import refused
from services.appsync_workshop import Graph
from services.cognito_workshop import Pool
from services.lambda_workshop import ACCOUNT, make, put_user

POOLED = """
type Query { me: String @aws_cognito_user_pools staff: String @aws_cognito_user_pools(cognito_groups: ["staff"]) boss: String @aws_cognito_user_pools(cognito_groups: ["boss"]) }
"""
SCHEMA = """
type Query { open: String iam: String @aws_iam both: String @aws_iam @aws_api_key token: String @aws_oidc secret: Secret @aws_iam @aws_api_key lambda: String @aws_lambda }
type Secret @aws_iam { text: String shown: String @aws_api_key @aws_iam }
"""
ANSWER = "export const request = (ctx) => ({ payload: %s });\nexport const response = (ctx) => ctx.result;"


def graph_with(cloud, *providers: dict, schema: str = SCHEMA, **more) -> Graph:
    graph = Graph(cloud, schema, additionalAuthenticationProviders=list(providers), **more)
    graph.source("none")
    return graph


def signed(graph, body: bytes, key: str = "AKIAUSER", secret: str = "secret", **more) -> dict:
    host = f"{graph.id}.appsync-api.us-east-1.localhost:4566"
    request = AWSRequest("POST", f"http://{host}/graphql", data=body, headers={"host": host, "content-type": "application/json"})
    botocore.auth.SigV4Auth(Credentials(key, secret), "appsync", "us-east-1").add_auth(request)
    return dict(request.headers.items()) | more


def ask(graph, query: str, headers: dict | None = None, status: int = 200) -> dict:
    return graph.ask(query, headers=headers, status=status)


def denied(answer: dict) -> list[tuple]:
    return [(error["path"], error["errorType"], error["message"]) for error in answer["errors"]]


# Keys ----------------------------------------------------------------------------------------------


def test_a_key_opens_until_its_hour_has_come(cloud):
    graph = graph_with(cloud)
    assert ask(graph, "{ open }")["data"] == {"open": None}
    for headers in ({}, {"authorization": ""}):
        assert ask(graph, "{ open }", headers, 401) == {"errors": [{"errorType": "UnauthorizedException", "message": "Valid authorization header not provided."}]}
    wrong = ask(graph, "{ open }", {"x-api-key": "da2-wrong"}, 401)
    assert wrong == {"errors": [{"errorType": "UnauthorizedException", "message": "You are not authorized to make this call."}]}
    cloud.sleep(7 * 86_400)
    ask(graph, "{ open }", status=401)


def test_a_key_is_good_from_a_day_to_a_year_and_ends_on_the_hour(cloud):
    graph = graph_with(cloud)
    client, now = graph.client, int(cloud.now())
    (key,) = client.list_api_keys(apiId=graph.id)["apiKeys"]
    assert key["expires"] % 3600 == 0 and key["expires"] == (now + 7 * 86_400) // 3600 * 3600 and key["deletes"] == key["expires"] + 60 * 86_400
    code = "ApiKeyValidityOutOfBoundsException"
    assert refused(client.create_api_key, apiId=graph.id, expires=now + 3600) == (code, "API key must be valid for a minimum of 1 days.")
    assert refused(client.create_api_key, apiId=graph.id, expires=now + 366 * 86_400) == (code, "API key must be valid for a maximum of 365 days.")
    changed = client.update_api_key(apiId=graph.id, id=key["id"], expires=now + 30 * 86_400, description="d")["apiKey"]
    assert changed["description"] == "d" and changed["expires"] > key["expires"]
    assert key["id"].startswith("da2-") and len(key["id"]) == 30
    cloud.sleep(95 * 86_400)
    assert client.list_api_keys(apiId=graph.id)["apiKeys"] == []


# IAM and directives ------------------------------------------------------------------------------------


def test_fields_are_open_to_the_ways_their_directives_name(cloud):
    graph = graph_with(cloud, {"authenticationType": "AWS_IAM"})
    graph.resolve("Query.secret", "none", code=ANSWER % "{ text: 'T', shown: 'S' }")
    answer = ask(graph, "{ open iam both secret { text shown } }")
    assert answer["data"] == {"open": None, "iam": None, "both": None, "secret": {"text": None, "shown": "S"}}
    assert denied(answer) == [
        (["iam"], "Unauthorized", "Not Authorized to access iam on type Query"),
        (["secret", "text"], "Unauthorized", "Not Authorized to access text on type Secret"),
    ]
    put_user(cloud, "ann", "AKIAUSER", "appsync:GraphQL")
    body = json.dumps({"query": "{ open iam secret { text shown } }", "variables": {}}).encode()
    status, _, told = graph.post(body, signed(graph, body))
    answer = json.loads(told)
    assert status == 200 and answer["data"] == {"open": None, "iam": None, "secret": {"text": "T", "shown": "S"}}
    assert denied(answer) == [(["open"], "Unauthorized", "Not Authorized to access open on type Query")]


def test_policies_name_single_fields(cloud):
    graph = graph_with(cloud, {"authenticationType": "AWS_IAM"})
    graph.resolve("Query.both", "none", code=ANSWER % "ctx.identity.userArn")
    iam = cloud.client("iam")
    iam.create_user(UserName="bob")
    key = iam.create_access_key(UserName="bob")["AccessKey"]
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "appsync:GraphQL", "Resource": f"{graph.api['arn']}/types/Query/fields/both"}}
    iam.put_user_policy(UserName="bob", PolicyName="p", PolicyDocument=json.dumps(document))
    body = json.dumps({"query": "{ both iam }"}).encode()
    _, _, told = graph.post(body, signed(graph, body, key["AccessKeyId"], key["SecretAccessKey"]))
    answer = json.loads(told)
    assert answer["data"] == {"both": f"arn:aws:iam::{ACCOUNT}:user/bob", "iam": None}
    assert denied(answer) == [(["iam"], "Unauthorized", "Not Authorized to access iam on type Query")]


def test_a_wrong_signature_is_refused(cloud):
    graph = graph_with(cloud, {"authenticationType": "AWS_IAM"})
    put_user(cloud, "ann", "AKIAUSER", "appsync:GraphQL")
    body = b'{"query": "{ iam }"}'
    status, headers, answer = graph.post(body, signed(graph, body, secret="wrong"))
    assert status == 403 and json.loads(answer)["errors"][0]["errorType"] == "InvalidSignatureException" == headers["x-amzn-ErrorType"]
    plain = graph_with(cloud)
    ask(plain, "{ open }", signed(plain, body), 401)


# Tokens ----------------------------------------------------------------------------------------------


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """An OpenID Connect provider on this machine."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(65_537, 2_048)
        numbers = self.key.public_key().public_numbers()
        keys = [{"kty": "RSA", "kid": "k", "n": _text(numbers.n.to_bytes(256, "big")), "e": _text(numbers.e.to_bytes(3, "big"))}]

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.server.asked += 1
                url = f"http://127.0.0.1:{self.server.server_port}"
                answers = {"/.well-known/openid-configuration": {"issuer": url, "jwks_uri": f"{url}/keys"}, "/keys": {"keys": keys}}
                body = json.dumps(answers[self.path]).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.asked, self.url = 0, f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def token(self, **claims) -> str:
        said = ".".join(_text(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "k"}, {"iss": self.url, "sub": "s", **claims}))
        return f"{said}.{_text(self.key.sign(said.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


@pytest.fixture
def issuer():
    made = Issuer()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_tokens_of_an_issuer_are_proved_by_its_keys(cloud, issuer):
    config = {"issuer": issuer.url, "clientId": "app|other", "iatTTL": 3_600_000}
    graph = graph_with(cloud, {"authenticationType": "OPENID_CONNECT", "openIDConnectConfig": config})
    graph.resolve("Query.token", "none", code=ANSWER % "ctx.identity.sub + ctx.identity.claims.aud + util.authType()")
    now = int(cloud.now())

    def told(status: int = 200, **claims) -> dict:
        good = {"aud": "app", "iat": now, "exp": now + 7200}
        return ask(graph, "{ token }", {"authorization": f"Bearer {issuer.token(**good | claims)}"}, status)

    assert told()["data"] == {"token": "sappOpen ID Connect Authorization"}
    asked = issuer.server.asked
    assert told(aud=["x", "other"])["data"]["token"].startswith("s") and issuer.server.asked == asked
    assert told(401, exp=now - 1)["errors"][0]["message"] == "Token has expired."
    assert told(401, iat=now - 4000)["errors"][0]["message"] == "Token has expired."
    assert told(401, aud="stranger")["errors"][0]["errorType"] == "UnauthorizedException"
    assert told(401, iss="http://127.0.0.1:1")["errors"][0]["errorType"] == "UnauthorizedException"
    token = issuer.token(aud="app", iat=now, exp=now + 9)
    forged = token[:-8] + ("AAAAAAAA" if not token.endswith("AAAAAAAA") else "BBBBBBBB")
    assert ask(graph, "{ token }", {"authorization": forged}, 401)["errors"][0]["message"] == "Unable to verify token signature."
    # aws-amplify/amplify-js#2645
    assert ask(graph, "{ token }", {"authorization": "nonsense"}, 401)["errors"][0]["message"] == "Unable to parse JWT token."


def test_tokens_of_user_pools_open_with_the_groups_of_their_user(cloud):
    pool = Pool(cloud)
    sub = pool.add(email="ann@example.com")
    pool.idp.create_group(GroupName="staff", UserPoolId=pool.id)
    pool.idp.admin_add_user_to_group(UserPoolId=pool.id, Username="ann", GroupName="staff")
    config = {"userPoolId": pool.id, "awsRegion": "us-east-1"}
    graph = graph_with(cloud, {"authenticationType": "AMAZON_COGNITO_USER_POOLS", "userPoolConfig": config}, schema=POOLED)
    for field in ("me", "staff", "boss"):
        graph.resolve(f"Query.{field}", "none", code=ANSWER % "ctx.identity.sub")
    result = pool.sign_in()
    for name in ("IdToken", "AccessToken"):
        answer = ask(graph, "{ me staff boss }", {"authorization": result[name]})
        assert answer["data"] == {"me": sub, "staff": sub, "boss": None} and denied(answer)[0][1] == "Unauthorized"
    other = Pool(cloud)
    other.add()
    for text in (other.sign_in()["IdToken"], result["IdToken"][:-8] + "AAAAAAAA"):
        assert ask(graph, "{ me }", {"authorization": text}, 401)["errors"][0]["errorType"] == "UnauthorizedException"


# Lambda ------------------------------------------------------------------------------------------------

AUTHORIZER = """
import json
def handler(event, context):
    token = event['authorizationToken']
    if token == 'broken': raise ValueError
    return {'isAuthorized': token != 'bad', 'resolverContext': {'said': json.dumps(sorted(event['requestContext']))},
            'deniedFields': ['Query.open'], 'ttlOverride': 0 if token == 'fresh' else 10}
"""


def test_a_function_says_who_may(cloud):
    arn = make(cloud, AUTHORIZER)["FunctionArn"]
    lambda_ = cloud.client("lambda")
    graph = graph_with(cloud, {"authenticationType": "AWS_LAMBDA", "lambdaAuthorizerConfig": {"authorizerUri": arn, "identityValidationExpression": "[a-z]+"}})
    graph.resolve("Query.lambda", "none", code=ANSWER % "ctx.identity.resolverContext.said")
    assert ask(graph, "{ lambda }", {"authorization": "good"}, 401)  # AppSync may not ask the function yet
    lambda_.add_permission(FunctionName="f", StatementId="s", Action="lambda:InvokeFunction", Principal="appsync.amazonaws.com", SourceArn=graph.api["arn"])
    told = ask(graph, "{ lambda }", {"authorization": "good"})["data"]["lambda"]
    assert json.loads(told) == ["accountId", "apiId", "operationName", "queryString", "requestId", "variables"]
    for token in ("bad", "broken", "UPPER"):
        assert ask(graph, "{ lambda }", {"authorization": token}, 401)["errors"][0]["message"] == "You are not authorized to make this call."
    lambda_.delete_function(FunctionName="f")
    assert ask(graph, "{ lambda }", {"authorization": "good"})["data"]["lambda"]
    cloud.sleep(11)
    ask(graph, "{ lambda }", {"authorization": "good"}, 401)


def test_a_function_denies_single_fields(cloud):
    arn = make(cloud, AUTHORIZER)["FunctionArn"]
    graph = Graph(cloud, "type Query { open: String other: String }", authenticationType="AWS_LAMBDA", lambdaAuthorizerConfig={"authorizerUri": arn})
    cloud.client("lambda").add_permission(FunctionName="f", StatementId="s", Action="lambda:InvokeFunction", Principal="appsync.amazonaws.com")
    answer = ask(graph, "{ open other }", {"authorization": "fine"})
    assert denied(answer) == [(["open"], "Unauthorized", "Not Authorized to access open on type Query")]


def test_providers_must_say_what_they_need(cloud):
    client = cloud.client("appsync")

    def told(**more) -> str:
        return refused(client.create_graphql_api, **{"name": "g", "authenticationType": "API_KEY", **more})[0]

    assert told(authenticationType="AWS_LAMBDA") == "BadRequestException"
    assert told(authenticationType="OPENID_CONNECT") == "BadRequestException"
    assert told(additionalAuthenticationProviders=[{"authenticationType": "API_KEY"}]) == "BadRequestException"
    assert told(apiType="MERGED") == "NotImplemented"
    assert told(visibility="PRIVATE") == "NotImplemented"
