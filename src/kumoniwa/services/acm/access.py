"""What a call to ACM touches, for IAM, and what conditions may look at.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscertificatemanager.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.certificate import Certificate
from kumoniwa.kernel.call import Call

_OF_NOTHING = frozenset({"ListCertificates", "GetAccountConfiguration", "PutAccountConfiguration"})
_REQUESTED = {"ValidationMethod": "validationmethod", "KeyAlgorithm": "keyalgorithm"}
_OPTIONS = {"CertificateTransparencyLoggingPreference": "certificatetransparencylogging", "Export": "export"}


def _arn(params: dict[str, Any]) -> str | None:
    arn = params.get("CertificateArn", params.get("ResourceArn"))
    return arn if isinstance(arn, str) else None


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str | list[str | tuple[str, str]]:
    if operation in _OF_NOTHING:
        return "*"
    arn = _arn(params) or (call.arn("certificate/*") if operation in ("RequestCertificate", "ImportCertificate") else "*")
    is_tagged = operation in ("RequestCertificate", "ImportCertificate") and params.get("Tags")
    return [arn, ("acm:AddTagsToCertificate", arn)] if is_tagged else arn


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    if operation == "RequestCertificate":
        alternatives = params.get("SubjectAlternativeNames")
        names = [params.get("DomainName"), *(alternatives if isinstance(alternatives, list) else ())]
        keys["acm:domainnames"] = [name.lower() for name in names if isinstance(name, str)]
        keys |= {f"acm:{key}": params[name] for name, key in _REQUESTED.items() if isinstance(params.get(name), str)}
        options = params.get("Options") if isinstance(params.get("Options"), dict) else {}
        keys |= {f"acm:{key}": options[name] for name, key in _OPTIONS.items() if isinstance(options.get(name), str)}
    return keys


def tags_of(call: Call, arn: str) -> dict[str, str | None]:
    certificate = call.shelf(Certificate).get(arn)
    return certificate.tags if certificate is not None else {}


def all_tags(call: Call) -> list[tuple[str, dict[str, str | None]]]:
    return [(each.arn, each.tags) for each in call.shelf(Certificate).values()]
