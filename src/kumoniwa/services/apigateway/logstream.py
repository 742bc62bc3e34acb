"""Streams of Firehose that take access logs, and the role with which API Gateway writes to them.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-logging-to-kinesis.html
"""

from __future__ import annotations

from kumoniwa.gate.linked_role import LinkedRole
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.apigateway.patch import BadRequestException

WRITER = LinkedRole("ops.apigateway.amazonaws.com", "AWSServiceRoleForAPIGateway")


def is_stream(arn: str) -> bool:
    """Whether an ARN is that of a stream which may take access logs (cdk-preflight: pf-apigw-stage-access-log-firehose-prefix)."""
    named = arns.parse(arn)
    if named is None or named.service != "firehose":
        return False
    if not named.resource.startswith("deliverystream/amazon-apigateway-"):
        raise BadRequestException(f"Kinesis Firehose delivery stream name must begin with the characters 'amazon-apigateway-': '{named.resource}'")
    return True


async def opened(call: Call, arn: str) -> None:
    """See that API Gateway's role is there, and the stream. That AWS looks for it, its role's policy tells; its words no source does."""
    await WRITER.ensure(call, BadRequestException)
    named = arns.parse(arn)
    name = named.resource.removeprefix("deliverystream/")
    try:
        await WRITER.assumed(call, "AccessLogs").ask("firehose:DescribeDeliveryStream", to_region=named.region, DeliveryStreamName=name)
    except AwsError as error:
        raise BadRequestException(f"The delivery stream {arn} could not be found: {error.text}", hint=error.hint) from None
