"""Instance profiles: the envelope in which a role is handed to an EC2 instance. It holds one role at most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.iam.entity import global_arn, new_id, now_s
from kumoniwa.services.iam.errors import DeleteConflict, EntityAlreadyExists, LimitExceeded, NoSuchEntity

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

PROFILES_MAX = 1_000


class InstanceProfile(Record):
    """Shelved by its name in lower case."""

    name: str
    path: str
    id: str
    created: float
    role: str = ""
    tags: dict[str, str] = {}


def arn_of(call: Call, profile: InstanceProfile) -> str:
    return global_arn(call, f"instance-profile{profile.path}{profile.name}")


def found(call: Call, name: str) -> InstanceProfile:
    profile = call.shelf(InstanceProfile).get(name.lower())
    if profile is None:
        raise NoSuchEntity(f"Instance Profile {name} cannot be found.")
    return profile


def holding(call: Call, role_name: str) -> list[InstanceProfile]:
    return [profile for profile in call.shelf(InstanceProfile).values() if profile.role == role_name]


def made(call: Call, name: str, path: str, tags: dict[str, str]) -> InstanceProfile:
    if name.lower() in call.shelf(InstanceProfile):
        raise EntityAlreadyExists(f"Instance Profile {name} already exists.")
    if len(call.shelf(InstanceProfile)) >= PROFILES_MAX:
        raise LimitExceeded(f"Cannot exceed quota for InstanceProfilesPerAccount: {PROFILES_MAX}")
    profile = InstanceProfile(name=name, path=path, id=new_id(call, "AIPA"), created=now_s(call), tags=tags)
    keep(call, profile)
    return profile


def keep(call: Call, profile: InstanceProfile) -> None:
    call.shelf(InstanceProfile)[profile.name.lower()] = profile


def add(call: Call, profile: InstanceProfile, role_name: str) -> None:
    if profile.role:
        raise LimitExceeded("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
    keep(call, changed(profile, role=role_name))


def remove(call: Call, profile: InstanceProfile, role_name: str) -> None:
    if profile.role != role_name:
        raise NoSuchEntity(f"The role with name {role_name} cannot be found.")
    keep(call, changed(profile, role=""))


def drop(call: Call, profile: InstanceProfile) -> None:
    if profile.role:
        raise DeleteConflict("Cannot delete entity, must remove roles from instance profile first.")
    del call.shelf(InstanceProfile)[profile.name.lower()]
