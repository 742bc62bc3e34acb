"""Access logs of stages: as REST APIs write them, but that those of HTTP APIs need no role of the account.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.principal import Principal
from kumoniwa.services.apigateway.accesslog import GROUP, AccessLog, of_stream


class OwnAccessLog(AccessLog):
    """Written in the name of the account that wanted it: to want it needs ``logs:CreateLogDelivery``."""

    def writer(self, home: Any, account: str) -> Principal | None:
        return principals.root(account, partition=home.partition)


def prepared(served: Any) -> AccessLog | None:
    settings = served.stage.document.get("AccessLogSettings") or {}
    group = GROUP.match(settings.get("DestinationArn", ""))
    if group is None:
        return of_stream(settings.get("DestinationArn", ""), settings.get("Format", ""))
    kind = OwnAccessLog if served.api.is_http else AccessLog
    return kind(group["name"], group["region"], settings["Format"], f"{served.api_id}/{served.name}")
