"""Service-linked roles: those with which a service acts in an account, made on behalf of whoever first wants what it does there.

https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html
"""

from __future__ import annotations

from typing import NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError

KNOWN_WITHIN_S, LOOKED_FOR_S = 5.0, 0.05
"""How long a region waits until it has heard of a role that IAM has just made, and how often it looks."""


class LinkedRole(NamedTuple):
    service: str
    """The service principal that assumes it."""
    name: str

    def arn(self, call: Call) -> str:
        return f"arn:{call.home.partition}:iam::{call.account}:role/aws-service-role/{self.service}/{self.name}"

    def is_known(self, call: Call) -> bool:
        return call.home.gate.authorizer.identity(self.arn(call)) is not None

    async def ensure(self, call: Call, denied: type[AwsError]) -> None:
        """See that the role is there, and make it as the caller if it is missing: he needs iam:CreateServiceLinkedRole then, and is
        told in the service's own way (``denied``) if he lacks it."""
        if self.is_known(call):
            return
        try:
            await call.ask("iam:CreateServiceLinkedRole", AWSServiceName=self.service)
        except AwsError as error:
            if error.code == "AccessDenied":
                raise denied(error.text, hint=error.hint) from None
            if error.code != "InvalidInput":  # Somebody made it meanwhile.
                raise
        until = call.now() + KNOWN_WITHIN_S
        while not self.is_known(call) and call.now() < until:
            await call.wait("role", until=call.now() + LOOKED_FOR_S)

    def assumed(self, call: Call, session_name: str, **context: str) -> Call:
        """The same place, asked by a session of the role."""
        return call.assuming(self.arn(call), self.service, session_name, **context)
