"""One configuration in three regions, seen working in a cloud of its own: shut on the disk and under a disabled key, alive after a kill.

Exits non-zero if any claim fails.

    python patterns/multi_region_config/show.py
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request

import boto3
from botocore.exceptions import ClientError
from multi_region_config import BASE, NAME, REGIONS, MultiRegionConfig

DOOMED = REGIONS[0]


def holds(claim, is_true):
    print(f"{'holds ' if is_true else 'FAILS '} {claim}", flush=True)
    if not is_true:
        sys.exit(1)


def refusal(call, **params):
    try:
        call(**params)
    except ClientError as error:
        print(f"        {error.response['Error']['Code']}: {error.response['Error']['Message']}")
        return error.response["Error"]["Code"]
    return None


def is_on_disk(folder, text):
    return any(text.encode() in file.read_bytes() for file in pathlib.Path(folder).rglob("*") if file.is_file())


def show(endpoint, folder):
    config = MultiRegionConfig(endpoint)
    before = str(BASE)
    config.deploy_config(BASE)
    config.deploy_config(BASE)
    holds("the base configuration is as it was", str(BASE) == before)
    read = {region: config.read(region)["endpoint"] for region in REGIONS}
    holds("each region reads its own endpoint", read == {region: f"db-{region}.example.com" for region in REGIONS})
    ssm = config.by_region[DOOMED]
    shut = ssm.get_parameter(Name=NAME)["Parameter"]["Value"]
    holds("who does not ask for decryption gets a ciphertext", "example.com" not in shut)
    history = ssm.get_parameter_history(Name=NAME)["Parameters"]
    holds("a second deployment is a second version", [each["Version"] for each in history] == [1, 2])
    code = refusal(ssm.put_parameter, Name=NAME, Value="{}", Type="SecureString")
    holds("without Overwrite it is refused", code == "ParameterAlreadyExists")
    password = BASE["database"]["password"]
    holds("the plaintext is on no disk", is_on_disk(folder, "SecureString") and not is_on_disk(folder, password))
    kms = boto3.client("kms", region_name=DOOMED, endpoint_url=endpoint)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    ssm.put_parameter(Name=NAME, Value='{"endpoint": "own"}', Type="SecureString", KeyId=key, Overwrite=True)
    kms.disable_key(KeyId=key)
    holds("a disabled key stops reading", refusal(ssm.get_parameter, Name=NAME, WithDecryption=True) == "InvalidKeyId")
    kms.enable_key(KeyId=key)
    urllib.request.urlopen(f"{endpoint}/_kumoniwa/regions/{DOOMED}/kill", data=b"", timeout=60).read()
    holds(f"with {DOOMED} dead the others read on", config.read(REGIONS[1])["endpoint"] == read[REGIONS[1]])
    urllib.request.urlopen(f"{endpoint}/_kumoniwa/regions/{DOOMED}/restart", data=b"", timeout=60).read()
    holds("back on its data it reads what it had acknowledged", config.read(DOOMED)["endpoint"] == "own")


def main():
    os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "kumoniwa.cli.main", "up", "--port", "0", "--data", folder, "--regions", ",".join(REGIONS)]
        cloud = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            found = re.search(r"http://127\.0\.0\.1:\d+", cloud.stdout.readline())
            if not found:
                sys.exit("the cloud did not start")
            show(found[0], folder)
        finally:
            cloud.terminate()
            cloud.wait(30)


if __name__ == "__main__":
    main()
