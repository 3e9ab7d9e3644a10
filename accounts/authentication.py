"""How a request proves who sends it: `Authorization: Bearer`, with an access token or an API key.

What begins as a key does is never read as a token, nor is a token looked for among the keys.
"""

from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from accounts import tokens
from accounts.api_keys import BEGINNING, KeyNotValid, authenticate_key
from accounts.key_scopes import WIDENING, needed_scope
from accounts.login_refusals import seconds_to_wait_for_login
from accounts.models import ApiKey, User
from accounts.networks import client_address


class TokenAuthentication(BaseAuthentication):
    """Loads the user with one query; a disabled user, an ended epoch and a foreign token are all 401."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        token = _bearer(request)
        if token is None or token.startswith(BEGINNING):
            return None
        try:
            return tokens.holder_of_access(token.decode("ascii")), None
        except (tokens.InvalidToken, UnicodeDecodeError) as error:
            expired = isinstance(error, tokens.ExpiredToken)
            raise AuthenticationFailed(
                str(error) if isinstance(error, tokens.InvalidToken) else _("The token is not valid."),
                code="token_expired" if expired else "token_invalid",
            ) from error

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        return 'Bearer realm="api"'


class KeyAuthentication(BaseAuthentication):
    """Loads key and user with one query. `request.auth` is the key, which has the scope that the view needs.

    So no view and no permission can forget to look. Failures count as logins of their network do.
    """

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        raw = _bearer(request)
        if raw is None or not raw.startswith(BEGINNING):
            return None
        needed = needed_scope(request.parser_context["view"], request.method or "")
        try:
            key = authenticate_key(raw, address=client_address(request), needed=needed)
        except KeyNotValid:
            if seconds := seconds_to_wait_for_login(request._request):
                raise Throttled(wait=seconds) from None
            raise
        key.user.is_widened = needed in WIDENING
        return key.user, key


def _bearer(request: Request) -> bytes | None:
    """Return what the header holds after the scheme. None: it is of another scheme, or missing."""
    scheme, _, credentials = get_authorization_header(request).partition(b" ")
    return credentials.strip() if scheme.lower() == b"bearer" else None
