"""The operations of AWS Fault Injection Service."""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.once import Token
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.fis import experiment as experiments
from kumoniwa.services.fis import template as templates
from kumoniwa.services.fis.action import ACTIONS, ELSEWHERE, TYPES, ValidationException
from kumoniwa.services.fis.experiment import FINAL, SERVICE, Experiment, Step
from kumoniwa.services.fis.template import ConflictException, ResourceNotFoundException, Template
from kumoniwa.services.fis.work import BEGUN, changed_key

ID_LENGTH = 17
SINGLE_ACCOUNT = "single-account"


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str | list[str]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsfaultinjectionservice.html"""
    if "resourceArn" in params:
        return params["resourceArn"]
    id_ = params.get("id") or params.get("experimentId") or "*"
    if operation == "StartExperiment":
        return [call.arn(f"experiment-template/{params.get('experimentTemplateId', '*')}"), call.arn("experiment/*")]
    if "Template" in operation:
        return call.arn(f"experiment-template/{id_}")
    if "Experiment" in operation:
        return call.arn(f"experiment/{id_}")
    if operation in ("GetAction", "ListActions"):
        return call.arn(f"action/{id_}")
    if "SafetyLever" in operation:
        return call.arn(f"safety-lever/{id_}")
    return "*"


def _used() -> ConflictException:
    return ConflictException("The client token was used for a request with other parameters.", hint="Every new request wants a token of its own.")


TOKENS = {name: Token("clientToken", refusal=_used) for name in ("CreateExperimentTemplate", "StartExperiment")}


# Templates -----------------------------------------------------------------------------------------


def CreateExperimentTemplate(
    call: Call,
    *,
    clientToken: str,
    description: str,
    stopConditions: list[dict],
    actions: dict[str, dict],
    roleArn: str,
    targets: dict[str, dict] | None = None,
    tags: dict[str, str] | None = None,
    experimentOptions: dict[str, str] | None = None,
    experimentReportConfiguration: dict | None = None,
) -> dict:
    call.require("iam:PassRole", roleArn, **{"iam:PassedToService": SERVICE})
    now = call.now()
    template = Template(
        id="EXT" + call.ids.lower(ID_LENGTH - 3).upper(), description=description, role_arn=roleArn, actions=actions, targets=targets or {},
        stops=stopConditions, options=_options(experimentOptions or {}), report=experimentReportConfiguration or {}, tags=tags or {},
        created_at=now, updated_at=now,
    )  # fmt: skip
    call.shelf(Template)[template.id] = templates.checked(call, template)
    return {"experimentTemplate": templates.shown(call, template)}


def _options(said: dict[str, str]) -> dict[str, str]:
    if said.get("accountTargeting", SINGLE_ACCOUNT) != SINGLE_ACCOUNT:
        raise NotImplementedHere("experiments in several accounts")
    return {"accountTargeting": SINGLE_ACCOUNT, "emptyTargetResolutionMode": said.get("emptyTargetResolutionMode", "fail")}


def GetExperimentTemplate(call: Call, *, id: str) -> dict:
    return {"experimentTemplate": templates.shown(call, templates.existing(call, id))}


def ListExperimentTemplates(call: Call) -> dict:
    names = ("id", "arn", "description", "creationTime", "lastUpdateTime", "tags")
    listed = [templates.shown(call, template) for template in call.shelf(Template).values()]
    return {"experimentTemplates": [{name: template[name] for name in names} for template in listed]}


def UpdateExperimentTemplate(
    call: Call,
    *,
    id: str,
    description: str | None = None,
    stopConditions: list[dict] | None = None,
    targets: dict[str, dict] | None = None,
    actions: dict[str, dict] | None = None,
    roleArn: str | None = None,
    experimentOptions: dict[str, str] | None = None,
    experimentReportConfiguration: dict | None = None,
) -> dict:
    """What is given replaces the whole of what was there."""
    template = templates.existing(call, id)
    if roleArn is not None:
        call.require("iam:PassRole", roleArn, **{"iam:PassedToService": SERVICE})
    said = {
        "description": description,
        "stops": stopConditions,
        "targets": targets,
        "actions": actions,
        "role_arn": roleArn,
        "report": experimentReportConfiguration,
    }
    if experimentOptions is not None:
        said["options"] = template.options | _options(experimentOptions)
    template = changed(template, **{name: value for name, value in said.items() if value is not None}, updated_at=call.now())
    call.shelf(Template)[id] = templates.checked(call, template)
    return {"experimentTemplate": templates.shown(call, template)}


def DeleteExperimentTemplate(call: Call, *, id: str) -> dict:
    template = templates.existing(call, id)
    del call.shelf(Template)[id]
    return {"experimentTemplate": templates.shown(call, template)}


# Experiments ---------------------------------------------------------------------------------------


class Lever(Record):
    """The safety lever of an account: while it is engaged nothing may start, and engaging it stops what runs."""

    is_engaged: bool = False
    reason: str = ""


def StartExperiment(
    call: Call, *, clientToken: str, experimentTemplateId: str, experimentOptions: dict[str, str] | None = None, tags: dict[str, str] | None = None
) -> dict:
    template = templates.existing(call, experimentTemplateId)
    if _lever(call).is_engaged:
        raise ConflictException("The safety lever is engaged.", hint="UpdateSafetyLeverState disengages it.")
    experiment = Experiment(
        id="EXP" + call.ids.lower(ID_LENGTH - 3).upper(), template=template, mode=(experimentOptions or {}).get("actionsMode", "run-all"),
        tags=tags or {}, created_at=call.now(), steps={name: Step() for name in template.actions},
    )  # fmt: skip
    experiments.put(call, experiment)
    call.home.wake(BEGUN)
    return {"experiment": experiments.shown(call, experiment)}


def _existing(call: Call, id_: str) -> Experiment:
    experiment = call.shelf(Experiment).get(id_)
    if experiment is None:
        raise ResourceNotFoundException(f"Experiment {id_} not found.")
    return experiment


def GetExperiment(call: Call, *, id: str) -> dict:
    return {"experiment": experiments.shown(call, _existing(call, id))}


def ListExperiments(call: Call, *, experimentTemplateId: str | None = None) -> dict:
    names = ("id", "arn", "experimentTemplateId", "state", "creationTime", "tags", "experimentOptions")
    found = [e for e in call.shelf(Experiment).values() if experimentTemplateId in (None, e.template.id)]
    return {"experiments": [{name: said[name] for name in names} for said in (experiments.shown(call, each) for each in found)]}


def ListExperimentResolvedTargets(call: Call, *, experimentId: str, targetName: str | None = None) -> dict:
    experiment = _existing(call, experimentId)
    return {
        "resolvedTargets": [
            {"resourceType": experiment.template.targets[name]["resourceType"], "targetName": name, "targetInformation": {"arn": arn}}
            for name, arns in experiment.resolved.items()
            if targetName in (None, name)
            for arn in arns
        ]
    }


def StopExperiment(call: Call, *, id: str) -> dict:
    experiment = _existing(call, id)
    if experiment.status in FINAL:
        raise ValidationException(f"Experiment {id} cannot be stopped: its state is {experiment.status}.")
    return {"experiment": experiments.shown(call, _stop(call, experiment, "Experiment halted by user"))}


def _stop(call: Call, experiment: Experiment, reason: str) -> Experiment:
    experiment = experiments.put(call, changed(experiment, status="stopping", reason=reason, is_stopping=reason))
    call.home.wake(changed_key(call.account, experiment.id))
    return experiment


# The safety lever ----------------------------------------------------------------------------------


def _lever(call: Call) -> Lever:
    return call.shelf(Lever).get("default", Lever())


def _lever_shown(call: Call, id_: str) -> dict:
    if id_ not in ("default", call.arn("safety-lever/default")):
        raise ResourceNotFoundException(f"Safety lever {id_} not found.")
    lever = _lever(call)
    said = {"status": "engaged" if lever.is_engaged else "disengaged", "reason": lever.reason}
    return {"safetyLever": {"id": "default", "arn": call.arn("safety-lever/default"), "state": said}}


def GetSafetyLever(call: Call, *, id: str) -> dict:
    return _lever_shown(call, id)


def UpdateSafetyLeverState(call: Call, *, id: str, state: dict) -> dict:
    _lever_shown(call, id)
    is_engaged = state["status"] == "engaged"
    call.shelf(Lever)["default"] = Lever(is_engaged=is_engaged, reason=state["reason"])
    if is_engaged:
        for experiment in call.shelf(Experiment).values():
            if experiment.status not in FINAL:
                _stop(call, experiment, "Experiment halted by safety lever")
    return _lever_shown(call, id)


# What there is -------------------------------------------------------------------------------------


def _action_shown(call: Call, id_: str) -> dict:
    known = ACTIONS[id_]
    said: dict[str, Any] = {"id": id_, "arn": call.arn(f"action/{id_}"), "description": known.says, "tags": {}}
    if known.target is not None:
        said["targets"] = {known.target[0]: {"resourceType": known.target[1]}}
    return said


def GetAction(call: Call, *, id: str) -> dict:
    if id in ELSEWHERE:
        raise NotImplementedHere(f"the FIS action {id}")
    if id not in ACTIONS:
        raise ResourceNotFoundException(f"Action {id} not found.")
    parameters = {name: {"description": p.says, "required": p.is_required} for name, p in ACTIONS[id].parameters.items()}
    return {"action": _action_shown(call, id) | {"parameters": parameters}}


def ListActions(call: Call) -> dict:
    """Those that are here: what AWS has beyond them is refused by name when a template asks for it."""
    return {"actions": [_action_shown(call, id_) for id_ in ACTIONS]}


def GetTargetResourceType(call: Call, *, resourceType: str) -> dict:
    if resourceType not in TYPES:
        raise ResourceNotFoundException(f"Target resource type {resourceType} not found.")
    return {"targetResourceType": {"resourceType": resourceType, "description": TYPES[resourceType], "parameters": {}}}


def ListTargetResourceTypes(call: Call) -> dict:
    return {"targetResourceTypes": [{"resourceType": name, "description": says} for name, says in TYPES.items()]}


# Tags ----------------------------------------------------------------------------------------------


def _tagged(call: Call, arn: str) -> tuple[Any, Template | Experiment]:
    """The shelf and the record that an ARN names."""
    kind, _, id_ = arn.rpartition(":")[2].partition("/")
    shelf = call.shelf({"experiment-template": Template, "experiment": Experiment}.get(kind, Template))
    if arn != call.arn(f"{kind}/{id_}") or id_ not in shelf:
        raise ResourceNotFoundException(f"Resource {arn} not found.")
    return shelf, shelf[id_]


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return _tagged(call, arn)[1].tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    kinds = {"experiment-template": Template, "experiment": Experiment}
    return [(call.arn(f"{name}/{key}"), each.tags) for name, kind in kinds.items() for key, each in call.shelf(kind).items()]


def TagResource(call: Call, *, resourceArn: str, tags: dict[str, str]) -> None:
    shelf, record = _tagged(call, resourceArn)
    both = record.tags | tags
    if len(both) > templates.TAGS_MAX:
        raise ValidationException(f"A resource has at most {templates.TAGS_MAX} tags.")
    shelf[record.id] = changed(record, tags=both)


def UntagResource(call: Call, *, resourceArn: str, tagKeys: list[str] | None = None) -> None:
    shelf, record = _tagged(call, resourceArn)
    if not tagKeys:
        raise ValidationException("tagKeys must name the tags to remove.")
    shelf[record.id] = changed(record, tags={key: value for key, value in record.tags.items() if key not in tagKeys})


def ListTagsForResource(call: Call, *, resourceArn: str) -> dict:
    return {"tags": _tagged(call, resourceArn)[1].tags}
