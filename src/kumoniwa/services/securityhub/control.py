"""Controls: what each is, which standards have it, where it is enabled, and which of its parameters a customer has set.

https://docs.aws.amazon.com/securityhub/latest/userguide/controls-view-manage.html
https://docs.aws.amazon.com/securityhub/latest/userguide/custom-control-parameters.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.aws import security_controls
from kumoniwa.aws.security_controls import CIS, Control, Parameter
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.securityhub import hub, standard
from kumoniwa.services.securityhub.errors import InvalidInputException, ResourceNotFoundException
from kumoniwa.services.securityhub.judged import JUDGED
from kumoniwa.services.securityhub.standard import Standard

ENABLED, DISABLED = "ENABLED", "DISABLED"
BATCH_MAX = 100
_CIS_NUMBERS = {"S3.1": "2.1.4.1", "S3.8": "2.1.4.2"}
"""Two controls of one requirement: their numbers are those by which aws-solutions/automated-security-response-on-aws is called."""


class Association(Record):
    """What a customer has said of a control in a standard; shelved by ``PATH ID``."""

    status: str
    reason: str
    updated: float


class Custom(Record):
    """The parameters of a control that a customer has set; shelved by its id."""

    values: dict[str, Any] = {}
    reason: str = ""


def url(control: Control) -> str:
    return f"https://docs.aws.amazon.com/console/securityhub/{control.id}/remediation"


def arn_of(call: Call, control: Control) -> str:
    return call.arn(f"security-control/{control.id}")


def number(control: Control, path: str) -> str:
    """Its id in a standard, which for CIS's benchmark is the number of its requirement."""
    return _CIS_NUMBERS.get(control.id, control.requirement) if path == CIS else control.id


def standard_arn(call: Call, control: Control, path: str) -> str:
    return call.arn(f"control/{path}/{number(control, path)}")


def requirements(control: Control, path: str) -> list[str]:
    """https://docs.aws.amazon.com/securityhub/latest/userguide/iam-controls.html: "CIS AWS Foundations Benchmark v3.0.0/1.15" """
    return [f"CIS AWS Foundations Benchmark v3.0.0/{control.requirement}"] if path == CIS else []


def all_of(path: str) -> list[Control]:
    """The controls of a standard that are judged here."""
    return [each for each in security_controls.controls().values() if path in each.standards and each.id in JUDGED]


def _known(said: str) -> Control:
    control = security_controls.controls().get(said.rpartition("security-control/")[2])
    if control is None:
        raise ResourceNotFoundException(f"The security control {said} does not exist.")
    return control


def existing(said: str) -> Control:
    """A control by its id or ARN, if it is judged here. Raises ResourceNotFoundException, or NotImplementedHere by its name."""
    control = _known(said)
    if control.id not in JUDGED:
        raise NotImplementedHere(f"the control {control.id} of securityhub")
    return control


# Where it is enabled -------------------------------------------------------------------------------


def _association(call: Call, control: Control, path: str) -> Association | None:
    return call.shelf(Association).get(f"{path} {control.id}")


def is_enabled(call: Call, control: Control, path: str) -> bool:
    said = _association(call, control, path)
    return said is None or said.status == ENABLED


def enabled_in(call: Call, control: Control) -> list[Standard]:
    """The enabled standards in which it is enabled."""
    return [each for each in standard.enabled(call) if each.path in control.standards and is_enabled(call, control, each.path)]


def set_status(call: Call, control: Control, path: str, status: str, reason: str | None) -> None:
    call.shelf(Association)[f"{path} {control.id}"] = Association(status=status, reason=reason or "", updated=call.now())
    hub.wake(call)


def forget(call: Call, path: str) -> None:
    """What was said of a standard's controls ends with it."""
    for key in [key for key in call.shelf(Association) if key.startswith(f"{path} ")]:
        del call.shelf(Association)[key]


def _associated(call: Call, control: Control, each: Standard) -> dict[str, Any]:
    said, held = _association(call, control, each.path), call.shelf(standard.Subscription)[each.path]
    status = said.status if said is not None else ENABLED
    told = {
        "StandardsArn": standard.arn_of(call, each), "SecurityControlId": control.id, "SecurityControlArn": arn_of(call, control),
        "AssociationStatus": status, "RelatedRequirements": requirements(control, each.path) if status == ENABLED else [],
        "UpdatedAt": said.updated if said is not None else held.since, "StandardsControlTitle": control.title,
        "StandardsControlDescription": control.description,
    }  # fmt: skip
    return told | ({"UpdatedReason": said.reason} if said is not None and said.reason else {})


def ListStandardsControlAssociations(call: Call, *, SecurityControlId: str) -> dict:
    hub.existing(call)
    control = existing(SecurityControlId)
    return {"StandardsControlAssociationSummaries": [_associated(call, control, each) for each in standard.enabled(call) if each.path in control.standards]}


def _found(call: Call, said: dict[str, str]) -> tuple[Control, Standard] | tuple[str, str]:
    """The control and its enabled standard, or the code and the text of why not."""
    try:
        control, wanted = existing(said["SecurityControlId"]), standard.of_arn(call, said["StandardsArn"])
    except ResourceNotFoundException as error:
        return "NOT_FOUND", error.text
    except InvalidInputException as error:
        return "INVALID_INPUT", error.text
    if wanted not in standard.enabled(call) or wanted.path not in control.standards:
        return "NOT_FOUND", f"The control {control.id} is not in an enabled standard {said['StandardsArn']}."
    return control, wanted


def _identity(said: dict[str, str]) -> dict[str, str]:
    return {name: said[name] for name in ("SecurityControlId", "StandardsArn")}


def BatchGetStandardsControlAssociations(call: Call, *, StandardsControlAssociationIds: list[dict[str, str]]) -> dict:
    hub.existing(call)
    details, unprocessed = [], []
    for said in StandardsControlAssociationIds:
        control, wanted = _found(call, said)
        if isinstance(wanted, str):
            unprocessed.append({"StandardsControlAssociationId": _identity(said), "ErrorCode": control, "ErrorReason": wanted})
        else:
            arns = [standard_arn(call, control, wanted.path)]
            details.append(_associated(call, control, wanted) | {"StandardsControlArns": arns})
    return {"StandardsControlAssociationDetails": details, "UnprocessedAssociations": unprocessed}


def BatchUpdateStandardsControlAssociations(call: Call, *, StandardsControlAssociationUpdates: list[dict[str, str]]) -> dict:
    hub.existing(call)
    unprocessed = []
    for said in StandardsControlAssociationUpdates:
        control, wanted = _found(call, said)
        if not isinstance(wanted, str) and said["AssociationStatus"] == DISABLED and not said.get("UpdatedReason"):
            control, wanted = "INVALID_INPUT", "UpdatedReason must be specified when a control is disabled."
        if isinstance(wanted, str):
            unprocessed.append({"StandardsControlAssociationUpdate": said, "ErrorCode": control, "ErrorReason": wanted})
        else:
            set_status(call, control, wanted.path, said["AssociationStatus"], said.get("UpdatedReason"))
    return {"UnprocessedAssociationUpdates": unprocessed}


def DescribeStandardsControls(call: Call, *, StandardsSubscriptionArn: str) -> dict:
    hub.existing(call)
    held = standard.subscribed(call, StandardsSubscriptionArn)
    controls = []
    for each in all_of(held.path):
        said = _association(call, each, held.path)
        told = {
            "StandardsControlArn": standard_arn(call, each, held.path), "ControlStatus": said.status if said is not None else ENABLED,
            "ControlStatusUpdatedAt": said.updated if said is not None else held.since, "ControlId": number(each, held.path), "Title": each.title,
            "Description": each.description, "RemediationUrl": url(each), "SeverityRating": each.severity,
            "RelatedRequirements": requirements(each, held.path),
        }  # fmt: skip
        controls.append(told | ({"DisabledReason": said.reason} if said is not None and said.status == DISABLED else {}))
    return {"Controls": controls}


def UpdateStandardsControl(call: Call, *, StandardsControlArn: str, ControlStatus: str | None = None, DisabledReason: str | None = None) -> None:
    """https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_UpdateStandardsControl.html"""
    hub.existing(call)
    for each in standard.enabled(call):
        for control in all_of(each.path):
            if StandardsControlArn == standard_arn(call, control, each.path):
                if ControlStatus == DISABLED and not DisabledReason:
                    raise InvalidInputException("DisabledReason must be specified when a control is disabled.")
                if ControlStatus is not None:
                    set_status(call, control, each.path, ControlStatus, DisabledReason if ControlStatus == DISABLED else None)
                return
    # https://github.com/ministryofjustice/modernisation-platform-terraform-baselines/pull/74
    raise ResourceNotFoundException("StandardsControl not found")


# Parameters ----------------------------------------------------------------------------------------


def _typed(parameter: Parameter, text: str) -> Any:
    return {"Integer": lambda: int(float(text)), "Double": lambda: float(text), "Boolean": lambda: text.lower() == "true"}[parameter.type]()


def _is_settable(parameter: Parameter) -> bool:
    """What an Enum may be is not known here."""
    return parameter.type in ("Integer", "Double", "Boolean")


def _options(parameter: Parameter) -> dict[str, Any]:
    bounds = {"DefaultValue": parameter.default, "Min": parameter.least, "Max": parameter.most}
    return {parameter.type: {name: _typed(parameter, text) for name, text in bounds.items() if text is not None}}


def inputs(call: Call, control: Control) -> dict[str, str]:
    """The parameters of its rule."""
    custom = call.shelf(Custom).get(control.id)
    own = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in (custom.values if custom else {}).items()}
    return {**JUDGED[control.id], **own}


def values(call: Call, control: Control) -> dict[str, tuple[str, Any]]:
    """Each settable parameter with DEFAULT or CUSTOM and its value, None where it has none."""
    custom = call.shelf(Custom).get(control.id)
    own = custom.values if custom is not None else {}
    return {
        name: ("CUSTOM", own[name]) if name in own else ("DEFAULT", _typed(each, each.default) if each.default is not None else None)
        for name, each in control.parameters.items() if _is_settable(each)
    }  # fmt: skip


def _checked(control: Control, name: str, said: dict[str, Any]) -> Any:
    """The value that a customer says, None for AWS's own."""
    parameter = control.parameters.get(name)
    if parameter is None:
        raise InvalidInputException(f"The control {control.id} has no parameter {name}.")
    if not _is_settable(parameter):
        raise NotImplementedHere(f"the parameter {name} of the control {control.id} of securityhub")
    if said["ValueType"] == "DEFAULT":
        return None
    value = (said.get("Value") or {}).get(parameter.type)
    if value is None:
        raise InvalidInputException(f"The parameter {name} needs a value of the type {parameter.type}.")
    if parameter.least is not None and not float(parameter.least) <= value <= float(parameter.most or "inf"):
        raise InvalidInputException(f"The parameter {name} must be between {parameter.least} and {parameter.most}.")
    return value


def UpdateSecurityControl(call: Call, *, SecurityControlId: str, Parameters: dict[str, dict[str, Any]], LastUpdateReason: str | None = None) -> dict:
    """Its rule judges by the new values a little later."""
    hub.existing(call)
    control = existing(SecurityControlId)
    said = {name: _checked(control, name, each) for name, each in Parameters.items()}
    held = call.shelf(Custom).get(control.id) or Custom()
    kept = {name: value for name, value in (held.values | said).items() if value is not None}
    call.shelf(Custom)[control.id] = changed(held, values=kept, reason=LastUpdateReason or "")
    hub.wake(call)
    return {}


# What there is -------------------------------------------------------------------------------------


def _defined(control: Control) -> dict[str, Any]:
    told: dict[str, Any] = {
        "SecurityControlId": control.id, "Title": control.title, "Description": control.description, "RemediationUrl": url(control),
        "SeverityRating": control.severity, "CurrentRegionAvailability": "AVAILABLE" if control.id in JUDGED else "UNAVAILABLE",
    }  # fmt: skip
    settable = {name: each for name, each in control.parameters.items() if _is_settable(each)}
    if settable and control.id in JUDGED:
        told["CustomizableProperties"] = ["Parameters"]
        told["ParameterDefinitions"] = {
            name: {"Description": each.description, "ConfigurationOptions": _options(each)} for name, each in settable.items()
        }
    return told


def ListSecurityControlDefinitions(call: Call, *, StandardsArn: str | None = None) -> dict:
    """All controls of the two standards, those too that are not judged here."""
    hub.existing(call)
    wanted = standard.of_arn(call, StandardsArn).path if StandardsArn is not None else None
    found = [each for each in security_controls.controls().values() if wanted is None or wanted in each.standards]
    return {"SecurityControlDefinitions": [_defined(each) for each in found]}


def GetSecurityControlDefinition(call: Call, *, SecurityControlId: str) -> dict:
    hub.existing(call)
    return {"SecurityControlDefinition": _defined(_known(SecurityControlId))}


def _shown(call: Call, control: Control) -> dict[str, Any]:
    told: dict[str, Any] = {
        "SecurityControlId": control.id, "SecurityControlArn": arn_of(call, control), "Title": control.title, "Description": control.description,
        "RemediationUrl": url(control), "SeverityRating": control.severity,
        "SecurityControlStatus": ENABLED if enabled_in(call, control) else DISABLED, "UpdateStatus": "READY",
    }  # fmt: skip
    parameters = {
        name: {"ValueType": kind} | ({"Value": {control.parameters[name].type: value}} if value is not None else {})
        for name, (kind, value) in values(call, control).items()
    }
    custom = call.shelf(Custom).get(control.id)
    return told | ({"Parameters": parameters} if parameters else {}) | ({"LastUpdateReason": custom.reason} if custom and custom.reason else {})


def BatchGetSecurityControls(call: Call, *, SecurityControlIds: list[str]) -> dict:
    hub.existing(call)
    if not 1 <= len(SecurityControlIds) <= BATCH_MAX:
        raise InvalidInputException(f"A batch must have between 1 and {BATCH_MAX} security control IDs.")
    found, unprocessed = [], []
    for said in SecurityControlIds:
        try:
            found.append(_shown(call, existing(said)))
        except (ResourceNotFoundException, NotImplementedHere) as error:
            unprocessed.append({"SecurityControlId": said, "ErrorCode": "NOT_FOUND", "ErrorReason": error.text})
    return {"SecurityControls": found, "UnprocessedIds": unprocessed}
