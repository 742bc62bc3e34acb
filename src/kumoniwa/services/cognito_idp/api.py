"""The operations of user pools. Federation with social providers, threat protection, branding and imports are refused by name."""

from kumoniwa.services.cognito_idp.access import owner_of, refusal_of, resource_of  # noqa: F401 (the gate's hooks)
from kumoniwa.services.cognito_idp.administration import (
    AdminDeleteUser,
    AdminDeleteUserAttributes,
    AdminDisableUser,
    AdminEnableUser,
    AdminGetUser,
    AdminResetUserPassword,
    AdminSetUserPassword,
    AdminUpdateUserAttributes,
    AdminUserGlobalSignOut,
    ListUsers,
)
from kumoniwa.services.cognito_idp.choice import GetUserAuthFactors
from kumoniwa.services.cognito_idp.client import (
    CreateUserPoolClient,
    DeleteUserPoolClient,
    DescribeUserPoolClient,
    ListUserPoolClients,
    UpdateUserPoolClient,
)
from kumoniwa.services.cognito_idp.device import (
    AdminForgetDevice,
    AdminGetDevice,
    AdminListDevices,
    AdminUpdateDeviceStatus,
    ConfirmDevice,
    ForgetDevice,
    GetDevice,
    ListDevices,
    UpdateDeviceStatus,
)
from kumoniwa.services.cognito_idp.domain import CreateUserPoolDomain, DeleteUserPoolDomain, DescribeUserPoolDomain
from kumoniwa.services.cognito_idp.factor import (
    AdminSetUserMFAPreference,
    AssociateSoftwareToken,
    SetUserMFAPreference,
    VerifySoftwareToken,
)
from kumoniwa.services.cognito_idp.group import (
    AdminAddUserToGroup,
    AdminListGroupsForUser,
    AdminRemoveUserFromGroup,
    CreateGroup,
    DeleteGroup,
    GetGroup,
    ListGroups,
    ListUsersInGroup,
    UpdateGroup,
)
from kumoniwa.services.cognito_idp.linking import AdminDisableProviderForUser, AdminLinkProviderForUser
from kumoniwa.services.cognito_idp.passkey import (
    CompleteWebAuthnRegistration,
    DeleteWebAuthnCredential,
    ListWebAuthnCredentials,
    StartWebAuthnRegistration,
)
from kumoniwa.services.cognito_idp.pool import (
    AddCustomAttributes,
    CreateUserPool,
    DeleteUserPool,
    DescribeUserPool,
    GetUserPoolMfaConfig,
    ListTagsForResource,
    ListUserPools,
    SetUserPoolMfaConfig,
    TagResource,
    UntagResource,
    UpdateUserPool,
    all_tags,
    reserved_tag,  # noqa: F401 (the gate's hook)
    tags_of,  # noqa: F401 (the gate's hook)
)
from kumoniwa.services.cognito_idp.provider import (
    CreateIdentityProvider,
    DeleteIdentityProvider,
    DescribeIdentityProvider,
    GetIdentityProviderByIdentifier,
    ListIdentityProviders,
    UpdateIdentityProvider,
    confided_of,  # noqa: F401 (the gate's hook)
)
from kumoniwa.services.cognito_idp.recovery import ConfirmForgotPassword, ForgotPassword
from kumoniwa.services.cognito_idp.resourceserver import (
    CreateResourceServer,
    DeleteResourceServer,
    DescribeResourceServer,
    ListResourceServers,
    UpdateResourceServer,
)
from kumoniwa.services.cognito_idp.selfservice import (
    ChangePassword,
    DeleteUser,
    DeleteUserAttributes,
    GetUser,
    GetUserAttributeVerificationCode,
    GlobalSignOut,
    RevokeToken,
    UpdateUserAttributes,
    VerifyUserAttribute,
)
from kumoniwa.services.cognito_idp.signin import (
    AdminInitiateAuth,
    AdminRespondToAuthChallenge,
    GetTokensFromRefreshToken,
    InitiateAuth,
    RespondToAuthChallenge,
)
from kumoniwa.services.cognito_idp.signup import (
    AdminConfirmSignUp,
    AdminCreateUser,
    ConfirmSignUp,
    ResendConfirmationCode,
    SignUp,
)

__all__ = [
    "AddCustomAttributes", "AdminAddUserToGroup", "AdminConfirmSignUp", "AdminCreateUser", "AdminDeleteUser",
    "AdminDeleteUserAttributes", "AdminDisableProviderForUser", "AdminDisableUser", "AdminEnableUser",
    "AdminForgetDevice", "AdminGetDevice", "AdminGetUser", "AdminInitiateAuth", "AdminLinkProviderForUser",
    "AdminListDevices", "AdminListGroupsForUser", "AdminRemoveUserFromGroup", "AdminResetUserPassword",
    "AdminRespondToAuthChallenge", "AdminSetUserMFAPreference", "AdminSetUserPassword", "AdminUpdateDeviceStatus",
    "AdminUpdateUserAttributes", "AdminUserGlobalSignOut", "AssociateSoftwareToken", "ChangePassword",
    "CompleteWebAuthnRegistration", "ConfirmDevice", "ConfirmForgotPassword", "ConfirmSignUp", "CreateGroup",
    "CreateIdentityProvider", "CreateResourceServer", "CreateUserPool", "CreateUserPoolClient",
    "CreateUserPoolDomain", "DeleteGroup", "DeleteIdentityProvider", "DeleteResourceServer", "DeleteUser",
    "DeleteUserAttributes", "DeleteUserPool", "DeleteUserPoolClient", "DeleteUserPoolDomain",
    "DeleteWebAuthnCredential", "DescribeIdentityProvider", "DescribeResourceServer", "DescribeUserPool",
    "DescribeUserPoolClient", "DescribeUserPoolDomain", "ForgetDevice", "ForgotPassword", "GetDevice", "GetGroup",
    "GetIdentityProviderByIdentifier", "GetTokensFromRefreshToken", "GetUser", "GetUserAttributeVerificationCode",
    "GetUserAuthFactors", "GetUserPoolMfaConfig", "GlobalSignOut", "InitiateAuth", "ListDevices", "ListGroups",
    "ListIdentityProviders", "ListResourceServers", "ListTagsForResource", "ListUserPoolClients", "ListUserPools",
    "ListUsers", "ListUsersInGroup", "ListWebAuthnCredentials", "ResendConfirmationCode", "RespondToAuthChallenge",
    "RevokeToken", "SetUserMFAPreference", "SetUserPoolMfaConfig", "SignUp", "StartWebAuthnRegistration",
    "TagResource", "UntagResource", "UpdateDeviceStatus", "UpdateGroup", "UpdateIdentityProvider",
    "UpdateResourceServer", "UpdateUserAttributes", "UpdateUserPool", "UpdateUserPoolClient", "VerifySoftwareToken",
    "VerifyUserAttribute", "all_tags",
]  # fmt: skip
