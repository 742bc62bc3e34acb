"""What owners write beside their APIs: documentation, its versions, sample templates, copies."""

from __future__ import annotations

import json

import pytest
from api_workshop import deploy, mock, resource, rest_api
from refusals import refused


@pytest.fixture
def gateway(cloud):
    return cloud.client("apigateway")


def part(gateway, api: str, text: str = "d", **location) -> dict:
    properties = json.dumps({"description": text})
    return gateway.create_documentation_part(restApiId=api, location=location, properties=properties)


def test_a_part_is_written_read_changed_and_deleted(gateway):
    # Recorded from AWS: test_documentation_part_lifecycle.
    api, _ = rest_api(gateway)
    made = part(gateway, api, "Sample API description", type="API")
    here = {"restApiId": api, "documentationPartId": made["id"]}
    assert made["location"] == {"type": "API"}
    changed = json.dumps({"description": "Updated"})
    patch = [{"op": "replace", "path": "/properties", "value": changed}]
    assert gateway.update_documentation_part(**here, patchOperations=patch)["properties"] == changed
    assert gateway.get_documentation_part(**here)["properties"] == changed
    assert gateway.delete_documentation_part(**here)["ResponseMetadata"]["HTTPStatusCode"] == 202
    gone = ("NotFoundException", "Invalid Documentation part identifier specified")
    assert refused(gateway.delete_documentation_part, **here) == refused(gateway.get_documentation_part, **here) == gone


def test_a_place_has_defaults_and_one_part(gateway):
    api, _ = rest_api(gateway)
    made = part(gateway, api, type="RESPONSE", method="GET")
    assert made["location"] == {"type": "RESPONSE", "path": "/", "method": "GET", "statusCode": "*"}
    assert refused(lambda: part(gateway, api, type="RESPONSE", path="/", method="GET", statusCode="*"))[0] == "ConflictException"
    for location in ({"type": "MODEL"}, {"type": "API", "name": "x"}, {"type": "METHOD", "statusCode": "200"}):
        assert refused(lambda location=location: part(gateway, api, **location))[0] == "BadRequestException", location
    create = gateway.create_documentation_part
    assert refused(create, restApiId=api, location={"type": "METHOD"}, properties="no json")[0] == "BadRequestException"


def test_parts_are_sought_by_kind_name_and_path(gateway):
    api, _ = rest_api(gateway)
    part(gateway, api, type="API")
    part(gateway, api, type="METHOD", path="/pets", method="GET")
    part(gateway, api, type="QUERY_PARAMETER", path="/pets", name="limit")

    def found(**query) -> list[str]:
        return [one["location"]["type"] for one in gateway.get_documentation_parts(restApiId=api, **query)["items"]]

    assert found() == ["API", "METHOD", "QUERY_PARAMETER"]
    assert found(type="METHOD") == ["METHOD"]
    assert found(path="/pets") == ["METHOD", "QUERY_PARAMETER"]
    assert found(nameQuery="lim") == ["QUERY_PARAMETER"]


def test_what_parts_refuse_as_recorded(gateway):
    # test_doc_parts_crud_no_api, test_invalid_update_documentation_part, test_invalid_delete_documentation_part
    api, _ = rest_api(gateway)
    made = part(gateway, api, type="API")
    no_api = ("NotFoundException", "Invalid API identifier specified 000000000000:none")
    assert refused(gateway.get_documentation_parts, restApiId="none") == no_api
    assert refused(gateway.delete_documentation_part, restApiId="none", documentationPartId=made["id"]) == no_api
    absent = ("NotFoundException", "Invalid Documentation part identifier specified")
    assert refused(gateway.get_documentation_part, restApiId="none", documentationPartId=made["id"]) == absent

    def unpatched(**operation) -> str:
        here = {"restApiId": api, "documentationPartId": made["id"]}
        return refused(gateway.update_documentation_part, **here, patchOperations=[operation])[1]

    assert unpatched(op="add", path="/properties", value="{}") == (
        "Invalid patch path  '/properties' specified for op 'add'. Please choose supported operations"
    )
    assert unpatched(op="replace", path="/invalidPath", value="x") == (
        "Invalid patch path  '/invalidPath' specified for op 'replace'. Must be one of: [/properties]"
    )


DOCUMENT = {
    "openapi": "3.0.0",
    "info": {"title": "doc", "version": "1"},
    "paths": {},
    "x-amazon-apigateway-documentation": {
        "version": "1.0.3",
        "documentationParts": [
            {"location": {"type": "API"}, "properties": {"description": "API description"}},
            {"location": {"type": "METHOD", "method": "GET"}, "properties": {"description": "Method description."}},
        ],
    },
}


def test_parts_come_with_an_imported_api_and_alone(gateway):
    # Recorded from AWS: test_import_documentation_parts.
    api = gateway.import_rest_api(body=json.dumps(DOCUMENT).encode())["id"]
    items = gateway.get_documentation_parts(restApiId=api)["items"]
    assert [one["location"] for one in items] == [{"type": "API"}, {"type": "METHOD", "path": "/", "method": "GET"}]
    assert json.loads(items[0]["properties"]) == {"description": "API description"}
    other = json.loads(json.dumps(DOCUMENT))
    other["x-amazon-apigateway-documentation"]["documentationParts"] = [
        {"location": {"type": "API"}, "properties": {"more": 1}}
    ]
    body = json.dumps(other).encode()
    ids = gateway.import_documentation_parts(restApiId=api, mode="merge", body=body)["ids"]
    assert ids == [items[0]["id"]]
    merged = gateway.get_documentation_part(restApiId=api, documentationPartId=ids[0])["properties"]
    assert json.loads(merged) == {"description": "API description", "more": 1}
    gateway.import_documentation_parts(restApiId=api, mode="overwrite", body=body)
    assert len(gateway.get_documentation_parts(restApiId=api)["items"]) == 1
    for broken in (b"{'key:value}", b'test:\n  - "a"\n "b'):
        assert refused(gateway.import_documentation_parts, restApiId=api, body=broken)[1] == (
            "Unable to build importer with provided input."
        )


def test_a_version_keeps_what_was_written_and_is_exported_with_its_stage(cloud, gateway):
    api, root = rest_api(gateway)
    mock(gateway, api, root)
    deploy(gateway, api)
    part(gateway, api, "then", type="API")
    made = gateway.create_documentation_version(restApiId=api, documentationVersion="1", stageName="prod", description="d")
    assert (made["version"], made["description"]) == ("1", "d")
    assert gateway.get_stage(restApiId=api, stageName="prod")["documentationVersion"] == "1"
    part(gateway, api, type="MODEL", name="Empty")
    cloud.restart(kill=True)
    export = gateway.get_export(
        restApiId=api, stageName="prod", exportType="oas30", parameters={"extensions": "documentation"}
    )
    said = json.loads(export["body"].read())["x-amazon-apigateway-documentation"]
    assert said["version"] == "1"
    assert said["documentationParts"] == [{"location": {"type": "API"}, "properties": {"description": "then"}}]
    assert gateway.import_rest_api(body=json.dumps(DOCUMENT | {"x-amazon-apigateway-documentation": said}).encode())
    patch = [{"op": "replace", "path": "/description", "value": "e"}]
    here = {"restApiId": api, "documentationVersion": "1"}
    assert gateway.update_documentation_version(**here, patchOperations=patch)["description"] == "e"
    assert [one["version"] for one in gateway.get_documentation_versions(restApiId=api)["items"]] == ["1"]
    assert refused(gateway.create_documentation_version, **here)[0] == "ConflictException"
    gateway.delete_documentation_version(**here)
    assert refused(gateway.get_documentation_version, **here)[0] == "NotFoundException"
    stage = {"restApiId": api, "stageName": "prod"}
    unknown = [{"op": "replace", "path": "/documentationVersion", "value": "9"}]
    assert refused(gateway.update_stage, **stage, patchOperations=unknown)[0] == "BadRequestException"


# Models and copies -----------------------------------------------------------------------------------------


def model(gateway, api: str, name: str, schema: dict) -> None:
    gateway.create_model(restApiId=api, name=name, contentType="application/json", schema=json.dumps(schema))


def test_a_sample_template_carries_a_payload_into_its_model(gateway):
    # The form is that which owners see in AWS's console and paste into their notes.
    api, _ = rest_api(gateway)
    tag = {"type": "object", "properties": {"tagName": {"type": "string"}, "n": {"type": "integer"}}}
    model(gateway, api, "Tag", tag)
    url = f"https://apigateway.amazonaws.com/restapis/{api}/models/Tag"
    model(gateway, api, "Device", {"type": "object", "properties": {"tags": {"type": "array", "items": {"$ref": url}}}})
    assert gateway.get_model_template(restApiId=api, modelName="Tag")["value"] == (
        "#set($inputRoot = $input.path('$'))\n{\n  \"tagName\" : \"$inputRoot.tagName\",\n  \"n\" : $inputRoot.n\n}"
    )
    sample = gateway.get_model_template(restApiId=api, modelName="Device")["value"]
    assert "##TODO: Update this foreach loop to reference array from input json" in sample
    root = gateway.get_rest_api(restApiId=api)["rootResourceId"]
    here = {"restApiId": api, "resourceId": root, "httpMethod": "POST"}
    gateway.put_method(**here, authorizationType="NONE")
    gateway.put_integration(**here, type="MOCK", requestTemplates={"application/json": "#set($context.requestOverride.path.b = $input.body){statusCode: 200}"})
    gateway.put_method_response(**here, statusCode="200")
    template = sample.replace("$input.path('$')", "$util.parseJson($context.requestOverride.path.b)")
    gateway.put_integration_response(**here, statusCode="200", responseTemplates={"application/json": template})
    body = '{"tags": [{"tagName": "a", "n": 1}, {"tagName": "b", "n": 2}]}'
    answer = gateway.test_invoke_method(**here, pathWithQueryString="/", body=body)
    assert json.loads(answer["body"]) == json.loads(body)


def test_a_flattened_model_holds_those_it_refers_to(gateway):
    api, _ = rest_api(gateway)
    url = f"https://apigateway.amazonaws.com/restapis/{api}/models/"
    model(gateway, api, "Child", {"type": "object", "properties": {"parent": {"$ref": url + "Parent"}}})
    model(gateway, api, "Parent", {"type": "object", "properties": {"child": {"$ref": url + "Child"}}})
    assert url in gateway.get_model(restApiId=api, modelName="Parent")["schema"]
    schema = json.loads(gateway.get_model(restApiId=api, modelName="Parent", flatten=True)["schema"])
    assert schema["properties"]["child"] == {"$ref": "#/definitions/Child"}
    assert set(schema["definitions"]) == {"Child", "Parent"}
    assert schema["definitions"]["Child"]["properties"]["parent"] == {"$ref": "#/definitions/Parent"}


def test_a_cloned_api_answers_like_the_other_and_goes_its_own_way(cloud, gateway):
    api, root = rest_api(gateway, binaryMediaTypes=["image/png"])
    mock(gateway, api, resource(gateway, api, root, "pets"), body="pets")
    clone = gateway.create_rest_api(name="copy", cloneFrom=api)
    assert clone["id"] != api and clone["name"] == "copy" and clone["binaryMediaTypes"] == ["image/png"]
    deploy(gateway, clone["id"])
    gateway.delete_rest_api(restApiId=api)
    assert cloud.http("GET", f"/restapis/{clone['id']}/prod/_user_request_/pets")[2] == b"pets"
    unknown = ("NotFoundException", "Invalid API identifier specified 000000000000:none")
    assert refused(gateway.create_rest_api, name="copy", cloneFrom="none") == unknown
