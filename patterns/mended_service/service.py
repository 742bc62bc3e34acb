"""The service: it answers on a port, and tells CloudWatch every second that it is well.

    python service.py PORT ENDPOINT
"""

import contextlib
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import boto3
from botocore.exceptions import BotoCoreError, ClientError


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"open")

    def log_message(self, *_):
        pass


def tell(endpoint):
    cloudwatch = boto3.client(
        "cloudwatch", region_name="us-east-1", endpoint_url=endpoint, aws_access_key_id="test", aws_secret_access_key="test"
    )
    well = {"MetricName": "Healthy", "Value": 1, "StorageResolution": 1, "Dimensions": [{"Name": "Service", "Value": "web"}]}
    while True:
        with contextlib.suppress(BotoCoreError, ClientError):
            cloudwatch.put_metric_data(Namespace="Shop", MetricData=[well])
        time.sleep(1)


if __name__ == "__main__":
    threading.Thread(target=tell, args=[sys.argv[2]], daemon=True).start()
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Page).serve_forever()
