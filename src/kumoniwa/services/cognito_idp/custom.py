"""Challenges of the customer's own making: his functions decide what is asked, put the question and judge the answer.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-challenge.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.cognito_idp import trigger
from kumoniwa.services.cognito_idp.errors import (
    InvalidLambdaResponseException,
    InvalidParameterException,
    NotAuthorizedException,
    UserNotFoundException,
)
from kumoniwa.services.cognito_idp.proof import Attempt
from kumoniwa.services.cognito_idp.user import User

DONE = "done"


def _facts(attempt: Attempt, user: User | None, **more: Any) -> tuple[str, dict[str, Any]]:
    name = user.name if user is not None else attempt.name
    facts = {"userAttributes": trigger.described(user) if user is not None else {}, **more}
    if user is None:
        facts["userNotFound"] = True
    return name, facts


async def next_step(attempt: Attempt, user: User | None, past: list[dict[str, Any]]) -> str:
    """``DONE``, or what is asked next. Raises NotAuthorizedException where the customer's function has heard enough."""
    if user is None and not attempt.client.hides_users:
        raise UserNotFoundException
    if user is not None and not user.is_enabled:
        raise NotAuthorizedException("User is disabled.")
    if trigger.function_of(attempt.pool, "DefineAuthChallenge") is None:
        raise InvalidParameterException("Custom auth lambda trigger is not configured for the user pool.")
    name, facts = _facts(attempt, user, session=past)
    answer = await trigger.asked(
        attempt.call, attempt.pool, "DefineAuthChallenge", "DefineAuthChallenge_Authentication", name, attempt.client.id, facts,
        {"challengeName": None, "issueTokens": None, "failAuthentication": None}, attempt.metadata,
    )  # fmt: skip
    if answer.get("failAuthentication") is True:
        raise NotAuthorizedException
    if answer.get("issueTokens") is True:
        return DONE
    step = answer.get("challengeName")
    if step not in ("CUSTOM_CHALLENGE", "PASSWORD_VERIFIER"):
        if isinstance(step, str) and step:
            raise NotImplementedHere(f"the challenge {step} of DefineAuthChallenge in cognito-idp")
        raise InvalidLambdaResponseException
    return step


async def put_to(attempt: Attempt, user: User | None, past: list[dict[str, Any]], step: str) -> dict[str, Any]:
    """The question of the customer's function."""
    name, facts = _facts(attempt, user, challengeName=step, session=past)
    answer = await trigger.asked(
        attempt.call, attempt.pool, "CreateAuthChallenge", "CreateAuthChallenge_Authentication", name, attempt.client.id, facts,
        {"publicChallengeParameters": None, "privateChallengeParameters": None, "challengeMetadata": None}, attempt.metadata,
    )  # fmt: skip
    public, private = answer.get("publicChallengeParameters") or {}, answer.get("privateChallengeParameters") or {}
    if not isinstance(public, dict) or not all(isinstance(value, str) for value in public.values()) or not isinstance(private, dict):
        raise InvalidLambdaResponseException
    kept = {"past": past, "private": private, "metadata": answer.get("challengeMetadata")}
    return attempt.challenge("CUSTOM_CHALLENGE", user, {"USERNAME": name, **public}, kept)


async def judged(attempt: Attempt, user: User | None, said: dict[str, Any], told: str) -> list[dict[str, Any]]:
    """What has been asked so far, with this answer's verdict."""
    name, facts = _facts(attempt, user, privateChallengeParameters=said["private"], challengeAnswer=told)
    answer = await trigger.asked(
        attempt.call, attempt.pool, "VerifyAuthChallengeResponse", "VerifyAuthChallengeResponse_Authentication", name, attempt.client.id, facts,
        {"answerCorrect": None}, attempt.metadata,
    )  # fmt: skip
    verdict = {"challengeName": "CUSTOM_CHALLENGE", "challengeResult": answer.get("answerCorrect") is True, "challengeMetadata": said["metadata"]}
    return [*said["past"], verdict]
