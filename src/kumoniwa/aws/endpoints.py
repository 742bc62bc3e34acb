"""Names of AWS's own endpoints, as far as a cloud of ours answers at them: which region stands behind each, and in which hosted zone
of AWS's it lies."""

from __future__ import annotations

import re
from functools import lru_cache

from kumoniwa.aws import regions


def queue_url(region: str, account: str, name: str) -> str:
    """A queue's address, for somebody who knows its ARN."""
    return f"https://sqs.{region}.amazonaws.com/{account}/{name}"


CLOUDFRONT_ZONE = "Z2FDTNDATAQYW2"
REGIONAL_API_ZONES = {
    "af-south-1": "Z2DHW2332DAMTN", "ap-east-1": "Z3FD1VL90ND7K5", "ap-east-2": "Z02909591O7FG9Q56HWB1",
    "ap-northeast-1": "Z1YSHQZHG15GKL", "ap-northeast-2": "Z20JF4UZKIW1U8", "ap-northeast-3": "Z22ILHG95FLSZ2",
    "ap-south-1": "Z3VO1THU9YC4UR", "ap-south-2": "Z0853509Q1135NJ66RUH", "ap-southeast-1": "ZL327KTPIQFUL",
    "ap-southeast-2": "Z2RPCDW04V8134", "ap-southeast-3": "Z10132843TYUYSLUG4HA3", "ap-southeast-4": "Z092189423Y7RJK61311D",
    "ap-southeast-5": "Z0314042F0KBUTZ3X5HF", "ap-southeast-6": "Z01392953RKV2Q3RBP0KU", "ap-southeast-7": "Z048508712PZLK5NKG8R0",
    "ca-central-1": "Z19DQILCV0OWEC", "ca-west-1": "Z04745493436AWVTG1OQY", "eu-central-1": "Z1U9ULNL0V5AJ3",
    "eu-central-2": "Z09222482MK253X48U76H", "eu-north-1": "Z3UWIKFBOOGXPP", "eu-south-1": "Z3BT4WSQ9TDYZV",
    "eu-south-2": "Z02499852UI5HEQ5JVWX3", "eu-west-1": "ZLY8HYME6SFDD", "eu-west-2": "ZJ5UAJN8Y3Z2Q", "eu-west-3": "Z3KY65QIEKYHQQ",
    "il-central-1": "Z07264553HBI44N5X2CKP", "me-central-1": "Z08780021BKYYY8U0YHTV", "me-south-1": "Z20ZBPC0SS8806",
    "mx-central-1": "Z00020171WIGL5M88SHRM", "sa-east-1": "ZCMLWB8V5SYIT", "us-east-1": "Z1UJRXOUMOOFQ8",
    "us-east-2": "ZOJJZC49E0EPZ", "us-gov-east-1": "Z3SE9ATJYCRCZJ", "us-gov-west-1": "Z1K6XKP9SAGWDV",
    "us-west-1": "Z2MUQ32089INYE", "us-west-2": "Z2OJLYMUO9EFXC",
}  # fmt: skip
"""https://docs.aws.amazon.com/general/latest/gr/apigateway.html"""

WEBSITE_ZONES = {
    "af-south-1": "Z83WF9RJE8B12", "ap-east-1": "ZNB98KWMFR0R6", "ap-northeast-1": "Z2M4EHUR26P7ZW", "ap-northeast-2": "Z3W03O7B5YMIYP",
    "ap-northeast-3": "Z2YQB5RD63NC85", "ap-south-1": "Z11RGJOFQNVJUP", "ap-southeast-1": "Z3O0J2DXBE1FTB",
    "ap-southeast-2": "Z1WCIGYICN2BYD", "ca-central-1": "Z1QDHH18159H29", "eu-central-1": "Z21DNDUVLTQW6Q", "eu-north-1": "Z3BAZG2TWCNX0D",
    "eu-south-1": "Z30OZKI7KPW7MI", "eu-west-1": "Z1BKCTXD74EZPE", "eu-west-2": "Z3GKZC51ZF0DB4", "eu-west-3": "Z3R1K369G5AVDG",
    "me-south-1": "Z1MPMWCPA7YB62", "sa-east-1": "Z7KQH4QJS55SO", "us-east-1": "Z3AQBSTGFJSTF", "us-east-2": "Z2O1EMRO9K5GLX",
    "us-west-1": "Z2F56UZL2M1ACD", "us-west-2": "Z3BJ6K6RIION7M",
}  # fmt: skip
"""https://docs.aws.amazon.com/general/latest/gr/s3.html#s3_website_region_endpoints"""

BALANCER_ZONES = {
    "af-south-1": "Z268VQBMOI5EKX", "ap-east-1": "Z3DQVH9N71FHZ0", "ap-northeast-1": "Z14GRHDCWA56QT", "ap-northeast-2": "ZWKZPGTI48KDX",
    "ap-northeast-3": "Z5LXEXXYW11ES", "ap-south-1": "ZP97RAFLXTNZK", "ap-south-2": "Z0173938T07WNTVAEPZN",
    "ap-southeast-1": "Z1LMS91P8CMLE5", "ap-southeast-2": "Z1GM3OXH4ZPM65", "ap-southeast-3": "Z08888821HLRG5A9ZRTER",
    "ap-southeast-4": "Z09517862IB2WZLPXG76F", "ca-central-1": "ZQSVJUPU6J1EY", "eu-central-1": "Z215JYRZR1TBD5",
    "eu-central-2": "Z06391101F2ZOEP8P5EB3", "eu-north-1": "Z23TAZ6LKFMNIO", "eu-south-1": "Z3ULH7SSC9OV64",
    "eu-south-2": "Z0956581394HF5D5LXGAP", "eu-west-1": "Z32O12XQLNTSW2", "eu-west-2": "ZHURV8PSTC4K8", "eu-west-3": "Z3Q77PNBQS71R4",
    "me-central-1": "Z08230872XQRWHG2XF6I", "me-south-1": "ZS929ML54UICD", "sa-east-1": "Z2P70J7HTTTPLU", "us-east-1": "Z35SXDOTRQ7X7K",
    "us-east-2": "Z3AADJGX6KTTL2", "us-west-1": "Z368ELLRRE2KJ0", "us-west-2": "Z1H1FL5HABSF5",
}  # fmt: skip
"""Of application load balancers: https://docs.aws.amazon.com/general/latest/gr/elb.html"""

EVERYWHERE = "everywhere"
"""Where the endpoints of distributions are: in each region there is an edge location, and who asks is sent to a near one."""
_KINDS = {"execute-api": REGIONAL_API_ZONES, "s3-website": WEBSITE_ZONES}
_NAME = re.compile(
    r"(?:[^.]+\.)*?(?P<kind>[a-z0-9-]+?)[.-](?P<region>[a-z]{2}(?:-[a-z]+)+-\d)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)\.?", re.IGNORECASE
)
_BALANCER = re.compile(
    r"(?:dualstack\.)?[a-z0-9-]+?(?:-1(?P<number>\d{9}))?\.(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)\.elb\.(?:amazonaws\.com(?:\.cn)?|localhost)\.?", re.IGNORECASE
)
_EDGE = re.compile(r"d[a-z0-9]{6,20}\.cloudfront\.net\.?", re.IGNORECASE)
_AMAZONS = re.compile(r".*\.?(?:amazonaws\.com(?:\.cn)?|on\.aws|cloudfront\.net|elasticbeanstalk\.com|awsglobalaccelerator\.com)\.?", re.IGNORECASE)


@lru_cache(maxsize=4096)
def region_of(name: str) -> str | None:
    """The region whose endpoint a name is: ``sqs.us-east-1.amazonaws.com``, ``d-1.execute-api.eu-west-1.amazonaws.com``; EVERYWHERE
    for a distribution's."""
    if _EDGE.fullmatch(name):
        return EVERYWHERE
    found = _BALANCER.fullmatch(name) or _NAME.fullmatch(name)
    region = found["region"].lower() if found else None
    return region if region is not None and regions.is_region(region) else None


@lru_cache(maxsize=4096)
def address_of(name: str) -> str | None:
    """The address that an endpoint has to itself: a load balancer's, which follows from the number in its name."""
    found = _BALANCER.fullmatch(name)
    if found is None or found["number"] is None or not regions.is_region(found["region"].lower()):
        return None
    return regions.balancer_address(found["region"].lower(), int(found["number"]))


@lru_cache(maxsize=4096)
def zone_of(name: str) -> str | None:
    """The hosted zone in which an endpoint lies that an alias may name: of an API, an S3 website, a load balancer or a distribution."""
    if _EDGE.fullmatch(name):
        return CLOUDFRONT_ZONE
    if (found := _BALANCER.fullmatch(name)) is not None:
        return BALANCER_ZONES.get(found["region"].lower())
    found = _NAME.fullmatch(name)
    return _KINDS.get(found["kind"].lower(), {}).get(found["region"].lower()) if found else None


def is_amazons(name: str) -> bool:
    """Whether a name lies under a domain of AWS's."""
    return _AMAZONS.fullmatch(name) is not None
