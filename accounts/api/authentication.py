"""How an API caller is known: a bearer token, or the session of the browser."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import ApiToken, User
from accounts.tokens.services import find_token


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer bg_…`."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        header = get_authorization_header(request).split()
        if not header or header[0].lower() != b"bearer":
            return None
        try:
            token = find_token(header[1].decode("ascii")) if len(header) == 2 else None
        except UnicodeDecodeError:
            token = None
        if token is None:
            raise AuthenticationFailed("this token is unknown, revoked or expired")
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="breakglass"'


class BrowserAuthentication(SessionAuthentication):
    """The session, with CSRF; an anonymous caller is asked for a token, with 401 rather than 403."""

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="breakglass"'


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # drf-spectacular's base is untyped
    target_class = BearerAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API token, made at /accounts/tokens/."}


class BrowserScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # drf-spectacular's base is untyped
    target_class = BrowserAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "A signed-in browser, with CSRF."}
