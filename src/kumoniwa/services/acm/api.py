"""The operations of ACM. Private authorities, ACME, search and certificates that CloudFront manages are refused by name."""

from kumoniwa.services.acm.access import all_tags, conditions_of, resource_of, tags_of  # noqa: F401 (the gate's hooks)
from kumoniwa.services.acm.importing import ImportCertificate
from kumoniwa.services.acm.life import (
    DeleteCertificate,
    GetAccountConfiguration,
    PutAccountConfiguration,
    RenewCertificate,
    RevokeCertificate,
    UpdateCertificateOptions,
)
from kumoniwa.services.acm.request import RequestCertificate, ResendValidationEmail
from kumoniwa.services.acm.tag import (
    AddTagsToCertificate,
    ListTagsForCertificate,
    ListTagsForResource,
    RemoveTagsFromCertificate,
    TagResource,
    UntagResource,
    reserved_tag,  # noqa: F401 (the gate's hook)
)
from kumoniwa.services.acm.telling import (
    DescribeCertificate,
    ExportCertificate,
    GetCertificate,
    ListCertificates,
)

__all__ = [
    "AddTagsToCertificate", "DeleteCertificate", "DescribeCertificate", "ExportCertificate", "GetAccountConfiguration", "GetCertificate",
    "ImportCertificate", "ListCertificates", "ListTagsForCertificate", "ListTagsForResource", "PutAccountConfiguration",
    "RemoveTagsFromCertificate", "RenewCertificate", "RequestCertificate", "ResendValidationEmail", "RevokeCertificate", "TagResource",
    "UntagResource", "UpdateCertificateOptions", "all_tags",
]  # fmt: skip
