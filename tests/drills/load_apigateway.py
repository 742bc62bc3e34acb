"""An API whose definition is replaced as a whole again and again, and one that is used while its stage changes."""

import json

from worker import REGION, Plain, Worker

PATHS = 8


class Importer(Worker):
    """Overwrites an API: its resources are all of one generation."""

    def __init__(self, cloud, number: int, api: str) -> None:
        self.api = api
        super().__init__(cloud, number)

    def prepare(self) -> None:
        self.client_, self.generation = self.client("apigateway"), 0

    def act(self, name: str) -> None:
        paths = {f"/g{self.generation + 1}/p{n}": {"get": {"responses": {}}} for n in range(PATHS)}
        document = {"openapi": "3.0.1", "info": {"title": "t", "version": "1"}, "paths": paths}
        self.client_.put_rest_api(restApiId=self.api, mode="overwrite", body=json.dumps(document))
        self.generation += 1


class Stager(Worker):
    """Changes what a stage says of itself and asks the API for it: whoever asks hears the last word."""

    def __init__(self, cloud, number: int, api: str) -> None:
        self.api = api
        super().__init__(cloud, number)

    def prepare(self) -> None:
        self.client_, self.plain, self.word = self.client("apigateway"), Plain(self.cloud), 0

    def act(self, name: str) -> None:
        change = {"op": "replace", "path": "/variables/word", "value": str(self.word + 1)}
        self.client_.update_stage(restApiId=self.api, stageName="prod", patchOperations=[change])
        self.word += 1
        said = self.ask()
        assert said == self.word, f"asked for {self.word} and heard {said}"

    def ask(self) -> int:
        status, body = self.plain.send("GET", f"/restapis/{self.api}/prod/_user_request_/")
        assert status == 200, (status, body)
        return int(body)


def begin(cloud) -> list[Worker]:
    client = cloud.client("apigateway", REGION)
    replaced = client.create_rest_api(name="replaced")["id"]
    made = client.create_rest_api(name="staged")
    here = {"restApiId": made["id"], "resourceId": made["rootResourceId"], "httpMethod": "GET"}
    client.put_method(**here, authorizationType="NONE")
    client.put_integration(**here, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
    client.put_method_response(**here, statusCode="200")
    template = {"application/json": "$stageVariables.word"}
    client.put_integration_response(**here, statusCode="200", responseTemplates=template)
    client.create_deployment(restApiId=made["id"], stageName="prod", variables={"word": "0"})
    return [Importer(cloud, 60, replaced), Stager(cloud, 61, made["id"])]


def check(cloud, workers: list[Worker]) -> None:
    importer, stager = workers
    pages = cloud.client("apigateway", REGION).get_paginator("get_resources").paginate(restApiId=importer.api)
    paths = {each["path"] for page in pages for each in page["items"]} - {"/"}
    generations = [importer.generation, importer.generation + 1]
    whole = [{f"/g{n}", *(f"/g{n}/p{each}" for each in range(PATHS))} if n else set() for n in generations]
    assert paths in whole, f"{sorted(paths)} after generation {importer.generation}"
    assert stager.ask() in (stager.word, stager.word + 1)
