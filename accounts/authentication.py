"""How a request proves who sends it: `Authorization: Bearer <access token>`."""

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import tokens
from accounts.models import User


class TokenAuthentication(BaseAuthentication):
    """Loads the user with one query; a disabled user, an ended epoch and a foreign token are all 401."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        try:
            return tokens.holder_of_access(token.strip().decode("ascii")), None
        except (tokens.InvalidToken, UnicodeDecodeError) as error:
            expired = isinstance(error, tokens.ExpiredToken)
            raise AuthenticationFailed(
                str(error) if isinstance(error, tokens.InvalidToken) else "The token is not valid.",
                code="token_expired" if expired else "token_invalid",
            ) from error

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        return 'Bearer realm="api"'
