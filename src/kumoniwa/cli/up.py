"""``kumoniwa up``: a cloud in the foreground, one line when it is ready, clean on SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from kumoniwa.aws import regions
from kumoniwa.cloud.cloud import AlreadyRunning, Folder, serve
from kumoniwa.cloud.links import PROFILES, Links
from kumoniwa.cloud.trace_daemon import PORT as XRAY_PORT
from kumoniwa.console.pages import page
from kumoniwa.gate.settings import Settings
from kumoniwa.kernel.record import changed

PORT, DNS_PORT = 4566, 4553


def up(asked: argparse.Namespace) -> int:
    names = tuple(name.strip() for name in asked.regions.split(",") if name.strip())
    unknown = [name for name in (*names, asked.region) if name and not regions.is_region(name)]
    if unknown:
        print(f"kumoniwa: AWS has no region {', '.join(unknown)}.", file=sys.stderr)
        return 1
    if len(asked.account) != 12 or not asked.account.isdigit():
        print("kumoniwa: --account takes twelve digits.", file=sys.stderr)
        return 1
    settings = Settings(
        auth=asked.auth,
        iam=asked.iam,
        is_lenient=asked.lenient,
        account=asked.account,
        region=asked.region or (names[0] if names else "us-east-1"),
        regions=names,
        is_fsync=asked.fsync,
        pace=asked.pace,
        places=os.path.abspath(asked.places) if asked.places else "",
    )
    try:
        if settings.places:
            from kumoniwa.gate.place import Places  # noqa: PLC0415 - few tell where their clients are

            Places(settings.places)
    except (OSError, ValueError) as error:
        print(f"kumoniwa: --places takes a table of subnets, countries, states and regions: {error}", file=sys.stderr)
        return 1
    try:
        links = Links(asked.links)
    except (OSError, ValueError) as error:
        print(f"kumoniwa: --links takes {', '.join(PROFILES)} or a table of round trips: {error}", file=sys.stderr)
        return 1
    try:
        folder = Folder(asked.data)
    except AlreadyRunning as error:
        print(f"kumoniwa: another cloud lives in {error}.", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"kumoniwa: cannot keep state in {error.filename}: {error.strerror}.", file=sys.stderr)
        return 1

    if settings.auth == "strict":
        settings = changed(settings, root_key=folder.root_key(settings.account))

    # A second cloud on this machine gets a free port for its name servers and its X-Ray daemon, as it does for itself.
    dns_port = asked.dns_port if asked.dns_port is not None else DNS_PORT if asked.port == PORT else 0

    xray_port = asked.xray_port if asked.xray_port is not None else XRAY_PORT if asked.port == PORT else 0

    def ready(port: int) -> None:
        print(f"Kumoniwa is ready at http://{asked.host}:{port} (account {settings.account}, region {settings.region}).", flush=True)
        if settings.auth == "strict":
            key_id, secret = settings.root_key
            print(f"Root access key of account {settings.account}: {key_id} {secret}", flush=True)

    try:
        asyncio.run(serve(settings, asked.host, asked.port, dns_port, xray_port, links, folder, page, ready))
    except OSError as error:
        print(f"kumoniwa: cannot listen on {asked.host}:{asked.port}: {error.strerror}.", file=sys.stderr)
        return 1
    finally:
        folder.close()
    return 0
