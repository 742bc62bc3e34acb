"""User pools for tests, with a client of every flow, and what is read from tokens and the mailbox."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import json
import re

from mail_workshop import mails

PASSWORD, NEW_PASSWORD = "Secret.1234", "Other.5678"
ANN = "ann@example.com"
FLOWS = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_CUSTOM_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]


class Pool:
    """One pool and one client of it."""

    def __init__(self, cloud, *, region: str = "us-east-1", client: dict | None = None, **settings) -> None:
        self.cloud, self.idp = cloud, cloud.client("cognito-idp", region)
        self.id = self.idp.create_user_pool(PoolName="people", **settings)["UserPool"]["Id"]
        made = self.idp.create_user_pool_client(UserPoolId=self.id, ClientName="app", **{"ExplicitAuthFlows": FLOWS, **(client or {})})["UserPoolClient"]
        self.client, self.secret = made["ClientId"], made.get("ClientSecret")
        self.issuer = f"https://cognito-idp.{region}.amazonaws.com/{self.id}"

    def add(self, name: str = "ann", password: str = PASSWORD, **attributes: str) -> str:
        """A user with a password of his own; answers his ``sub``."""
        told = [{"Name": key.replace("__", ":"), "Value": value} for key, value in attributes.items()]
        made = self.idp.admin_create_user(UserPoolId=self.id, Username=name, UserAttributes=told, MessageAction="SUPPRESS", TemporaryPassword=password)["User"]
        self.idp.admin_set_user_password(UserPoolId=self.id, Username=name, Password=password, Permanent=True)
        return next(each["Value"] for each in made["Attributes"] if each["Name"] == "sub")

    def hash(self, name: str) -> dict[str, str]:
        if not self.secret:
            return {}
        digest = hmac.digest(self.secret.encode(), (name + self.client).encode(), "sha256")
        return {"SECRET_HASH": base64.b64encode(digest).decode()}

    def begin(self, name: str = "ann", password: str = PASSWORD, **more) -> dict:
        told = {"USERNAME": name, "PASSWORD": password, **self.hash(name)}
        return self.idp.initiate_auth(ClientId=self.client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=told, **more)

    def sign_in(self, name: str = "ann", password: str = PASSWORD) -> dict:
        return self.begin(name, password)["AuthenticationResult"]

    def answer(self, reply: dict, name: str = "ann", **told: str) -> dict:
        return self.idp.respond_to_auth_challenge(
            ClientId=self.client, ChallengeName=reply["ChallengeName"], Session=reply["Session"],
            ChallengeResponses={"USERNAME": name, **self.hash(name), **told},
        )  # fmt: skip

    def get(self, name: str = "ann") -> dict:
        return self.idp.admin_get_user(UserPoolId=self.id, Username=name)


def attributes(told: dict) -> dict[str, str]:
    return {each["Name"]: each["Value"] for each in told["UserAttributes"]}


def claims(token: str) -> dict:
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def code_for(cloud, address: str = ANN) -> str:
    """The code in the newest letter to an address."""
    return re.search(r"\b(\d{6})\b", mails(cloud, f"?email={address}")[-1]["Body"]["text_part"])[1]


class Srp:
    """The client's half of SRP, written after Amplify's: numbers are hexadecimal texts here, and hashed as such, so that a fault in the
    server's arithmetic of bytes would show."""

    def __init__(self, pool: Pool, prime: int) -> None:
        self.pool, self.n = pool, prime
        self.a = int.from_bytes(hashlib.sha256(b"a client's secret").digest(), "big")
        self.public = pow(2, self.a, prime)

    @staticmethod
    def padded(number: int | str) -> str:
        text = number if isinstance(number, str) else f"{number:x}"
        text = text if len(text) % 2 == 0 else f"0{text}"
        return f"00{text}" if text[0] in "89abcdefABCDEF" else text

    @staticmethod
    def hashed(text: str) -> int:
        return int(hashlib.sha256(bytes.fromhex(text)).hexdigest(), 16)

    def answers(self, shown: dict[str, str], password: str, at: float) -> dict[str, str]:
        theirs, salt, who = int(shown["SRP_B"], 16), shown["SALT"], self.pool.id.split("_")[1] + shown["USER_ID_FOR_SRP"]
        u = self.hashed(self.padded(self.public) + self.padded(theirs))
        inner = hashlib.sha256(f"{who}:{password}".encode()).hexdigest()
        x = self.hashed(self.padded(salt) + inner)
        k = self.hashed("00" + f"{self.n:x}" + "02")
        shared = pow(theirs - k * pow(2, x, self.n), self.a + u * x, self.n)
        extracted = hmac.digest(bytes.fromhex(self.padded(u)), bytes.fromhex(self.padded(shared)), "sha256")
        key = hmac.digest(extracted, b"Caldera Derived Key" + bytes([1]), "sha256")[:16]
        moment = datetime.datetime.fromtimestamp(at, datetime.UTC)
        stamp = f"{moment:%a %b} {moment.day} {moment:%H:%M:%S UTC %Y}"
        block = shown["SECRET_BLOCK"]
        signature = hmac.digest(key, who.encode() + base64.b64decode(block) + stamp.encode(), "sha256")
        return {
            "USERNAME": shown["USER_ID_FOR_SRP"], "PASSWORD_CLAIM_SECRET_BLOCK": block, "TIMESTAMP": stamp,
            "PASSWORD_CLAIM_SIGNATURE": base64.b64encode(signature).decode(), **self.pool.hash(shown["USER_ID_FOR_SRP"]),
        }  # fmt: skip
