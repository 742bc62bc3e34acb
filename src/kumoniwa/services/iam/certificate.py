"""Certificates that IAM keeps for others to use: signing certificates of users, server certificates, SSH public keys.

IAM itself only looks whether they are what they claim to be, and hands them out again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
    load_ssh_public_key,
)

from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.iam.credential import SigningCertificate, SshKey, of
from kumoniwa.services.iam.entity import (
    User,
    checked_path,
    found,
    global_arn,
    named,
    new_id,
    now_s,
    shown_tags,
    tagged,
    untagged,
)
from kumoniwa.services.iam.errors import EntityAlreadyExists, LimitExceeded, NoSuchEntity
from kumoniwa.services.iam.user import asked_for, holder

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

SIGNING_PER_USER_MAX = 2
SSH_PER_USER_MAX = 5
SERVER_MAX = 20
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""


class MalformedCertificate(AwsError):
    status = 400


class DuplicateCertificate(AwsError):
    status = 409


class KeyPairMismatch(AwsError):
    status = 400


class InvalidPublicKey(AwsError):
    status = 400
    message = "The public key is malformed or otherwise invalid."


class DuplicateSSHPublicKey(AwsError):
    status = 400
    message = "The SSH public key is already associated with the specified IAM user."


class UnrecognizedPublicKeyEncoding(AwsError):
    status = 400


def _read(body: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(body.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise MalformedCertificate(f"Certificate {body} is malformed") from None


# Signing certificates ------------------------------------------------------------------------------


def _shown_signing(user: User, held: SigningCertificate) -> dict[str, Any]:
    name = {"UserName": user.name} if user.name else {}
    return {
        **name,
        "CertificateId": held.id,
        "CertificateBody": held.body,
        "Status": held.status,
        "UploadDate": held.uploaded,
    }


def _signing(call: Call, user: User, certificate_id: str) -> SigningCertificate:
    held = call.shelf(SigningCertificate).get(certificate_id)
    if held is None or held.user_id != user.id:
        raise NoSuchEntity(f"The Certificate with id {certificate_id} cannot be found.")
    return held


def UploadSigningCertificate(call: Call, *, CertificateBody: str, UserName: str | None = None) -> dict:
    user = holder(call, UserName)
    _read(CertificateBody)
    if any(held.body == CertificateBody for held in call.shelf(SigningCertificate).values()):
        raise DuplicateCertificate("The certificate is already associated with an IAM user.")
    if len(of(call, SigningCertificate, user.id)) >= SIGNING_PER_USER_MAX:
        raise LimitExceeded(f"Cannot exceed quota for CertificatesPerUser: {SIGNING_PER_USER_MAX}")
    held = SigningCertificate(
        id=call.ids.upper(32), user_id=user.id, body=CertificateBody, uploaded=now_s(call)
    )
    call.shelf(SigningCertificate)[held.id] = held
    return {"Certificate": _shown_signing(user, held)}


def ListSigningCertificates(call: Call, *, UserName: str | None = None) -> dict:
    user = holder(call, UserName)
    return {"Certificates": [_shown_signing(user, held) for held in of(call, SigningCertificate, user.id)]}


def UpdateSigningCertificate(
    call: Call, *, CertificateId: str, Status: str, UserName: str | None = None
) -> None:
    held = _signing(call, holder(call, UserName), CertificateId)
    call.shelf(SigningCertificate)[held.id] = changed(held, status=Status)


def DeleteSigningCertificate(call: Call, *, CertificateId: str, UserName: str | None = None) -> None:
    del call.shelf(SigningCertificate)[_signing(call, holder(call, UserName), CertificateId).id]


# SSH public keys -----------------------------------------------------------------------------------


def _rsa(body: str) -> RSAPublicKey:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_UploadSSHPublicKey.html: RSA, in ssh-rsa or PEM encoding."""
    try:
        load = load_pem_public_key if body.lstrip().startswith("-----BEGIN") else load_ssh_public_key
        key = load(body.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidPublicKey from None
    if not isinstance(key, RSAPublicKey) or key.key_size < 2048:
        raise InvalidPublicKey
    return key


def _ssh_line(key: RSAPublicKey) -> str:
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _fingerprint(key: RSAPublicKey) -> str:
    try:
        blob = base64.b64decode(_ssh_line(key).split()[1])
    except binascii.Error:
        raise InvalidPublicKey from None
    return hashlib.md5(blob, usedforsecurity=False).digest().hex(":")


def _shown_ssh(user: User, held: SshKey, body: str | None = None) -> dict[str, Any]:
    view = {
        "UserName": user.name,
        "SSHPublicKeyId": held.id,
        "Status": held.status,
        "UploadDate": held.uploaded,
    }
    return view if body is None else {**view, "SSHPublicKeyBody": body, "Fingerprint": held.fingerprint}


def _ssh(call: Call, user: User, key_id: str) -> SshKey:
    held = call.shelf(SshKey).get(key_id)
    if held is None or held.user_id != user.id:
        raise NoSuchEntity(f"The Public Key with id {key_id} cannot be found.")
    return held


def UploadSSHPublicKey(call: Call, *, UserName: str, SSHPublicKeyBody: str) -> dict:
    user = found(call, User, UserName)
    fingerprint = _fingerprint(_rsa(SSHPublicKeyBody))
    held = of(call, SshKey, user.id)
    if any(one.fingerprint == fingerprint for one in held):
        raise DuplicateSSHPublicKey
    if len(held) >= SSH_PER_USER_MAX:
        raise LimitExceeded(f"Cannot exceed quota for PublicKeysPerUser: {SSH_PER_USER_MAX}")
    key = SshKey(
        id=new_id(call, "APKA"),
        user_id=user.id,
        body=SSHPublicKeyBody,
        fingerprint=fingerprint,
        uploaded=now_s(call),
    )
    call.shelf(SshKey)[key.id] = key
    return {"SSHPublicKey": _shown_ssh(user, key, key.body)}


def GetSSHPublicKey(call: Call, *, UserName: str, SSHPublicKeyId: str, Encoding: str) -> dict:
    user = found(call, User, UserName)
    held = _ssh(call, user, SSHPublicKeyId)
    if Encoding not in ("SSH", "PEM"):
        raise UnrecognizedPublicKeyEncoding(f"The public key encoding {Encoding} is not recognized.")
    return {"SSHPublicKey": _shown_ssh(user, held, _encoded(held.body, Encoding))}


def _encoded(body: str, wanted: str) -> str:
    if body.lstrip().startswith("-----BEGIN") == (wanted == "PEM"):
        return body
    key = _rsa(body)
    if wanted == "SSH":
        return _ssh_line(key)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def ListSSHPublicKeys(call: Call, *, UserName: str | None = None) -> dict:
    user = asked_for(call, UserName)
    return {"SSHPublicKeys": [_shown_ssh(user, held) for held in of(call, SshKey, user.id)]}


def UpdateSSHPublicKey(call: Call, *, UserName: str, SSHPublicKeyId: str, Status: str) -> None:
    held = _ssh(call, found(call, User, UserName), SSHPublicKeyId)
    call.shelf(SshKey)[held.id] = changed(held, status=Status)


def DeleteSSHPublicKey(call: Call, *, UserName: str, SSHPublicKeyId: str) -> None:
    del call.shelf(SshKey)[_ssh(call, found(call, User, UserName), SSHPublicKeyId).id]


# Server certificates -------------------------------------------------------------------------------


class ServerCertificate(Record):
    """Shelved by its name in lower case. Its private key never leaves again."""

    name: str
    path: str
    id: str
    uploaded: float
    expires: float
    body: str
    private_key: str
    chain: str = ""
    tags: dict[str, str] = {}


def _server(call: Call, name: str) -> ServerCertificate:
    held = call.shelf(ServerCertificate).get(name.lower())
    if held is None:
        raise NoSuchEntity(f"The Server Certificate with name {name} cannot be found.")
    return held


def _shown_server(call: Call, held: ServerCertificate) -> dict[str, Any]:
    return {
        "Path": held.path,
        "ServerCertificateName": held.name,
        "ServerCertificateId": held.id,
        "Arn": global_arn(call, f"server-certificate{held.path}{held.name}"),
        "UploadDate": held.uploaded,
        "Expiration": held.expires,
    }


def _check_pair(certificate: x509.Certificate, private_key: str) -> None:
    try:
        key = load_pem_private_key(private_key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise MalformedCertificate("Unable to parse key") from None
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        raise KeyPairMismatch("Certificate and private key do not match.")


def UploadServerCertificate(
    call: Call, *, ServerCertificateName: str, CertificateBody: str, PrivateKey: str, Path: str | None = None,
    CertificateChain: str | None = None, Tags: list[dict] | None = None,
) -> dict:  # fmt: skip
    shelf = call.shelf(ServerCertificate)
    if ServerCertificateName.lower() in shelf:
        raise EntityAlreadyExists(f"The Server Certificate with name {ServerCertificateName} already exists.")
    if len(shelf) >= SERVER_MAX:
        raise LimitExceeded(f"Cannot exceed quota for ServerCertificatesPerAccount: {SERVER_MAX}")
    certificate = _read(CertificateBody)
    _check_pair(certificate, PrivateKey)
    if CertificateChain:
        try:
            x509.load_pem_x509_certificates(CertificateChain.encode())
        except ValueError:
            raise MalformedCertificate("Unable to parse certificate chain.") from None
    held = ServerCertificate(
        name=ServerCertificateName, path=checked_path(Path), id=new_id(call, "ASCA"), uploaded=now_s(call),
        expires=certificate.not_valid_after_utc.timestamp(), body=CertificateBody, private_key=PrivateKey,
        chain=CertificateChain or "", tags=tagged({}, Tags),
    )  # fmt: skip
    shelf[held.name.lower()] = held
    tags = {"Tags": shown_tags(held.tags)} if held.tags else {}
    return {"ServerCertificateMetadata": _shown_server(call, held), **tags}


def GetServerCertificate(call: Call, *, ServerCertificateName: str) -> dict:
    held = _server(call, ServerCertificateName)
    view = {"ServerCertificateMetadata": _shown_server(call, held), "CertificateBody": held.body}
    view |= {"CertificateChain": held.chain} if held.chain else {}
    return {"ServerCertificate": view | ({"Tags": shown_tags(held.tags)} if held.tags else {})}


def ListServerCertificates(call: Call, *, PathPrefix: str | None = None) -> dict:
    listed = named(call.shelf(ServerCertificate).values(), PathPrefix)
    return {"ServerCertificateMetadataList": [_shown_server(call, held) for held in listed]}


def UpdateServerCertificate(
    call: Call,
    *,
    ServerCertificateName: str,
    NewPath: str | None = None,
    NewServerCertificateName: str | None = None,
) -> None:
    held, shelf = _server(call, ServerCertificateName), call.shelf(ServerCertificate)
    name = NewServerCertificateName or held.name
    if name.lower() != held.name.lower() and name.lower() in shelf:
        raise EntityAlreadyExists(f"The Server Certificate with name {name} already exists.")
    del shelf[held.name.lower()]
    shelf[name.lower()] = changed(held, name=name, path=NewPath or held.path)


def DeleteServerCertificate(call: Call, *, ServerCertificateName: str) -> None:
    del call.shelf(ServerCertificate)[_server(call, ServerCertificateName).name.lower()]


def TagServerCertificate(call: Call, *, ServerCertificateName: str, Tags: list[dict]) -> None:
    held = _server(call, ServerCertificateName)
    call.shelf(ServerCertificate)[held.name.lower()] = changed(held, tags=tagged(held.tags, Tags))


def UntagServerCertificate(call: Call, *, ServerCertificateName: str, TagKeys: list[str]) -> None:
    held = _server(call, ServerCertificateName)
    call.shelf(ServerCertificate)[held.name.lower()] = changed(held, tags=untagged(held.tags, TagKeys))


def ListServerCertificateTags(call: Call, *, ServerCertificateName: str) -> dict:
    return {"Tags": shown_tags(_server(call, ServerCertificateName).tags)}
