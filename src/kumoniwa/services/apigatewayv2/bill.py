"""What AWS bills for HTTP and WebSocket APIs: calls, messages both ways, and how long clients were connected.

A call counts once for each 512 KB and a message (``Connection.said``) once for each 32 KB. https://aws.amazon.com/api-gateway/pricing/
Whose payload is meant is not said; here it is the request's, as AWS's calculator asks for the "average size of each request". That calls are free
which are not let in is said of REST APIs only (see ``apigateway.bill``); it is taken to hold here, and to hold for questions of CORS that the
gateway answers itself. Nor is it said whether coming and going are messages: they are none here, and what the gateway itself tells a client is one.
A connection is paid for when it ends, by its minutes, of which nothing says that they are rounded; so a killed region forgets who was connected.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate.ledger import chunks
from kumoniwa.services.apigatewayv2.connection import Connection
from kumoniwa.services.apigatewayv2.visit import Visit

CALL_BYTES = 512 << 10
MINUTE_S = 60


def taken(visit: Visit) -> None:
    found = visit.served
    count = chunks(len(visit.request.body), CALL_BYTES)
    visit.home.gate.ledger.use(found.account, "apigateway:http_api_requests", found.api.document["Name"], count)


def ended(home: Any, connection: Connection) -> None:
    minutes = (home.clock.now() - connection.connected_at) / MINUTE_S
    home.gate.ledger.use(connection.account, "apigateway:websocket_connection", connection.api_name, minutes)
