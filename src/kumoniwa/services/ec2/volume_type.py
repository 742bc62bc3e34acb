"""Types of volumes: how large and how fast each may be.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html has the ranges (as its model of 2026 says them), and
https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volume-types.html the ratios.
"""

from __future__ import annotations

from typing import NamedTuple

from kumoniwa.services.ec2.errors import InvalidParameterCombination, InvalidParameterValue


class Type(NamedTuple):
    least_gib: int
    most_gib: int
    iops: tuple[int, int] | None = None
    """What may be asked for."""
    iops_per_gib: int = 0
    has_throughput: bool = False


TYPES = {
    "gp2": Type(1, 16_384), "gp3": Type(1, 65_536, (3_000, 80_000), 500, has_throughput=True), "io1": Type(4, 16_384, (100, 64_000), 50),
    "io2": Type(4, 65_536, (100, 256_000), 1_000), "st1": Type(125, 16_384), "sc1": Type(125, 16_384), "standard": Type(1, 1_024),
}  # fmt: skip
GP3_IOPS, GP3_THROUGHPUT, THROUGHPUT_MAX = 3_000, 125, 2_000
THROUGHPUT_PER_IOPS = 0.25
_MUST_SAY = ("io1", "io2")


def checked(type_: str, size_gib: int, iops: int | None, throughput: int | None, is_shared: bool) -> tuple[int | None, int | None]:
    """The IOPS and MiB/s that a volume has. The texts on ratios, of what must be said and of what a type does not know are quoted by users
    (rocicorp/mono#4410, runs-on/runs-on#260, velero-plugin-for-aws#119); those on ranges follow them."""
    if type_ not in TYPES:
        raise InvalidParameterValue(f"Unsupported volume type '{type_}'.")
    kind = TYPES[type_]
    if size_gib < kind.least_gib:
        raise InvalidParameterValue(f"Volume of {size_gib}GiB is too small for volume type {type_}; minimum is {kind.least_gib}GiB.")
    if size_gib > kind.most_gib:
        raise InvalidParameterValue(f"Volume of {size_gib}GiB is too large for volume type {type_}; maximum is {kind.most_gib}GiB.")
    if iops is not None and kind.iops is None:
        raise InvalidParameterCombination(f"The parameter iops is not supported for {type_} volumes.")
    if iops is None and type_ in _MUST_SAY:
        raise InvalidParameterCombination(f"The parameter iops must be specified for {type_} volumes.")
    if throughput is not None and not kind.has_throughput:
        raise InvalidParameterCombination(f"The parameter throughput is not supported for {type_} volumes.")
    if is_shared and type_ not in _MUST_SAY:
        raise InvalidParameterCombination(f"The parameter multiAttachEnabled is not supported for {type_} volumes.")
    if kind.iops is None:
        # Of these it follows from the size: three for each GiB, from 100 to 16,000.
        return (min(16_000, max(100, 3 * size_gib)) if type_ == "gp2" else None), None
    iops = GP3_IOPS if iops is None else iops
    least, most = kind.iops
    if not least <= iops <= most:
        word, what, limit = ("low", "minimum", least) if iops < least else ("high", "maximum", most)
        raise InvalidParameterValue(f"Volume iops of {iops} is too {word}; {what} is {limit}.")
    ratio = iops / size_gib
    if ratio > kind.iops_per_gib and iops > GP3_IOPS * kind.has_throughput:
        raise InvalidParameterValue(f"Iops to volume size ratio of {ratio:.6f} is too high; maximum is {kind.iops_per_gib}")
    if not kind.has_throughput:
        return iops, None
    throughput = GP3_THROUGHPUT if throughput is None else throughput
    if not GP3_THROUGHPUT <= throughput <= THROUGHPUT_MAX:
        word, what, limit = ("low", "minimum", GP3_THROUGHPUT) if throughput < GP3_THROUGHPUT else ("high", "maximum", THROUGHPUT_MAX)
        raise InvalidParameterValue(f"Throughput (MiBps) of {throughput} is too {word}; {what} is {limit} MiBps.")
    if throughput / iops > THROUGHPUT_PER_IOPS:
        raise InvalidParameterValue(f"Throughput (MiBps) to iops ratio of {throughput / iops:.6f} is too high; maximum is {THROUGHPUT_PER_IOPS:.6f} MiBps per iops")
    return iops, throughput
