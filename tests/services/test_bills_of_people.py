"""What AWS would bill for the people of user pools, and for programs."""

from __future__ import annotations

import base64
from calendar import monthrange
from datetime import UTC, datetime

import pytest
from bill_workshop import used
from botocore.exceptions import ClientError
from cognito_workshop import NEW_PASSWORD, PASSWORD, Pool
from test_cognito_idp_federation import Shop, provider  # noqa: F401 (a fixture)
from test_cognito_idp_hosted import HOST, post

DAY_S = 86_400
MONTH_S = 31 * DAY_S


def active(cloud, pool: Pool, plan: str = "essentials") -> float:
    return used(cloud).get((f"cognito:{plan}_mau", pool.id), 0.0)


def test_each_is_billed_once_for_a_month_in_which_something_is_done_with_him(cloud):
    pool = Pool(cloud)
    cloud.sleep(MONTH_S)
    pool.add("ann")
    pool.add("bob")
    pool.sign_in("ann")
    assert active(cloud, pool) == 2
    told = pool.sign_in("ann")
    cloud.restart()
    pool.idp.initiate_auth(ClientId=pool.client, AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters={"REFRESH_TOKEN": told["RefreshToken"]})
    assert active(cloud, pool) == 2
    cloud.sleep(MONTH_S)
    assert active(cloud, pool) == 2
    with pytest.raises(ClientError):
        pool.sign_in("ann", "Wrong.1234")
    pool.get("ann")
    pool.idp.list_users(UserPoolId=pool.id)
    assert active(cloud, pool) == 2
    pool.sign_in("ann")
    pool.sign_in("ann")
    assert active(cloud, pool) == 3
    pool.idp.admin_update_user_attributes(UserPoolId=pool.id, Username="bob", UserAttributes=[{"Name": "email", "Value": "bob@example.com"}])
    assert active(cloud, pool) == 4


def test_a_password_that_changes_and_a_token_that_is_refreshed_make_somebody_active(cloud):
    today = datetime.fromtimestamp(cloud.now(), UTC)
    last_day = today.replace(day=monthrange(today.year, today.month)[1], hour=12)
    cloud.sleep(max(0.0, (last_day - today).total_seconds()))
    pool = Pool(cloud)
    pool.add("ann")
    pool.add("bob")
    refresh = pool.sign_in("ann")["RefreshToken"]
    assert active(cloud, pool) == 2
    cloud.sleep(DAY_S)
    pool.idp.initiate_auth(ClientId=pool.client, AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters={"REFRESH_TOKEN": refresh})
    assert active(cloud, pool) == 3
    pool.idp.admin_set_user_password(UserPoolId=pool.id, Username="bob", Password=NEW_PASSWORD, Permanent=True)
    assert active(cloud, pool) == 4


def test_who_signs_up_himself_counts_and_the_plan_of_the_pool_has_its_price(cloud):
    pool = Pool(cloud, UserPoolTier="LITE")
    pool.idp.sign_up(ClientId=pool.client, Username="ann", Password=PASSWORD)
    assert (active(cloud, pool, "lite"), active(cloud, pool)) == (1, 0)


def test_whom_a_provider_lets_in_has_a_price_of_his_own(cloud, provider):  # noqa: F811
    shop = Shop(cloud, provider)
    provider.said, provider.info = {"sub": "7", "email": "ann@example.com"}, {"sub": "7", "name": "Ann"}
    shop.tokens()
    assert (active(cloud, shop.pool, "federated"), active(cloud, shop.pool)) == (1, 0)


def test_tokens_of_programs_are_billed_one_by_one(cloud):
    pool = Pool(cloud)
    pool.idp.create_resource_server(UserPoolId=pool.id, Identifier="stock", Name="stock", Scopes=[{"ScopeName": "read", "ScopeDescription": "d"}])
    pool.idp.create_user_pool_domain(Domain=HOST.partition(".")[0], UserPoolId=pool.id)
    made = pool.idp.create_user_pool_client(
        UserPoolId=pool.id, ClientName="m", GenerateSecret=True, AllowedOAuthScopes=["stock/read"], AllowedOAuthFlows=["client_credentials"],
        AllowedOAuthFlowsUserPoolClient=True,
    )["UserPoolClient"]  # fmt: skip
    basic = base64.b64encode(f"{made['ClientId']}:{made['ClientSecret']}".encode()).decode()
    for _ in range(2):
        assert post(cloud, "/oauth2/token", {"grant_type": "client_credentials"}, authorization=f"Basic {basic}")[0] == 200
    assert {usage: count for (usage, _), count in used(cloud).items() if usage.startswith("cognito")} == {"cognito:m2m_tokens": 2}
