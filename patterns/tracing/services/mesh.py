"""Names of services, which in a mesh its proxy knows: ``MESH`` says where each listens, as ``order-service=127.0.0.1:8080,…``."""

import os

from urllib3.util import connection

PLACES = dict(part.split("=") for part in os.environ["MESH"].split(","))
connect = connection.create_connection


def connect_to_service(address, *more, **named):
    host, _, port = PLACES.get(address[0], "").rpartition(":")
    return connect((host, int(port)) if host else address, *more, **named)


connection.create_connection = connect_to_service
