"""A client of AppSync's real-time endpoint, as a page of the shop would be one."""

import base64
import json
import socket
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.events import CloseConnection, Ping, Request, TextMessage


class Listener:
    """One connection; ``hear`` gives what the API says, ``subscribe`` begins a subscription."""

    def __init__(self, endpoint, api_id, region, key, within_s=10):
        place = urlsplit(endpoint)
        self.headers = {"host": f"{api_id}.appsync-api.{region}.localhost:{place.port}", "x-api-key": key}
        self.socket = socket.create_connection((place.hostname, place.port), within_s)
        self.wire, self.heard, self.piece = WSConnection(ConnectionType.CLIENT), [], ""
        shown = base64.b64encode(json.dumps(self.headers).encode()).decode()
        host = f"{api_id}.appsync-realtime-api.{region}.localhost:{place.port}"
        self._send(Request(host=host, target=f"/graphql?header={shown}&payload=e30=", subprotocols=["graphql-ws"]))
        while self.wire.state.name != "OPEN":
            self._read()
        self.say(type="connection_init")
        self.wait_for("connection_ack")

    def _send(self, event):
        self.socket.sendall(self.wire.send(event))

    def _read(self):
        data = self.socket.recv(65_536)
        if not data:
            raise ConnectionError("the API hung up")
        self.wire.receive_data(data)
        for event in self.wire.events():
            if isinstance(event, TextMessage):
                self.piece += event.data
                if event.message_finished:
                    self.heard.append(json.loads(self.piece))
                    self.piece = ""
            elif isinstance(event, Ping):
                self._send(event.response())
            elif isinstance(event, CloseConnection):
                raise ConnectionError(f"the API said goodbye: {event.code}")

    def say(self, **message):
        self._send(TextMessage(json.dumps(message)))

    def wait_for(self, kind):
        """The next message of that kind; what came before it is passed over."""
        while True:
            while not self.heard:
                self._read()
            message = self.heard.pop(0)
            if message["type"] == kind:
                return message
            if message["type"] in ("error", "connection_error"):
                raise RuntimeError(message)

    def subscribe(self, id_, query):
        payload = {"data": json.dumps({"query": query}), "extensions": {"authorization": self.headers}}
        self.say(id=id_, type="start", payload=payload)
        self.wait_for("start_ack")

    def hears(self, within_s):
        """The data of the next message, None if there is none in time."""
        self.socket.settimeout(within_s)
        try:
            return self.wait_for("data")["payload"]["data"]
        except TimeoutError:
            return None
        finally:
            self.socket.settimeout(10)
