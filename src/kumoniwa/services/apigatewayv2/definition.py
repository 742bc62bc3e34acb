"""What the owner of an API has said: one frozen record with everything of the API, and stages and deployments that show it.

A deployment keeps the record as it stood. A stage that deploys by itself gets a new deployment with every change, in the
same call; the deployment it had before goes with it, unless somebody else shows it.

Where no other source is named, what this service refuses it refuses as badmintoncryer/cdk-preflight saw it of AWS (rules/apigatewayv2).
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.names import HostName
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed

SERVICE = "apigatewayv2"
AUTOMATIC = "Automatic deployment triggered by changes to the Api configuration"


class BadRequestException(AwsError): ...


class NotFoundException(AwsError): ...


class ConflictException(AwsError): ...


class Api(Record):
    """Each kind of part by its id, as its Get operation answers it."""

    document: dict[str, Any]
    """What GetApi answers, without tags."""
    made: float
    routes: dict[str, dict[str, Any]] = {}
    route_responses: dict[str, dict[str, dict[str, Any]]] = {}
    """By the route's id."""
    integrations: dict[str, dict[str, Any]] = {}
    integration_responses: dict[str, dict[str, dict[str, Any]]] = {}
    """By the integration's id."""
    authorizers: dict[str, dict[str, Any]] = {}
    models: dict[str, dict[str, Any]] = {}
    tags: dict[str, str] = {}

    @property
    def id(self) -> str:
        return self.document["ApiId"]

    @property
    def is_http(self) -> bool:
        return self.document["ProtocolType"] == "HTTP"


class Deployment(Record):
    """Shelved by ``api/deployment``."""

    document: dict[str, Any]
    api: Api


class Stage(Record):
    """Shelved by ``api/stage``."""

    api_id: str
    document: dict[str, Any]
    tags: dict[str, str] = {}

    @property
    def name(self) -> str:
        return self.document["StageName"]


def said(**members: Any) -> dict[str, Any]:
    """The members that a caller did say something of."""
    return {name: value for name, value in members.items() if value is not None}


def find(call: Call, api_id: str) -> Api:
    api = call.shelf(Api).get(api_id)
    if api is None:
        raise NotFoundException(f"Invalid API identifier specified {call.account}:{api_id}")
    return api


def part(parts: dict[str, dict[str, Any]], kind: str, id_: str) -> dict[str, Any]:
    """One part of an API by its id."""
    found = parts.get(id_)
    if found is None:
        raise NotFoundException(f"Invalid {kind} identifier specified {id_}")
    return found


def without(parts: dict[str, Any], id_: str) -> dict[str, Any]:
    return {key: kept for key, kept in parts.items() if key != id_}


def of(call: Call, kind: type, api_id: str) -> list[Any]:
    """The stages or deployments of an API, in the order of their names."""
    shelf = call.shelf(kind)
    return [shelf[key] for key in sorted(shelf) if key.startswith(f"{api_id}/")]


def put(call: Call, api: Api) -> Api:
    """Keep a changed API, and show it wherever a stage deploys by itself."""
    call.shelf(Api)[api.id] = api
    for stage in of(call, Stage, api.id):
        if stage.document.get("AutoDeploy") and api.routes:
            show(call, stage, deploy(call, api, AUTOMATIC, is_automatic=True))
    return api


def deploy(call: Call, api: Api, description: str | None, *, is_automatic: bool = False) -> str:
    """Keep the API as it stands; answers the deployment's id."""
    id_ = call.ids.lower(6)
    document = {
        "AutoDeployed": is_automatic,
        "CreatedDate": call.now(),
        "DeploymentId": id_,
        "DeploymentStatus": "DEPLOYED",
        **said(Description=description),
    }
    call.shelf(Deployment)[f"{api.id}/{id_}"] = Deployment(document=document, api=api)
    return id_


def show(call: Call, stage: Stage, deployment_id: str, **more: Any) -> Stage:
    """Let a stage show another deployment. One that was made by itself and that no stage shows any more is gone."""
    api_id, before = stage.api_id, stage.document.get("DeploymentId")
    document = {**stage.document, "DeploymentId": deployment_id, "LastUpdatedDate": call.now(), **more}
    if document.get("AutoDeploy"):
        document["LastDeploymentStatusMessage"] = f"Successfully deployed stage with deployment ID '{deployment_id}'"
    stage = call.shelf(Stage)[f"{api_id}/{stage.name}"] = changed(stage, document=document)
    held = call.shelf(Deployment).get(f"{api_id}/{before}")
    if held is not None and held.document["AutoDeployed"]:
        if not any(other.document.get("DeploymentId") == before for other in of(call, Stage, api_id)):
            del call.shelf(Deployment)[f"{api_id}/{before}"]
    return stage


def claim(call: Call, api: Api) -> None:
    """Let the gate know whose the API's name is: its callers name no account."""
    call.home.store.shelf(SHARED, HostName)[api.id] = HostName(name=api.id, account=call.account, service=SERVICE)


def account_of(home: Any, api_id: str) -> str | None:
    """Whose an API is."""
    claimed = home.store.shelf(SHARED, HostName).get(api_id)
    return claimed.account if claimed is not None else None
