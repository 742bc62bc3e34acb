"""Identity pools: temporary keys for whoever has come, and what these open.

The texts of refusals are AWS's, as users report them. Flows:
https://docs.aws.amazon.com/cognito/latest/developerguide/authentication-flow.html
"""

from __future__ import annotations

import json

import pytest
from cognito_workshop import Pool, claims
from lambda_workshop import allowing
from refusals import refused

from kumoniwa.languages import json_web_token
from kumoniwa.services.cognito_identity.login import published

TRUST = {"Effect": "Allow", "Principal": {"Federated": "cognito-identity.amazonaws.com"}, "Action": "sts:AssumeRoleWithWebIdentity"}
ROLE = "arn:aws:iam::000000000000:role/"
INVALID_ROLE = ("InvalidIdentityPoolConfigurationException", "Invalid identity pool configuration. Check assigned IAM roles for this pool.")


class Identities:
    """An identity pool that takes the word of a user pool."""

    def __init__(self, cloud, people: Pool | None = None, **more) -> None:
        self.cloud, self.client, self.people = cloud, cloud.client("cognito-identity"), people
        self.provider = f"cognito-idp.us-east-1.amazonaws.com/{people.id}" if people else ""
        trusted = [{"ProviderName": self.provider, "ClientId": people.client}] if people else []
        told = {"IdentityPoolName": "shop", "AllowUnauthenticatedIdentities": False, "CognitoIdentityProviders": trusted}
        self.id = self.client.create_identity_pool(**told | more)["IdentityPoolId"]

    def role(self, name: str, *actions: str, amr: str = "authenticated", document: str | None = None) -> str:
        iam = self.cloud.client("iam")
        condition = {
            "StringEquals": {"cognito-identity.amazonaws.com:aud": self.id},
            "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": amr},
        }
        trust = {"Version": "2012-10-17", "Statement": [{**TRUST, "Condition": condition}]}
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document or allowing(*actions))
        return arn

    def login(self, name: str = "ann") -> dict[str, str]:
        return {self.provider: self.people.sign_in(name)["IdToken"]}

    def id_for(self, logins: dict | None = None) -> str:
        return self.client.get_id(IdentityPoolId=self.id, **({"Logins": logins} if logins else {}))["IdentityId"]

    def keys(self, identity: str, logins: dict | None = None, **more) -> dict:
        return self.client.get_credentials_for_identity(IdentityId=identity, **({"Logins": logins} if logins else {}), **more)["Credentials"]

    def as_(self, service: str, keys: dict):
        return self.cloud.client(service, key=keys["AccessKeyId"], secret=keys["SecretKey"], token=keys["SessionToken"])


@pytest.fixture
def people(cloud) -> Pool:
    people = Pool(cloud)
    people.add()
    people.add("ben")
    return people


def test_nameless_visitors_get_the_keys_of_their_role_and_no_more(cloud):
    pool = Identities(cloud, AllowUnauthenticatedIdentities=True)
    visitor = pool.id_for()
    assert visitor != pool.id_for() and visitor.startswith("us-east-1:")
    assert refused(pool.keys, visitor) == INVALID_ROLE
    arn = pool.role("visitors", "sqs:ListQueues", amr="unauthenticated")
    pool.client.set_identity_pool_roles(IdentityPoolId=pool.id, Roles={"unauthenticated": arn})
    keys = pool.keys(visitor)
    assert pool.as_("sts", keys).get_caller_identity()["Arn"] == "arn:aws:sts::000000000000:assumed-role/visitors/CognitoIdentityCredentials"
    pool.as_("sqs", keys).list_queues()
    assert refused(pool.as_("sqs", keys).create_queue, QueueName="q")[0] in ("AccessDenied", "AccessDeniedException")
    cloud.sleep(3_601)
    assert refused(pool.as_("sqs", keys).list_queues)[0].startswith("ExpiredToken")


def test_a_pool_that_knows_its_visitors_turns_the_nameless_away(cloud, people):
    pool = Identities(cloud, people)
    assert refused(pool.id_for) == ("NotAuthorizedException", "Unauthenticated access is not supported for this identity pool.")


def test_a_user_of_a_user_pool_is_one_identity_and_gets_the_keys_of_the_known(cloud, people):
    pool = Identities(cloud, people)
    ann, ben = pool.id_for(pool.login()), pool.id_for(pool.login("ben"))
    assert ann == pool.id_for(pool.login()) != ben
    own = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::shop/${cognito-identity.amazonaws.com:sub}/*"}
    arn = pool.role("known", document=json.dumps({"Version": "2012-10-17", "Statement": [own]}))
    pool.client.set_identity_pool_roles(IdentityPoolId=pool.id, Roles={"authenticated": arn})
    cloud.client("s3").create_bucket(Bucket="shop")
    s3 = pool.as_("s3", pool.keys(ann, pool.login()))
    s3.put_object(Bucket="shop", Key=f"{ann}/a", Body=b"x")
    assert refused(s3.put_object, Bucket="shop", Key=f"{ben}/a", Body=b"x")[0] == "AccessDenied"
    assert refused(pool.keys, ann)[0] == "NotAuthorizedException"
    assert refused(pool.keys, ann, pool.login("ben"))[0] == "ResourceConflictException"
    assert pool.client.describe_identity(IdentityId=ann)["Logins"] == [pool.provider]


def test_a_role_whose_trust_names_another_pool_gives_nothing(cloud, people):
    pool, other = Identities(cloud, people), Identities(cloud, people)
    pool.client.set_identity_pool_roles(IdentityPoolId=pool.id, Roles={"authenticated": other.role("others", "sqs:*")})
    assert refused(pool.keys, pool.id_for(pool.login()), pool.login()) == INVALID_ROLE


def test_a_login_that_is_not_good_is_refused(cloud, people):
    pool, stranger = Identities(cloud, people), Pool(cloud)
    stranger.add()
    text = people.sign_in()["IdToken"]
    old = dict(pool.login())
    for logins, said in (
        ({pool.provider: text[:-8] + "AAAAAAAA"}, "Invalid login token. Couldn't verify signed token."),
        ({pool.provider: people.sign_in()["AccessToken"]}, "Invalid login token. Not a valid OpenId Connect identity token."),
        ({pool.provider: stranger.sign_in()["IdToken"]}, "Invalid login token. Issuer doesn't match providerName"),
        ({"accounts.google.com": text}, "Token is not from a supported provider of this identity pool."),
        ({pool.provider: "x"}, "Invalid login token. Not a valid OpenId Connect identity token."),
    ):
        assert refused(pool.id_for, logins) == ("NotAuthorizedException", said)
    cloud.sleep(3_601)
    code, said = refused(pool.id_for, old)
    assert code == "NotAuthorizedException" and said.startswith("Invalid login token. Token expired: ")


def test_the_role_may_come_from_the_token_or_from_rules_on_its_claims(cloud, people):
    pool = Identities(cloud, people)
    roles = {name: pool.role(name, "sqs:ListQueues") for name in ("plain", "staff", "ruled")}
    people.idp.create_group(GroupName="staff", UserPoolId=people.id, RoleArn=roles["staff"], Precedence=1)
    people.idp.admin_add_user_to_group(UserPoolId=people.id, Username="ann", GroupName="staff")

    def role_of(name: str, **more) -> str:
        keys = pool.keys(pool.id_for(pool.login(name)), pool.login(name), **more)
        return pool.as_("sts", keys).get_caller_identity()["Arn"].split("/")[1]

    def let(**mapping) -> None:
        key = f"{pool.provider}:{people.client}"
        pool.client.set_identity_pool_roles(IdentityPoolId=pool.id, Roles={"authenticated": roles["plain"]}, RoleMappings={key: mapping})

    let(Type="Token", AmbiguousRoleResolution="AuthenticatedRole")
    assert (role_of("ann"), role_of("ben")) == ("staff", "plain")
    assert role_of("ann", CustomRoleArn=roles["staff"]) == "staff"
    assert refused(role_of, "ann", CustomRoleArn=roles["ruled"])[0] == "NotAuthorizedException"
    let(Type="Token", AmbiguousRoleResolution="Deny")
    assert refused(role_of, "ben")[0] == "NotAuthorizedException"
    rules = [{"Claim": "cognito:username", "MatchType": "StartsWith", "Value": "be", "RoleARN": roles["ruled"]}]
    let(Type="Rules", AmbiguousRoleResolution="AuthenticatedRole", RulesConfiguration={"Rules": rules})
    assert (role_of("ann"), role_of("ben")) == ("plain", "ruled")


def test_roles_are_mapped_of_providers_that_the_pool_has(cloud, people):
    # cdk-preflight's pf-cognito-role-mappings-key-format and -ambiguous-required, of AWS
    pool = Identities(cloud, people)
    for key in ("bogus", f"{pool.provider}:abcdefghijklmnopqrstuvwxyz"):
        told = {"IdentityPoolId": pool.id, "Roles": {}, "RoleMappings": {key: {"Type": "Token"}}}
        text = f"({key}) is not a valid RoleMapping ProviderName or is not a configured provider."
        assert refused(pool.client.set_identity_pool_roles, **told) == ("InvalidParameterException", text)
    provider = {"CognitoIdentityProviders": [{"ProviderName": "us-east-1_abcdefghi", "ClientId": "c"}]}
    assert refused(pool.client.create_identity_pool, IdentityPoolName="p", AllowUnauthenticatedIdentities=True, **provider) == (
        "InvalidParameterException",
        "Invalid Cognito Identity Provider",
    )


def test_the_classic_flow_shows_a_token_to_sts(cloud, people):
    pool = Identities(cloud, people, AllowClassicFlow=True)
    arn = pool.role("known", "sqs:ListQueues")
    reply = pool.client.get_open_id_token(IdentityId=pool.id_for(pool.login()), Logins=pool.login())
    told = claims(reply["Token"])
    assert (told["sub"], told["aud"], told["amr"][:2]) == (reply["IdentityId"], pool.id, ["authenticated", pool.provider])
    assert json_web_token.is_signed_by(published(cloud.region())[0], json_web_token.read(reply["Token"]))
    sts = cloud.client("sts")
    what = {"RoleArn": arn, "RoleSessionName": "app"}
    assert sts.assume_role_with_web_identity(WebIdentityToken=reply["Token"], **what)["SubjectFromWebIdentityToken"] == reply["IdentityId"]
    forged = reply["Token"][:-8] + "AAAAAAAA"
    assert refused(sts.assume_role_with_web_identity, WebIdentityToken=forged, **what)[0] == "InvalidIdentityToken"
    cloud.sleep(601)
    assert refused(sts.assume_role_with_web_identity, WebIdentityToken=reply["Token"], **what)[0] == "ExpiredTokenException"
    plain = Identities(cloud, people)
    assert refused(plain.client.get_open_id_token, IdentityId=plain.id_for(plain.login()), Logins=plain.login()) == (
        "NotAuthorizedException", "Basic (classic) flow is not enabled, please use enhanced flow.",
    )  # fmt: skip


def test_an_application_vouches_for_users_of_its_own(cloud):
    pool = Identities(cloud, DeveloperProviderName="login.shop")
    pool.client.set_identity_pool_roles(IdentityPoolId=pool.id, Roles={"authenticated": pool.role("known", "sqs:ListQueues")})
    reply = pool.client.get_open_id_token_for_developer_identity(IdentityPoolId=pool.id, Logins={"login.shop": "u1"})
    again = pool.client.get_open_id_token_for_developer_identity(IdentityPoolId=pool.id, Logins={"login.shop": "u1"})
    assert reply["IdentityId"] == again["IdentityId"]
    keys = pool.keys(reply["IdentityId"], {"cognito-identity.amazonaws.com": reply["Token"]})
    pool.as_("sqs", keys).list_queues()
    found = pool.client.lookup_developer_identity(IdentityPoolId=pool.id, DeveloperUserIdentifier="u1")
    assert (found["IdentityId"], found["DeveloperUserIdentifierList"]) == (reply["IdentityId"], ["u1"])
    other = pool.client.get_open_id_token_for_developer_identity(IdentityPoolId=pool.id, Logins={"login.shop": "u2"})
    assert refused(pool.keys, reply["IdentityId"], {"cognito-identity.amazonaws.com": other["Token"]})[0] == "NotAuthorizedException"


def test_a_pool_is_described_changed_listed_and_deleted_with_its_identities(cloud):
    pool = Identities(cloud, AllowUnauthenticatedIdentities=True, IdentityPoolTags={"a": "b"})
    visitor = pool.id_for()
    assert pool.client.describe_identity_pool(IdentityPoolId=pool.id)["IdentityPoolTags"] == {"a": "b"}
    told = pool.client.update_identity_pool(IdentityPoolId=pool.id, IdentityPoolName="other", AllowUnauthenticatedIdentities=True)
    assert told["IdentityPoolName"] == "other"
    assert pool.client.list_identity_pools(MaxResults=10)["IdentityPools"] == [{"IdentityPoolId": pool.id, "IdentityPoolName": "other"}]
    second = pool.id_for()
    page = pool.client.list_identities(IdentityPoolId=pool.id, MaxResults=1)
    rest = pool.client.list_identities(IdentityPoolId=pool.id, MaxResults=5, NextToken=page["NextToken"])
    assert {each["IdentityId"] for each in page["Identities"] + rest["Identities"]} == {visitor, second} and "NextToken" not in rest
    pool.client.delete_identity_pool(IdentityPoolId=pool.id)
    assert refused(pool.client.describe_identity, IdentityId=visitor) == ("ResourceNotFoundException", f"Identity '{visitor}' not found.")
    assert refused(pool.id_for)[0] == "ResourceNotFoundException"


def test_what_is_not_built_is_refused_by_name(cloud):
    code, text = refused(Identities, cloud, SupportedLoginProviders={"accounts.google.com": "x"})
    assert code == "NotImplemented" and "SupportedLoginProviders" in text


def test_identities_and_keys_outlive_a_killed_region(cloud):
    pool = Identities(cloud, AllowUnauthenticatedIdentities=True)
    pool.client.set_identity_pool_roles(IdentityPoolId=pool.id, Roles={"unauthenticated": pool.role("visitors", "sqs:ListQueues", amr="unauthenticated")})
    visitor = pool.id_for()
    keys = pool.keys(visitor)
    cloud.restart(kill=True)
    pool.as_("sqs", keys).list_queues()
    assert pool.keys(visitor)["AccessKeyId"] != keys["AccessKeyId"]
