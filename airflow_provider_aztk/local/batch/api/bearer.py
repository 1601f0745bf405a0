"""Sign-in with Microsoft Entra ID: which access tokens are taken, and what the service answers to others.

The answer to a wrong audience was recorded (github.com/AzureAD/microsoft-authentication-library-for-js/issues/1735,
github.com/Azure/azure-sdk-for-net/issues/8026): 401 with ``AuthenticationErrorDetail``. That the other refusals have
the same form is a guess. 403 ``AuthorizationFailure`` was recorded in github.com/Azure/BatchExplorer/issues/2203.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.common.errors import BatchServiceError
from airflow_provider_aztk.local.batch.common.tokens import TokenError, TokenFault, check_token

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.common.tokens import TokenRules

__all__ = ["bearer_token", "check_bearer"]

_TEXT = "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly."


def bearer_token(authorization: str) -> str | None:
    """Return the access token of a header; None where there is another kind of credential."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def check_bearer(rules: TokenRules | None, token: str, *, has_role: bool) -> None:
    """Check an access token, and that its owner may use the account.

    :param rules: None: the account takes no tokens.
    :param has_role: whether the role for the account's data is assigned.
    :raises BatchServiceError: ``AuthenticationFailed`` with status 401, ``AuthorizationFailure``.
    """
    if rules is None:
        raise _refusal("The specified type of authentication AAD is not allowed for this account.")
    try:
        check_token(token, rules)
    except TokenError as error:
        raise _refusal(_detail(error, rules)) from error
    if not has_role:
        raise BatchServiceError("AuthorizationFailure")


def _refusal(detail: str) -> BatchServiceError:
    error = BatchServiceError("AuthenticationFailed", text=_TEXT, status=401, AuthenticationErrorDetail=detail)
    error.headers["WWW-Authenticate"] = f'Bearer error="invalid_token", error_description="{detail}"'
    return error


def _detail(error: TokenError, rules: TokenRules) -> str:
    claims = error.claims
    match error.fault:
        case TokenFault.AUDIENCE:
            allowed = ",".join(f"'{name}'" for name in rules.audiences)
            return (
                f"The access token has been obtained from wrong audience or resource '{_short(claims.get('aud'))}'. "
                f"It should exactly match (including forward slash) with one of the allowed audiences {allowed}"
            )
        case TokenFault.ISSUER:
            return (
                f"The access token has been obtained from wrong authority or has the wrong issuer "
                f"'{_short(claims.get('iss'))}'."
            )
        case TokenFault.EXPIRED:
            return f"The access token has expired: its expiry time is {error.time_of('exp')} UTC."
        case TokenFault.NOT_YET_VALID:
            return f"The access token is not yet valid: it begins at {error.time_of('nbf')} UTC."
        case _:
            return "The access token is invalid: its signature or form is wrong."


def _short(value: object) -> str:
    """Return a claim of a token that may be anybody's, fit for a header."""
    return "".join(char for char in str(value) if char.isprintable() and char not in "\"'\\")[:200]
