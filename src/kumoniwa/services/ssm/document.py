"""Documents: what somebody wrote down to be done, in numbered versions of which one is the default.

https://docs.aws.amazon.com/systems-manager/latest/userguide/documents.html
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import yaml

from kumoniwa.deploy import template
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.errors import ValidationError as Unreadable
from kumoniwa.kernel.record import Record, changed
from kumoniwa.languages import automation_document, command_document
from kumoniwa.services.ssm import owned, tag
from kumoniwa.services.ssm.errors import InvalidFilterKey, InvalidNextToken, ValidationException

BYTES_MAX, VERSIONS_MAX = 65_536, 1_000
LATEST, DEFAULT = "$LATEST", "$DEFAULT"
AUTOMATION, COMMAND = "Automation", "Command"
_PLATFORMS = {AUTOMATION: ["Windows", "Linux", "MacOS"], COMMAND: ["Linux"]}
_SCHEMAS = {AUTOMATION: ("0.3",), COMMAND: ("1.2", "2.0", "2.2")}
OWNED_SINCE = 1_546_300_800.0
"""When AWS made its own documents, no answer of ours depends on: the first day of 2019."""
_RESERVED = ("aws", "amazon", "amzn")


class DocumentAlreadyExists(AwsError):
    message = "The specified document already exists."


class InvalidDocument(AwsError):
    message = "The specified document does not exist."


class InvalidDocumentContent(AwsError): ...


class InvalidDocumentSchemaVersion(AwsError): ...


class InvalidDocumentVersion(AwsError):
    message = "The document version is not valid or does not exist."


class InvalidDocumentOperation(AwsError): ...


class MaxDocumentSizeExceeded(AwsError):
    message = "The size limit of a document is 64 KB."


class DuplicateDocumentContent(AwsError):
    message = "The content of the association document matches another document. Change the content of the document and try again."


class DuplicateDocumentVersionName(AwsError):
    message = "The specified version name is a duplicate."


class DocumentVersionLimitExceeded(AwsError):
    message = f"The document has too many versions. Delete one or more document versions and try again: {VERSIONS_MAX} at most."


class Edition(Record):
    """Shelved by the document's id and the number. Executions refer to what they run, also when its document is gone."""

    number: int
    content: str
    format: str
    created: float
    name: str = ""
    target_type: str = ""
    display_name: str = ""


class Document(Record):
    """Shelved by its name."""

    name: str
    id: str
    kind: str
    created: float
    versions: tuple[int, ...]
    default: int
    newest: int
    """The highest number that was ever given."""
    tags: dict[str, str] = {}
    author: str = ""


def body_of(version: Edition) -> Any:
    return template.read(version.content).body


def existing(call: Call, name: str) -> Document:
    """By its name, or by its ARN, which may be another account's: of those nobody shares one here."""
    arn = arns.parse(name)
    if arn is not None and (arn.account not in ("", call.account) or arn.region != call.region):
        raise InvalidDocument
    name = name.rpartition("document/")[2]
    found = call.shelf(Document).get(name) or _owned(name)
    if found is None:
        if owned.is_owned(name):
            raise NotImplementedHere(f"AWS's own document {name}")
        raise InvalidDocument
    return found


def _owned(name: str) -> Document | None:
    if name not in owned.documents():
        return None
    kind = AUTOMATION if owned.schema_of(name) in _SCHEMAS[AUTOMATION] else COMMAND
    return Document(name=name, id=name, kind=kind, created=OWNED_SINCE, versions=(1,), default=1, newest=1, author=owned.OWNER)


def edition_of(call: Call, document: Document, number: int) -> Edition:
    if document.author == owned.OWNER:
        return Edition(number=number, content=owned.documents()[document.name], format="YAML", created=OWNED_SINCE)
    return call.shelf(Edition)[f"{document.id}:{number}"]


def changeable(call: Call, name: str) -> Document:
    """A document of the account's own."""
    document = existing(call, name)
    if document.author == owned.OWNER:
        raise ValidationException(f"The document {document.name} is owned by {owned.OWNER} and cannot be changed.")
    return document


def version_of(call: Call, document: Document, text: str | None, name: str | None = None) -> Edition:
    """The version that a number, ``$LATEST`` or ``$DEFAULT`` means, or a name."""
    kept = [edition_of(call, document, number) for number in document.versions]
    if name is not None:
        found = next((each for each in kept if each.name == name and text in (None, str(each.number))), None)
    else:
        number = {None: document.default, DEFAULT: document.default, LATEST: document.versions[-1]}.get(text)
        found = next((each for each in kept if str(each.number) == str(number or text)), None)
    if found is None:
        raise InvalidDocumentVersion
    return found


def _checked(kind: str, content: str, form: str | None) -> tuple[str, str, Any]:
    """The content, its format, and what it says."""
    if len(content.encode()) > BYTES_MAX:
        raise MaxDocumentSizeExceeded
    if form == "TEXT":
        raise NotImplementedHere("documents in the format TEXT")
    if kind not in _SCHEMAS:
        raise NotImplementedHere(f"documents of the type {kind}")
    form = form or "JSON"
    try:
        body = template.read(content).body
        if form == "JSON":
            json.loads(content)
    except (Unreadable, ValueError, RecursionError):
        raise InvalidDocumentContent(f"The content for the document is not valid {form}.") from None
    if not isinstance(body, dict) or "schemaVersion" not in body:
        raise InvalidDocumentContent("The document lacks its schemaVersion.")
    if str(body["schemaVersion"]) not in _SCHEMAS[kind]:
        raise InvalidDocumentSchemaVersion(f"The version of the document schema is not supported: {body['schemaVersion']}.")
    try:
        (automation_document if kind == AUTOMATION else command_document).read(body)
    except (automation_document.Unsupported, command_document.Unsupported) as missing:
        raise NotImplementedHere(str(missing)) from None
    except (automation_document.InvalidContent, command_document.InvalidContent) as wrong:
        raise InvalidDocumentContent(str(wrong)) from None
    return content, form, body


# Operations ----------------------------------------------------------------------------------------


def CreateDocument(
    call: Call, *, Content: str, Name: str, DisplayName: str | None = None, VersionName: str | None = None, DocumentType: str | None = None,
    DocumentFormat: str | None = None, TargetType: str | None = None, Tags: list[dict[str, str]] | None = None,
) -> dict:  # fmt: skip
    kind = DocumentType or COMMAND
    if Name.lower().startswith(_RESERVED):
        raise ValidationException(f"The document name {Name} begins with a prefix that is reserved for AWS: {', '.join(_RESERVED)}.")
    content, form, _ = _checked(kind, Content, DocumentFormat)
    if Name in call.shelf(Document):
        raise DocumentAlreadyExists
    made = Document(
        name=Name, id=call.new_id(), kind=kind, created=call.now(), versions=(1,), default=1, newest=1, tags=tag.checked(Tags),
        author=call.principal.arn
    )
    call.shelf(Document)[Name] = made
    version = _keep(call, made, 1, content, form, VersionName, TargetType, DisplayName)
    return {"DocumentDescription": _described(call, made, version) | {"Status": "Creating"}}


def _keep(
    call: Call, document: Document, number: int, content: str, form: str, name: str | None, target: str | None, display: str | None
) -> Edition:
    version = Edition(
        number=number, content=content, format=form, created=call.now(), name=name or "", target_type=target or "", display_name=display or ""
    )
    call.shelf(Edition)[f"{document.id}:{number}"] = version
    return version


def UpdateDocument(
    call: Call, *, Content: str, Name: str, DisplayName: str | None = None, VersionName: str | None = None, DocumentVersion: str | None = None,
    DocumentFormat: str | None = None, TargetType: str | None = None,
) -> dict:  # fmt: skip
    """Makes a new version; which one counts by default is another question."""
    document = changeable(call, Name)
    before = version_of(call, document, DocumentVersion or DEFAULT)
    if before.number != document.versions[-1]:
        raise InvalidDocumentVersion("The document version is not valid: only the latest version can be updated.")
    content, form, _ = _checked(document.kind, Content, DocumentFormat)
    kept = [version_of(call, document, str(number)) for number in document.versions]
    if any(each.content == content for each in kept):
        raise DuplicateDocumentContent
    if VersionName is not None and any(each.name == VersionName for each in kept):
        raise DuplicateDocumentVersionName
    if len(kept) >= VERSIONS_MAX:
        raise DocumentVersionLimitExceeded
    number = document.newest + 1
    document = call.shelf(Document)[document.name] = changed(document, versions=(*document.versions, number), newest=number)
    version = _keep(call, document, number, content, form, VersionName, TargetType or before.target_type, DisplayName or before.display_name)
    return {"DocumentDescription": _described(call, document, version) | {"Status": "Updating"}}


def UpdateDocumentDefaultVersion(call: Call, *, Name: str, DocumentVersion: str) -> dict:
    document = changeable(call, Name)
    version = version_of(call, document, DocumentVersion)
    call.shelf(Document)[document.name] = changed(document, default=version.number)
    told = {"Name": document.name, "DefaultVersion": str(version.number)}
    return {"Description": told | ({"DefaultVersionName": version.name} if version.name else {})}


def GetDocument(
    call: Call, *, Name: str, VersionName: str | None = None, DocumentVersion: str | None = None, DocumentFormat: str | None = None
) -> dict:
    document = existing(call, Name)
    version = version_of(call, document, DocumentVersion, VersionName)
    form, content = DocumentFormat or "JSON", version.content
    if form == "TEXT":
        raise NotImplementedHere("documents in the format TEXT")
    if form != version.format:
        body = body_of(version)
        content = json.dumps(body, indent=2) if form == "JSON" else yaml.safe_dump(body, sort_keys=False)
    told = {
        "Name": document.name, "CreatedDate": version.created, "DocumentVersion": str(version.number), "Status": "Active", "Content": content,
        "DocumentType": document.kind, "DocumentFormat": form,
    }  # fmt: skip
    return told | _named(version)


def _named(version: Edition) -> dict[str, str]:
    named = {"VersionName": version.name, "DisplayName": version.display_name}
    return {name: value for name, value in named.items() if value}


def DescribeDocument(call: Call, *, Name: str, DocumentVersion: str | None = None, VersionName: str | None = None) -> dict:
    document = existing(call, Name)
    return {"Document": _described(call, document, version_of(call, document, DocumentVersion, VersionName))}


def _described(call: Call, document: Document, version: Edition) -> dict[str, Any]:
    body = body_of(version)
    parameters = body.get("parameters")
    listed = [
        {"Name": name, "Type": "StringList" if said.get("type") == "StringList" else "String", "Description": str(said.get("description") or "")}
        | ({"DefaultValue": automation_document.text_of(said["default"])} if "default" in said else {})
        for name, said in (parameters.items() if isinstance(parameters, dict) else ())
        if isinstance(said, dict)
    ]
    told: dict[str, Any] = {
        "Hash": hashlib.sha256(version.content.encode()).hexdigest(), "HashType": "Sha256", "Name": document.name,
        "Owner": owned.OWNER if document.author == owned.OWNER else call.account,
        "CreatedDate": version.created, "Status": "Active", "DocumentVersion": str(version.number), "Description": str(body.get("description") or ""),
        "Parameters": listed, "PlatformTypes": _PLATFORMS[document.kind], "DocumentType": document.kind,
        "SchemaVersion": str(body["schemaVersion"]), "LatestVersion": str(document.versions[-1]), "DefaultVersion": str(document.default),
        "DocumentFormat": version.format, "Tags": [{"Key": key, "Value": value} for key, value in document.tags.items()], **_named(version),
    }  # fmt: skip
    return told | ({"TargetType": version.target_type} if version.target_type else {})


def DescribeDocumentPermission(call: Call, *, Name: str, PermissionType: str, MaxResults: int | None = None, NextToken: str | None = None) -> dict:
    """A document is shared with nobody here. What is told of AWS's own, which only AWS can share, no source states."""
    changeable(call, Name)
    if NextToken is not None:
        raise InvalidNextToken
    return {"AccountIds": [], "AccountSharingInfoList": []}


_LISTED = ("Name", "DisplayName", "Owner", "VersionName", "PlatformTypes", "DocumentVersion", "DocumentType", "SchemaVersion", "DocumentFormat",
           "TargetType", "Tags", "CreatedDate")  # fmt: skip


def ListDocuments(
    call: Call, *, DocumentFilterList: list[dict[str, Any]] | None = None, Filters: list[dict[str, Any]] | None = None
) -> dict:
    """The account's own, and of AWS's those that are here."""
    if any("Key" not in each for each in Filters or ()):
        raise InvalidFilterKey("The specified key isn't valid.")
    wanted = [(each["Key"], each.get("Values") or []) for each in Filters or ()]
    wanted += [(each["key"], [each["value"]]) for each in DocumentFilterList or ()]
    listed = []
    for name in sorted({*call.shelf(Document), *owned.documents()}):
        document = existing(call, name)
        told = _described(call, document, version_of(call, document, DEFAULT))
        if all(_fits(told, key, values) for key, values in wanted):
            listed.append({member: told[member] for member in _LISTED if member in told})
    return {"DocumentIdentifiers": listed}


def _fits(told: dict[str, Any], key: str, values: list[str]) -> bool:
    if key == "Owner":
        return any(value in ("All", told["Owner"]) or (value == "Self" and told["Owner"] != owned.OWNER) for value in values)
    if key == "Name":
        return any(told["Name"].startswith(value) for value in values)
    if key == "SearchKeyword":
        return any(value.lower() in told["Name"].lower() for value in values)
    if key.startswith("tag:"):
        return any({"Key": key[4:], "Value": value} in told["Tags"] for value in values)
    found = told.get(key)
    return any(value in found if isinstance(found, list) else value == found for value in values)


def ListDocumentVersions(call: Call, *, Name: str) -> dict:
    document = existing(call, Name)
    listed = []
    for number in reversed(document.versions):
        version = version_of(call, document, str(number))
        listed.append(
            {
                "Name": document.name, "DocumentVersion": str(number), "CreatedDate": version.created, "Status": "Active",
                "IsDefaultVersion": number == document.default, "DocumentFormat": version.format, **_named(version),
            }
        )  # fmt: skip
    return {"DocumentVersions": listed}
