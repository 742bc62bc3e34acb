"""What AWS bills for people: each once for a month in which something is done with him, and tokens of programs that ask for themselves.

"A user is counted as a MAU if, within a calendar month, there is an identity operation related to that user, such as sign-up, sign-in, token
refresh, password change, or user account attribute update": https://aws.amazon.com/cognito/pricing/. Whom a provider of SAML or OIDC lets in has
a price of his own, whatever his pool's plan. An administrator's calls count as the user's own do, if they change something; which others count, and
whether an attempt to sign in that fails does, is not said in words.
"""

from __future__ import annotations

from datetime import UTC, datetime

from kumoniwa.kernel.call import Call
from kumoniwa.services.cognito_idp.pool import UserPool
from kumoniwa.store.rows import Table

ACTIVE = Table(
    "cognito_active",
    "create table if not exists cognito_active (month text, pool text, user text, primary key (month, pool, user)) without rowid",
)
"""Who was billed in the month."""
PLAN = "ESSENTIALS"
"""Of a pool that names none."""


def active(call: Call, pool: UserPool, sub: str, *, is_federated: bool) -> None:
    rows, month = call.rows(ACTIVE), datetime.fromtimestamp(call.now(), UTC).strftime("%Y-%m")
    key = (month, pool.id, sub)
    if rows.one("select 1 from cognito_active where month = ? and pool = ? and user = ?", *key) is None:
        rows.run("delete from cognito_active where month < ?", month)
        rows.run("insert into cognito_active values (?, ?, ?)", *key)
        plan = "federated" if is_federated else (pool.settings.get("UserPoolTier") or PLAN).lower()
        call.bill(f"cognito:{plan}_mau", pool.id)


def of_program(call: Call, pool: UserPool) -> None:
    call.bill("cognito:m2m_tokens", pool.id)
