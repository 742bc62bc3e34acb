"""What the pattern claims: a region's key is that region's alone, and a multi-region key opens in each region what any of them closed."""

import subprocess
import sys
from pathlib import Path

from botocore.exceptions import ClientError
from stage import KUMONIWA, holds, seconds, until

US, EU = "us-east-1", "eu-west-1"
SECRET, ABOUT = b"customer 4711", {"purpose": "orders"}


def deploy(cloud, template, region, *parameters):
    words = ["--stack", "regional-keys", "--region", region, *(["--parameter", *parameters] if parameters else [])]
    command = [*KUMONIWA, "deploy", str(Path(__file__).with_name(template)), *words, "--endpoint", cloud.endpoint]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{template} was not deployed in {region}:\n{done.stdout}{done.stderr}")
    outputs = cloud.client("cloudformation", region).describe_stacks(StackName="regional-keys")["Stacks"][0]["Outputs"]
    return {each["OutputKey"]: each["OutputValue"] for each in outputs}


def refusal(operation, **params):
    try:
        operation(**params)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "taken"


def opened(kms, blob, **more):
    return kms.decrypt(CiphertextBlob=blob, EncryptionContext=ABOUT, **more)["Plaintext"] == SECRET


def show(cloud):
    us, eu = cloud.client("kms", US), cloud.client("kms", EU)
    here = deploy(cloud, "template.yaml", US)
    there = deploy(cloud, "replica.yaml", EU, f"Primary={here['SharedKey']}")

    blob = us.encrypt(KeyId=here["RegionalKey"], Plaintext=SECRET, EncryptionContext=ABOUT)["CiphertextBlob"]
    holds("a region opens what its own key closed", opened(us, blob), here["RegionalKey"].rpartition("/")[2])
    said = refusal(eu.decrypt, CiphertextBlob=blob, EncryptionContext=ABOUT)
    holds("another region does not", said == "AccessDeniedException", said)
    said = refusal(us.decrypt, CiphertextBlob=blob, EncryptionContext={"purpose": "invoices"})
    holds("nor does anybody who says another purpose", said == "InvalidCiphertextException", said)
    said = refusal(us.decrypt, CiphertextBlob=blob, EncryptionContext=ABOUT, KeyId=here["SharedKey"])
    holds("nor another key", said == "IncorrectKeyException", said)

    blob = us.encrypt(KeyId=here["SharedKey"], Plaintext=SECRET, EncryptionContext=ABOUT)["CiphertextBlob"]
    holds("the replica opens what the primary closed", opened(eu, blob), there["SharedKey"])
    back = eu.encrypt(KeyId=there["SharedKey"], Plaintext=SECRET, EncryptionContext=ABOUT)["CiphertextBlob"]
    holds("and the primary what the replica closed", opened(us, back), here["SharedKey"])

    us.rotate_key_on_demand(KeyId=here["SharedKey"])
    fresh = us.encrypt(KeyId=here["SharedKey"], Plaintext=SECRET, EncryptionContext=ABOUT)["CiphertextBlob"]
    took = until(lambda: opened(eu, fresh))
    holds("new material reaches the replica; old ciphertexts open as before", took is not None and opened(eu, blob), seconds(took))

    cloud.admin("POST", f"regions/{US}/kill")
    holds(f"{US} is killed: {EU} opens what it had closed", opened(eu, fresh) and opened(eu, blob), "by its own copy of the key")
    cloud.admin("POST", f"regions/{US}/restart")
    holds("back on its data it opens everything", until(lambda: opened(us, fresh) and opened(us, back)) is not None)

    us.disable_key(KeyId=here["RegionalKey"])
    said = refusal(us.encrypt, KeyId=here["RegionalKey"], Plaintext=SECRET)
    holds("a disabled key does nothing", said == "DisabledException", said)
    us.enable_key(KeyId=here["RegionalKey"])
