"""Proxies for tests: one that stands before a database, clients of it in threads, and what its processes need of the region meanwhile."""

from __future__ import annotations

import json
import os
import re
import struct
import threading
from pathlib import Path

import pg8000.dbapi
from botocore.exceptions import ClientError
from database_workshop import PASSWORD, WITHIN_STEPS, Databases, Session

ROLE = "arn:aws:iam::000000000000:role/proxy-reader"
READS = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}


def may(*statements) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class Proxies(Databases):
    """A client of RDS, whose databases have proxies."""

    engine_family = "POSTGRESQL"
    port = 5_432

    def __init__(self, cloud, **client) -> None:
        super().__init__(cloud, **client)
        self.secrets = cloud.client("secretsmanager")

    def subnets(self) -> list[str]:
        """Two of the default VPC."""
        found = self.cloud.client("ec2").describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
        return [each["SubnetId"] for each in found[:2]]

    def make_role(self) -> None:
        iam = self.cloud.client("iam")
        trust = {"Effect": "Allow", "Principal": {"Service": "rds.amazonaws.com"}, "Action": "sts:AssumeRole"}
        iam.create_role(RoleName="proxy-reader", AssumeRolePolicyDocument=may(trust))
        iam.put_role_policy(RoleName="proxy-reader", PolicyName="reads", PolicyDocument=may(READS))

    def secret(self, user="keeper", password=PASSWORD) -> str:
        return self.secrets.create_secret(Name=f"of-{user}", SecretString=json.dumps({"username": user, "password": password}))["ARN"]

    def make(self, name="pool", secrets=None, pool=None, target="orders", auth=None, **said):
        """A proxy before a database that is there, as soon as both may be used."""
        if self.cloud.client("iam").list_roles()["Roles"] == []:
            self.make_role()
        arns = secrets if secrets is not None else [self.secret()]
        self.rds.create_db_proxy(**{
            "DBProxyName": name, "EngineFamily": self.engine_family, "RoleArn": ROLE, "VpcSubnetIds": self.subnets(),
            "Auth": [{"AuthScheme": "SECRETS", "SecretArn": arn, **(auth or {})} for arn in arns], **said,
        })  # fmt: skip
        self.until_proxy("available", name)
        if pool:
            self.rds.modify_db_proxy_target_group(DBProxyName=name, TargetGroupName="default", ConnectionPoolConfig=pool)
        if target:
            self.rds.register_db_proxy_targets(DBProxyName=name, DBInstanceIdentifiers=[target])
            self.until_health("AVAILABLE", name)
        return self.proxy(name)

    def proxy(self, name="pool"):
        (found,) = self.rds.describe_db_proxies(DBProxyName=name)["DBProxies"]
        return found

    def address(self, name="pool", host=None) -> str:
        """Where it listens: the name of an endpoint spells it."""
        spelled = re.search(r"proxy-[a-z]*([0-9a-f]{6})\.", host or self.proxy(name)["Endpoint"])[1]
        return ".".join(["127", *(str(each) for each in bytes.fromhex(spelled))])

    def process(self, name="pool") -> int:
        """The one that listens there."""
        wanted = f"{struct.unpack('<I', bytes(map(int, self.address(name).split('.'))))[0]:08X}:{self.port:04X}"
        (inode,) = [line.split()[9] for line in Path("/proc/net/tcp").read_text().splitlines() if line.split()[1] == wanted and line.split()[3] == "0A"]
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if any(os.readlink(each) == f"socket:[{inode}]" for each in (entry / "fd").iterdir()):
                        return int(entry.name)
                except OSError:
                    continue
        raise AssertionError("nobody listens there")

    def until_proxy(self, state, name="pool"):
        return self._until(lambda: self.proxy(name), lambda found: found["Status"] == state)

    def until_no_proxy(self, name="pool"):
        def look():
            try:
                return self.proxy(name)
            except ClientError as error:
                return error.response["Error"]

        return self._until(look, lambda found: found.get("Code") == "DBProxyNotFoundFault")

    def health(self, name="pool"):
        (target,) = self.rds.describe_db_proxy_targets(DBProxyName=name)["Targets"]
        return target["TargetHealth"]

    def until_health(self, state, name="pool", reason=None):
        return self._until(lambda: self.health(name), lambda found: found["State"] == state and reason in (None, found.get("Reason")))

    def _until(self, look, is_so):
        for _ in range(WITHIN_STEPS):
            found = look()
            if is_so(found):
                return found
            with self.cloud.real_time():
                self.cloud.sleep(0.01)
        raise AssertionError(f"it is still {found}")

    def connect(self, name="pool", user="keeper", password=PASSWORD, database="postgres", host=None, **more):
        """A session through the proxy that commits each statement."""
        address = self.address(name, host)
        session = self.meanwhile(lambda: pg8000.dbapi.connect(user=user, password=password, host=address, port=5_432, database=database, **more))
        session.autocommit = True
        return Through(self, session)

    def meanwhile(self, act):
        """What ``act`` answers in a thread, while the region goes on: a proxy may have to ask it."""
        found: list = []

        def run() -> None:
            try:
                found.append((act(), None))
            except BaseException as error:
                found.append((None, error))

        thread = threading.Thread(target=run)
        thread.start()
        while thread.is_alive():
            with self.cloud.real_time():
                self.cloud.sleep(0.005)
        result, error = found[0]
        if error is not None:
            raise error
        return result


class Through(Session):
    """A session through a proxy."""

    def __init__(self, proxies, session) -> None:
        super().__init__(session)
        self.proxies = proxies

    def ask(self, statement, *values):
        return self.proxies.meanwhile(lambda: super(Through, self).ask(statement, *values))

    def pid(self):
        """That of the database's own session."""
        ((pid,),) = self.ask("select pg_backend_pid()")
        return pid

    def close(self):
        self.session.close()
