"""What an account is and may have in a region."""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.services.ec2.dry_run import may_be_dry
from kumoniwa.services.ec2.errors import InvalidParameterValue
from kumoniwa.services.ec2.network import Vpc

_ATTRIBUTES: dict[str, str] = {
    "supported-platforms": "VPC", "default-vpc": "none", "max-instances": "20", "vpc-max-security-groups-per-interface": "5", "max-elastic-ips": "5",
    "vpc-max-elastic-ips": "5",
}  # fmt: skip
"""https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AccountAttribute.html"""


@may_be_dry
def DescribeAccountAttributes(call: Call, *, AttributeNames: list[str] | None = None) -> dict:
    for name in AttributeNames or ():
        if name not in _ATTRIBUTES:
            raise InvalidParameterValue(f"Value ({name}) for parameter attributeName is invalid. Unknown attribute.")
    default = next((each.id for each in call.shelf(Vpc).values() if each.is_default), "none")
    values = _ATTRIBUTES | {"default-vpc": default}
    return {
        "AccountAttributes": [
            {"AttributeName": name, "AttributeValues": [{"AttributeValue": value}]}
            for name, value in values.items()
            if not AttributeNames or name in AttributeNames
        ]
    }
