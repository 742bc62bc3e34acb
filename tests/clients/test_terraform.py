"""Terraform with AWS's provider, which knows of no endpoint: what it has made it must find as it wrote it, and take away again.

A plan after an apply compares each attribute of each resource with what the services answer; it must find nothing to do.
Needs the program ``terraform`` and the provider, in a folder of plugins that ``TERRAFORM_PLUGINS`` names: ``make terraform``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import urllib.request
import zipfile
from pathlib import Path

import pytest

CONFIGURATIONS = Path(__file__).parent / "terraform"
PLUGINS = os.environ.get("TERRAFORM_PLUGINS", "")
HANDLER = 'def handler(event, context):\n    return {"statusCode": 200, "body": "ok"}\n'
LONGEST_S = 900

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (PLUGINS and shutil.which("terraform")), reason="terraform, or TERRAFORM_PLUGINS, is not there"),
]


class Terraform:
    def __init__(self, endpoint: str, folder: Path) -> None:
        self.folder = folder
        authority = folder / "authority.pem"
        authority.write_bytes(urllib.request.urlopen(f"{endpoint}/_kumoniwa/ca.pem", timeout=30).read())
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.environment = kept | {
            "HTTPS_PROXY": endpoint, "AWS_CA_BUNDLE": str(authority), "SSL_CERT_FILE": str(authority), "AWS_ACCESS_KEY_ID": "111122223333",
            "AWS_SECRET_ACCESS_KEY": "test", "CHECKPOINT_DISABLE": "1",
        }  # fmt: skip

    def __call__(self, *words: str, status: int = 0) -> str:
        command = ["terraform", words[0], "-no-color", *words[1:]]
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=LONGEST_S)
        assert done.returncode == status, (done.stdout + done.stderr)[-6000:]
        return done.stdout


@pytest.mark.parametrize("name", sorted(each.name for each in CONFIGURATIONS.iterdir()))
def test_what_is_applied_is_found_as_it_was_written_and_taken_away(kumoniwa, tmp_path, name):
    folder = shutil.copytree(CONFIGURATIONS / name, tmp_path / name)
    with zipfile.ZipFile(folder / "function.zip", "w") as file:
        file.writestr("index.py", HANDLER)
    terraform = Terraform(kumoniwa.endpoint, folder)
    terraform("init", f"-plugin-dir={PLUGINS}")
    made = terraform("apply", "-auto-approve")
    # Status 2 would say that there is something to change.
    assert "No changes." in terraform("plan", "-detailed-exitcode", status=0)
    gone = terraform("destroy", "-auto-approve")
    assert made.count(": Creation complete") == gone.count(": Destruction complete") > 80
