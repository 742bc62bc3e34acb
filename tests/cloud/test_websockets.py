"""WebSocket APIs on the cloud's one port: upgrades pass the door, a killed region takes its connections with it."""

import io
import json
import socket
import zipfile

import pytest
from botocore.exceptions import ClientError
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, TextMessage

from cloud.conftest import eventually

REGION = "eu-central-1"


class Client:
    """A WebSocket's client that waits for real."""

    def __init__(self, cloud, host: str, path: str) -> None:
        self.socket, self.wire, self.events = cloud.socket(), Connection(ConnectionType.CLIENT), []
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.socket.recv(1)
        self.status = int(head.split(b" ")[1])

    def send(self, text: str) -> None:
        self.socket.sendall(self.wire.send(TextMessage(text)))

    def receive(self, within_s: float = 10):
        """The next message or goodbye; None if the connection ended without one. Raises TimeoutError."""
        self.socket.settimeout(within_s)
        while not self.events:
            try:
                piece = self.socket.recv(65536)
            except ConnectionResetError:
                return None
            if not piece:
                return None
            self.wire.receive_data(piece)
            self.events += self.wire.events()
        event = self.events.pop(0)
        return (int(event.code), event.reason) if isinstance(event, CloseConnection) else event.data


@pytest.fixture
def api(shared):
    """An API that tells each client its connection's id."""
    gateway = shared.client("apigatewayv2", REGION)
    id_ = gateway.create_api(Name="chat", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")["ApiId"]
    mock = gateway.create_integration(ApiId=id_, IntegrationType="MOCK", RequestTemplates={"$default": '{"statusCode": 200}'})
    gateway.create_integration_response(
        ApiId=id_, IntegrationId=mock["IntegrationId"], IntegrationResponseKey="$default",
        ResponseTemplates={"$default": '{"id": "$context.connectionId"}'},
    )  # fmt: skip
    route = gateway.create_route(ApiId=id_, RouteKey="$default", Target=f"integrations/{mock['IntegrationId']}")["RouteId"]
    gateway.create_route_response(ApiId=id_, RouteId=route, RouteResponseKey="$default")
    gateway.create_stage(ApiId=id_, StageName="prod", AutoDeploy=True)
    yield id_
    gateway.delete_api(ApiId=id_)


def hosts(api: str) -> list[str]:
    return [f"{api}.execute-api.{REGION}.localhost", f"{api}.execute-api.localhost.example.test"]


def test_an_upgrade_finds_its_region_by_the_host_or_by_the_apis_own_name(shared, api):
    for host, path in [*((host, "/prod") for host in hosts(api)), ("localhost", f"/ws/{api}/prod"), ("localhost", f"/_aws/execute-api/{api}/prod")]:
        client = Client(shared, host, path)
        assert client.status == 101, (host, path)
        client.send("who am I?")
        assert json.loads(client.receive())["id"].endswith("=")
        client.socket.close()


def test_an_upgrade_may_follow_a_request_for_another_region_on_one_connection(shared, api):
    with shared.socket() as connection:
        connection.sendall(b"GET /_kumoniwa/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        received = b""
        while b"\r\n\r\n" not in received or not received.rstrip().endswith(b"}"):
            received += connection.recv(65536)
        connection.sendall(
            f"GET /prod HTTP/1.1\r\nHost: {hosts(api)[0]}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        assert connection.recv(12) == b"HTTP/1.1 101"


def test_a_killed_region_goes_dark_and_its_connections_do_not_come_back_with_it(shared, api):
    client = Client(shared, hosts(api)[0], "/prod")
    client.send("who am I?")
    id_ = json.loads(client.receive())["id"]
    back = shared.client("apigatewaymanagementapi", REGION)
    back.post_to_connection(ConnectionId=id_, Data=b"still there")
    assert client.receive() == "still there"
    shared.region(REGION, "kill")
    client.send("anybody?")
    with pytest.raises(TimeoutError):
        client.receive(0.5)
    shared.region(REGION, "restart")
    assert client.receive() is None
    with pytest.raises(ClientError) as error:
        back.get_connection(ConnectionId=id_)
    assert error.value.response["Error"]["Code"] == "GoneException"
    again = Client(shared, hosts(api)[0], "/prod")
    again.send("who am I?")
    assert json.loads(again.receive())["id"] != id_


def test_a_cloud_that_ends_in_good_order_ends_its_connections(up):
    cloud = up()
    gateway = cloud.client("apigatewayv2")
    id_ = gateway.create_api(Name="c", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.a")["ApiId"]
    gateway.create_route(ApiId=id_, RouteKey="x")
    gateway.create_stage(ApiId=id_, StageName="prod", AutoDeploy=True)
    client = Client(cloud, f"{id_}.execute-api.us-east-1.localhost", "/prod")
    assert client.status == 101
    assert cloud.stop() == 0
    assert client.receive() is None


def test_a_client_that_leaves_leaves_nothing_behind(shared, api):
    before = shared.regions()[REGION]["connections"]
    clients = [Client(shared, hosts(api)[0], "/prod") for _ in range(20)]
    assert shared.regions()[REGION]["connections"] >= before + 20
    for client in clients:
        client.socket.shutdown(socket.SHUT_RDWR)
        client.socket.close()
    assert eventually(lambda: shared.regions()[REGION]["connections"] <= before)


CHAT = '''
import json, boto3

table = boto3.resource("dynamodb").Table("chat")

def handler(event, context):
    where = event["requestContext"]
    if where["routeKey"] == "$connect":
        table.put_item(Item={"id": where["connectionId"]})
    elif where["routeKey"] == "$disconnect":
        table.delete_item(Key={"id": where["connectionId"]})
    else:
        back = boto3.client("apigatewaymanagementapi", endpoint_url=f"https://{where['domainName']}/{where['stage']}")
        for item in table.scan()["Items"]:
            try:
                back.post_to_connection(ConnectionId=item["id"], Data=json.loads(event["body"])["text"].encode())
            except back.exceptions.GoneException:
                table.delete_item(Key={"id": item["id"]})
    return {"statusCode": 200}
'''
"""As AWS's samples write it: https://github.com/aws-samples/simple-websockets-chat-app"""


def _may(cloud, name: str, api: str) -> str:
    """A role for a function that may speak to the clients of an API."""
    iam = cloud.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    allowed = [
        {"Effect": "Allow", "Action": "execute-api:ManageConnections", "Resource": f"arn:aws:execute-api:*:*:{api}/prod/POST/@connections/*"},
        {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "arn:aws:dynamodb:*:*:table/chat"},
    ]
    iam.put_role_policy(RoleName=name, PolicyName="speak", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allowed}))
    return role["Role"]["Arn"]


def test_a_chat_written_for_aws_reaches_everybody_who_is_there(shared):
    gateway, functions = shared.client("apigatewayv2"), shared.client("lambda")
    shared.client("dynamodb").create_table(
        TableName="chat", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    api = gateway.create_api(Name="chat", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")["ApiId"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("index.py", CHAT)
    function = functions.create_function(
        FunctionName="chat", Runtime="python3.12", Timeout=10, Role=_may(shared, "chat", api), Handler="index.handler", Code={"ZipFile": packed.getvalue()}
    )["FunctionArn"]
    functions.add_permission(
        FunctionName="chat", StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:us-east-1:000000000000:{api}/*",
    )  # fmt: skip
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"
    made = gateway.create_integration(ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=uri)["IntegrationId"]
    for key in ("$connect", "$disconnect", "say"):
        gateway.create_route(ApiId=api, RouteKey=key, Target=f"integrations/{made}")
    gateway.create_stage(ApiId=api, StageName="prod", AutoDeploy=True)
    clients = [Client(shared, f"{api}.execute-api.us-east-1.localhost", "/prod") for _ in range(3)]
    assert [client.status for client in clients] == [101, 101, 101]
    for client in clients:
        client.send('{"action": "say", "text": "hello"}')
        assert [each.receive() for each in clients] == ["hello"] * 3
    clients[0].socket.close()
    clients[1].send('{"action": "say", "text": "still here"}')
    assert [each.receive() for each in clients[1:]] == ["still here"] * 2
