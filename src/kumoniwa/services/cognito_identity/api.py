"""The operations of identity pools. Social, OpenID Connect and SAML providers and attributes for access control are refused by name."""

from kumoniwa.services.cognito_identity.access import owner_of, resource_of  # noqa: F401 (the gate's hooks)
from kumoniwa.services.cognito_identity.credential import GetCredentialsForIdentity
from kumoniwa.services.cognito_identity.developer import (
    GetOpenIdTokenForDeveloperIdentity,
    LookupDeveloperIdentity,
)
from kumoniwa.services.cognito_identity.identity import (
    DeleteIdentities,
    DescribeIdentity,
    GetId,
    GetOpenIdToken,
    ListIdentities,
    UnlinkIdentity,
)
from kumoniwa.services.cognito_identity.pool import (
    CreateIdentityPool,
    DeleteIdentityPool,
    DescribeIdentityPool,
    GetIdentityPoolRoles,
    ListIdentityPools,
    ListTagsForResource,
    SetIdentityPoolRoles,
    TagResource,
    UntagResource,
    UpdateIdentityPool,
    all_tags,
    reserved_tag,  # noqa: F401 (the gate's hook)
    tags_of,  # noqa: F401 (the gate's hook)
)

__all__ = [
    "CreateIdentityPool", "DeleteIdentities", "DeleteIdentityPool", "DescribeIdentity", "DescribeIdentityPool",
    "GetCredentialsForIdentity", "GetId", "GetIdentityPoolRoles", "GetOpenIdToken", "GetOpenIdTokenForDeveloperIdentity",
    "ListIdentities", "ListIdentityPools", "ListTagsForResource", "LookupDeveloperIdentity", "SetIdentityPoolRoles",
    "TagResource", "UnlinkIdentity", "UntagResource", "UpdateIdentityPool", "all_tags",
]  # fmt: skip
