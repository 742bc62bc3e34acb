"""AWS's rules for what an account does with volumes and snapshots of EBS.

Each by the page of its name: https://docs.aws.amazon.com/config/latest/developerguide/ec2-ebs-encryption-by-default.html and so on. What AWS
Backup does for volumes is judged with its other rules. Whether volumes are encrypted ``encrypted-volumes`` says of those that are attached, of
which there are none without instances: it is refused by name.
"""

from __future__ import annotations

from kumoniwa.services.config.verdict import Given, Judged, Survey, Surveyor, verdict


async def _by_default(surveyor: Surveyor, given: Given) -> list[Judged]:
    is_on = (await surveyor.reader.ask("ec2:GetEbsEncryptionByDefault"))["EbsEncryptionByDefault"]
    return surveyor.of_account(verdict(is_on, "EBS encryption by default is not enabled."))


async def _not_public(surveyor: Surveyor, given: Given) -> list[Judged]:
    found = await surveyor.reader.all("ec2:DescribeSnapshots", OwnerIds=["self"], RestorableByUserIds=["all"])
    return surveyor.of_account(verdict(not found, "Snapshots can be restored by everybody."))


SURVEYS: dict[str, Survey] = {"EBS_SNAPSHOT_PUBLIC_RESTORABLE_CHECK": _not_public, "EC2_EBS_ENCRYPTION_BY_DEFAULT": _by_default}
