"""What Amazon says: compiled models, IAM's names for operations, regions."""

import gzip
import os
import subprocess
import sys

import pytest

from kumoniwa.aws import models
from kumoniwa.aws.actions import NAMES, action
from kumoniwa.aws.models import service
from kumoniwa.aws.regions import is_region, region, regions


def test_a_service_knows_its_metadata_and_operations():
    sqs = service("sqs")
    assert (sqs.service_id, sqs.protocol, sqs.target_prefix, sqs.is_query_compatible) == (
        "SQS",
        "json",
        "AmazonSQS",
        True,
    )
    assert "SendMessage" in sqs.operation_names
    assert service("cloudwatch").protocols == ("smithy-rpc-v2-cbor", "json", "query")
    assert service("cloudwatch").signing_name == "monitoring"


def test_services_are_told_apart_without_their_indexes():
    """A region knows sixty services, some of which have hundreds of operations: their indexes are 1.8 MiB."""
    script = (
        "from kumoniwa.aws import models\nfrom kumoniwa.gate.route import Names\nfrom kumoniwa.kernel.operation import service_names\nNames()\n"
        "found = [models.service(name) for name in service_names()]\n"
        "print(len(found) > 50, [each.name for each in found if '_index' in vars(each)])"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said == "True []\n"


def test_what_aws_does_not_have_is_a_key_error():
    for name in ("no-such-service", "", "..", "../data/sqs"):
        with pytest.raises(KeyError):
            service(name)
    for name in ("NoSuchOperation", ""):
        with pytest.raises(KeyError):
            service("sqs").operation(name)


def test_an_operation_knows_its_shapes_its_token_and_its_pages():
    operation = service("lambda").operation("ListFunctions")
    assert (operation.method, operation.uri.partition("?")[0]) == ("GET", "/2015-03-31/functions")
    assert operation.paginator["result_key"] == "Functions"
    send = service("sqs").operation("SendMessage").input
    assert send.required == ("QueueUrl", "MessageBody")
    assert send.members["MessageAttributes"].shape.value.shape.members["BinaryValue"].shape.type == "blob"
    assert service("stepfunctions").operation("CreateActivity").idempotency_token is None
    assert service("ecs").operation("RunTask").idempotency_token == "clientToken"


def test_shapes_that_reach_themselves_are_one_object():
    value = service("dynamodb").operation("PutItem").input.members["Item"].shape.value.shape
    assert value.members["M"].shape.value.shape is value
    assert service("dynamodb").operation("GetItem").output.members["Item"].shape.value.shape is value


def test_an_error_is_found_by_its_shape_and_by_its_code():
    errors = service("iam").errors
    assert errors["NoSuchEntity"] is errors["NoSuchEntityException"]
    assert (errors["NoSuchEntity"].status, errors["NoSuchEntity"].is_sender_fault) == (404, True)
    assert "ResourceNotFoundException" in service("lambda").operation("GetFunction").errors


def test_extras_of_the_sdk_are_merged():
    # service-2.sdk-extras.json of RDS adds SourceRegion, which no model has.
    assert "SourceRegion" in service("rds").operation("CopyDBSnapshot").input.members


def test_processes_that_compile_at_once_do_not_collide(tmp_path):
    program = "from kumoniwa.aws.models import service; print(len(service('kms').operation_names))"
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    started = [
        subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    said = {process.communicate(timeout=60)[0] for process in started}
    assert len(said) == 1 and int(said.pop()) == len(service("kms").operation_names)
    assert [path.name for path in tmp_path.rglob("*.model")] == ["kms.model"]


def test_models_are_read_without_importing_botocore():
    program = "import sys; from kumoniwa.aws.models import service; service('sqs').operation('SendMessage'); print('botocore' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert said.stdout.strip() == "False", said.stderr


def test_the_newest_api_version_is_taken():
    versions = sorted(path.name for path in (models.data_folder() / "lambda").iterdir())
    assert gzip.decompress(
        (models.data_folder() / "lambda" / versions[-1] / "service-2.json.gz").read_bytes()
    )
    assert service("lambda").api_version == versions[-1]


@pytest.mark.parametrize(
    "name, operation, said",
    [
        # https://docs.aws.amazon.com/service-authorization/latest/reference/
        ("sqs", "SendMessage", "sqs:SendMessage"),
        ("sqs", "SendMessageBatch", "sqs:SendMessage"),
        ("s3", "ListObjectsV2", "s3:ListBucket"),
        ("s3", "HeadObject", "s3:GetObject"),
        ("s3", "UploadPart", "s3:PutObject"),
        ("s3", "ListBuckets", "s3:ListAllMyBuckets"),
        ("s3", "DeleteObjects", "s3:DeleteObject"),
        ("lambda", "Invoke", "lambda:InvokeFunction"),
        ("apigateway", "CreateRestApi", "apigateway:POST"),
        ("apigatewayv2", "DeleteApi", "apigateway:DELETE"),
        ("apigatewaymanagementapi", "PostToConnection", "execute-api:ManageConnections"),
        ("stepfunctions", "StartExecution", "states:StartExecution"),
        ("cloudwatch", "PutMetricData", "cloudwatch:PutMetricData"),
        ("elbv2", "CreateRule", "elasticloadbalancing:CreateRule"),
        ("dynamodbstreams", "GetRecords", "dynamodb:GetRecords"),
        ("sesv2", "SendEmail", "ses:SendEmail"),
        ("efs", "CreateFileSystem", "elasticfilesystem:CreateFileSystem"),
    ],
)
def test_iam_knows_an_operation_by_this_name(name, operation, said):
    assert action(name, operation) == said


def test_every_operation_renamed_for_iam_exists():
    for name, renamed in NAMES.items():
        assert renamed.keys() <= set(service(name).operation_names)


def test_regions_are_aws_regions():
    assert region("ap-northeast-1") == ("ap-northeast-1", "Asia Pacific (Tokyo)", "aws")
    assert region("us-gov-west-1").partition == "aws-us-gov"
    assert is_region("us-east-1") and not is_region("aws-global") and not is_region("tokyo")
    assert len({each.code for each in regions()}) == len(regions()) > 40
