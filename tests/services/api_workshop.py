"""APIs for tests: methods with a mock or a function behind them, and a function that stands for Lambda."""

from __future__ import annotations

import json


def rest_api(client, *, name: str = "shop", **more) -> tuple[str, str]:
    made = client.create_rest_api(name=name, **more)
    return made["id"], made["rootResourceId"]


def resource(client, api: str, parent: str, *parts: str) -> str:
    for part in parts:
        parent = client.create_resource(restApiId=api, parentId=parent, pathPart=part)["id"]
    return parent


def mock(
    client,
    api: str,
    place: str,
    verb: str = "GET",
    *,
    body: str = "",
    headers: dict | None = None,
    status: str = "200",
    **method,
):
    here = {"restApiId": api, "resourceId": place, "httpMethod": verb}
    client.put_method(**here, authorizationType=method.pop("authorizationType", "NONE"), **method)
    client.put_integration(
        **here, type="MOCK", requestTemplates={"application/json": f'{{"statusCode": {status}}}'}
    )
    declared = {f"method.response.header.{header}": False for header in headers or {}}
    client.put_method_response(**here, statusCode=status, responseParameters=declared)
    client.put_integration_response(
        **here,
        statusCode=status,
        responseParameters={
            f"method.response.header.{header}": f"'{value}'" for header, value in (headers or {}).items()
        },
        responseTemplates={"application/json": body},
    )


FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:shop"


def uri(function: str = FUNCTION) -> str:
    return f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"


def proxy(client, api: str, place: str, verb: str = "ANY", *, function: str = FUNCTION, **method) -> None:
    here = {"restApiId": api, "resourceId": place, "httpMethod": verb}
    client.put_method(**here, authorizationType=method.pop("authorizationType", "NONE"), **method)
    client.put_integration(**here, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri(function))


def deploy(client, api: str, stage: str = "prod", **more) -> str:
    return client.create_deployment(restApiId=api, stageName=stage, **more)["id"]


class Function:
    """Stands for Lambda in a region: hears what API Gateway asks and answers what a test wants."""

    def __init__(self, region) -> None:
        self.region = region
        self.asked: list[dict] = []
        self.events: list[dict] = []
        self.answer: object = {"statusCode": 200, "body": "hello"}
        self.error: Exception | None = None
        self.is_failing = False
        self._ask = region.gate.ask
        region.gate.ask = self.ask

    async def ask(self, principal, operation, params, *more, **named):
        if operation != "lambda:Invoke":
            return await self._ask(principal, operation, params, *more, **named)
        if self.error is not None:
            raise self.error
        self.asked.append({"principal": principal, **params})
        self.events.append(json.loads(params["Payload"]))
        answer = self.answer(self.events[-1]) if callable(self.answer) else self.answer
        payload = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return {"StatusCode": 200, "Payload": payload} | (
            {"FunctionError": "Unhandled"} if self.is_failing else {}
        )
