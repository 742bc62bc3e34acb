"""Which fields a caller may have: directives of the schema, IAM's policies, what a Lambda authorizer denies.

https://docs.aws.amazon.com/appsync/latest/devguide/security-authz.html#using-additional-authorization-modes
"""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.services.appsync.caller import Caller
from kumoniwa.services.appsync.graphqlapi import Api, arn_of
from kumoniwa.services.appsync.schema import Compiled

GRAPHQL = "appsync:GraphQL"


class Admission:
    """The decisions on one request's fields."""

    def __init__(self, call: Call, api: Api, schema: Compiled, caller: Caller) -> None:
        self.call, self.api, self.schema, self.caller = call, api, schema, caller
        executable = schema.executable
        roots = (executable.query_type, executable.mutation_type, executable.subscription_type)
        self.roots = frozenset(kind.name for kind in roots if kind is not None)
        pool = next((each["userPoolConfig"] for each in api.providers if "userPoolConfig" in each), {})
        self.is_closed = pool.get("defaultAction") == "DENY" and caller.mode == "AMAZON_COGNITO_USER_POOLS"
        self._decided: dict[tuple[str, str], bool] = {}

    def allows(self, kind: str, field: str) -> bool:
        known = self._decided.get((kind, field))
        if known is None:
            known = self._decided[kind, field] = self._allows(kind, field)
        return known

    def _allows(self, kind: str, field: str) -> bool:
        if kind.startswith("__") or field.startswith("__"):
            return True
        caller, opened = self.caller, self.schema.opened.get((kind, field))
        if opened is None:
            # Without a directive a field is open to the API's default alone, which a pool may close.
            if caller.mode != self.api.authentication or (self.is_closed and kind in self.roots):
                return False
        elif (
            caller.mode not in opened
            or opened[caller.mode]
            and not set(opened[caller.mode]) & set(caller.groups)
        ):
            return False
        if caller.denied & {
            f"{kind}.{field}",
            f"{arn_of(self.call, self.api.id)}/types/{kind}/fields/{field}",
        }:
            return False
        return caller.mode != "AWS_IAM" or kind not in self.roots or self._is_granted(kind, field)

    def _is_granted(self, kind: str, field: str) -> bool:
        principal = self.caller.principal
        if principal.is_unbound_root and principal.account == self.call.account:
            return True
        asking = self.call.speaking(principal)
        arn = f"{arn_of(self.call, self.api.id)}/types/{kind}/fields/{field}"
        decision = self.call.home.gate.authorizer.decided(asking, GRAPHQL, arn, None)
        return decision is None or decision.is_allowed
