"""Pools as parts of a stack, and a SAM template whose API asks a user pool who its callers are."""

from __future__ import annotations

import json

from cognito_workshop import PASSWORD, claims
from test_cloudformation_stack import create, outputs, settled

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  People:
    Type: AWS::Cognito::UserPool
    Properties:
      AutoVerifiedAttributes: [email]
      Policies: {PasswordPolicy: {MinimumLength: 6}}
      MfaConfiguration: OPTIONAL
      EnabledMfas: [SOFTWARE_TOKEN_MFA]
  Shop:
    Type: AWS::Cognito::UserPoolClient
    Properties: {UserPoolId: !Ref People, ExplicitAuthFlows: [ALLOW_USER_PASSWORD_AUTH, ALLOW_REFRESH_TOKEN_AUTH], GenerateSecret: false}
  Pages: {Type: AWS::Cognito::UserPoolDomain, Properties: {UserPoolId: !Ref People, Domain: shop}}
  Stock:
    Type: AWS::Cognito::UserPoolResourceServer
    Properties: {UserPoolId: !Ref People, Identifier: stock, Name: stock, Scopes: [{ScopeName: read, ScopeDescription: d}]}
  Staff: {Type: AWS::Cognito::UserPoolGroup, Properties: {UserPoolId: !Ref People, GroupName: staff, Precedence: 1}}
  Ann: {Type: AWS::Cognito::UserPoolUser, Properties: {UserPoolId: !Ref People, Username: ann, MessageAction: SUPPRESS}}
  AnnIsStaff:
    Type: AWS::Cognito::UserPoolUserToGroupAttachment
    Properties: {UserPoolId: !Ref People, Username: !Ref Ann, GroupName: !Ref Staff}
  Visitors:
    Type: AWS::Cognito::IdentityPool
    Properties:
      AllowUnauthenticatedIdentities: true
      CognitoIdentityProviders: [{ProviderName: !GetAtt People.ProviderName, ClientId: !Ref Shop}]
  VisitorRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: {Effect: Allow, Principal: {Federated: cognito-identity.amazonaws.com}, Action: "sts:AssumeRoleWithWebIdentity",
                    Condition: {StringEquals: {"cognito-identity.amazonaws.com:aud": !Ref Visitors}}}
  Roles:
    Type: AWS::Cognito::IdentityPoolRoleAttachment
    Properties: {IdentityPoolId: !Ref Visitors, Roles: {unauthenticated: !GetAtt VisitorRole.Arn}}
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: Prod
      Auth: {DefaultAuthorizer: People, Authorizers: {People: {UserPoolArn: !GetAtt People.Arn}}}
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.11
      Handler: index.handler
      InlineCode: |
        import json
        def handler(event, context):
            return {"statusCode": 200, "body": json.dumps(event["requestContext"]["authorizer"]["claims"]["cognito:groups"])}
      Events: {Get: {Type: Api, Properties: {Path: /me, Method: get, RestApiId: !Ref Api}}}
Outputs:
  Pool: {Value: !Ref People}
  Client: {Value: !Ref Shop}
  Visitors: {Value: !Ref Visitors}
  Api: {Value: !Ref Api}
  Url: {Value: !GetAtt People.ProviderURL}
"""
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]


def test_a_sam_template_makes_pools_and_an_api_that_knows_its_callers_by_their_tokens(cloud):
    stack = create(cloud, "shop", TEMPLATE, Capabilities=CAPABILITIES)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    out, idp = outputs(stack), cloud.client("cognito-idp")
    assert out["Url"] == f"https://cognito-idp.us-east-1.amazonaws.com/{out['Pool']}"
    assert idp.get_user_pool_mfa_config(UserPoolId=out["Pool"])["MfaConfiguration"] == "OPTIONAL"
    idp.admin_set_user_password(UserPoolId=out["Pool"], Username="ann", Password=PASSWORD, Permanent=True)
    told = {"USERNAME": "ann", "PASSWORD": PASSWORD}
    token = idp.initiate_auth(ClientId=out["Client"], AuthFlow="USER_PASSWORD_AUTH", AuthParameters=told)["AuthenticationResult"]["IdToken"]
    assert claims(token)["cognito:groups"] == ["staff"]
    host = f"{out['Api']}.execute-api.us-east-1.amazonaws.com"
    assert cloud.http("GET", "/Prod/me", host=host)[0] == 401
    status, _, body = cloud.http("GET", "/Prod/me", host=host, headers={"authorization": f"Bearer {token}"})
    assert (status, json.loads(body)) == (200, "staff")
    identity = cloud.client("cognito-identity")
    visitor = identity.get_id(IdentityPoolId=out["Visitors"])["IdentityId"]
    assert identity.get_credentials_for_identity(IdentityId=visitor)["Credentials"]["SessionToken"]


def test_a_stack_changes_a_pool_in_place_and_takes_all_away(cloud):
    out = outputs(create(cloud, "shop", TEMPLATE, Capabilities=CAPABILITIES))
    template = TEMPLATE.replace("MinimumLength: 6", "MinimumLength: 20").replace("MfaConfiguration: OPTIONAL", 'MfaConfiguration: "OFF"')
    template = template.replace("      EnabledMfas: [SOFTWARE_TOKEN_MFA]\n", "")
    cloud.client("cloudformation").update_stack(StackName="shop", TemplateBody=template, Capabilities=CAPABILITIES)
    assert settled(cloud, "shop")["StackStatus"] == "UPDATE_COMPLETE"
    idp = cloud.client("cognito-idp")
    pool = idp.describe_user_pool(UserPoolId=out["Pool"])["UserPool"]
    assert (pool["Policies"]["PasswordPolicy"]["MinimumLength"], pool["MfaConfiguration"]) == (20, "OFF")
    cloud.client("cloudformation").delete_stack(StackName="shop")
    cloud.sleep(5)
    assert idp.list_user_pools(MaxResults=10)["UserPools"] == []
    assert cloud.client("cognito-identity").list_identity_pools(MaxResults=10)["IdentityPools"] == []


NAMED = """
Resources:
  People: {Type: AWS::Cognito::UserPool, Properties: {UserPoolName: the-people}}
  Shop: {Type: AWS::Cognito::UserPoolClient, Properties: {UserPoolId: !Ref People, ClientName: the-shop}}
  Visitors: {Type: AWS::Cognito::IdentityPool, Properties: {IdentityPoolName: the visitors, AllowUnauthenticatedIdentities: true}}
Outputs:
  Pool: {Value: !Ref People}
"""


def test_two_stacks_may_call_their_pools_by_one_name(cloud):
    one, two = (outputs(create(cloud, name, NAMED))["Pool"] for name in ("a", "b"))
    pools = cloud.client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"]
    assert sorted((each["Id"], each["Name"]) for each in pools) == sorted([(one, "the-people"), (two, "the-people")])
    assert [each["ClientName"] for each in cloud.client("cognito-idp").list_user_pool_clients(UserPoolId=one)["UserPoolClients"]] == ["the-shop"]
    assert len(cloud.client("cognito-identity").list_identity_pools(MaxResults=10)["IdentityPools"]) == 2
