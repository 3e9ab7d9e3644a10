"""Registration, and the own login."""

from dataclasses import replace

from till_client.calls import (
    Answer,
    Call,
    D,
    PagedCall,
    Resource,
    at,
    get,
    listing,
    many,
    nothing,
    one,
    operation,
    parameters,
    send,
)
from till_client.errors import SignInRequired
from till_client.records import Activated, Enrolment, RecoveryCodes, Registered, SecondFactor, Session, User
from till_client.session import Password, read_tokens


class Auth(Resource[D]):
    @operation
    def register(self, *, email: str, password: str, full_name: str | None = None) -> Call[Registered]:
        call = send("POST", "/auth/register", one(Registered), email=email, password=password, full_name=full_name)
        return replace(call, is_public=True)

    @operation
    def activate(self, token: str) -> Call[Activated]:
        """Take the token of an activation link: what is after its last slash."""
        return Call(method="POST", path=at("auth", "activate", token), read=one(Activated), is_public=True)

    @operation
    def resend_activation(self, *, email: str) -> Call[None]:
        return replace(send("POST", "/auth/activation/resend", nothing, email=email), is_public=True)

    @operation
    def request_password_reset(self, *, email: str) -> Call[None]:
        """Mail a link to a new password. The answer is the same whether or not the email is known."""
        return replace(send("POST", "/auth/password/reset", nothing, email=email), is_public=True)

    @operation
    def reset_password(self, token: str, *, new_password: str) -> Call[None]:
        """Set a password with the token of a mailed link, which works once and ends every login of the user."""
        call = send("POST", at("auth", "password", "reset", token), nothing, new_password=new_password)
        return replace(call, is_public=True)

    @operation
    def change_password(self, *, current_password: str, new_password: str) -> Call[None]:
        """End every login of the user. This client signs in again by itself, if it knew the old password."""
        session = self._driver.session

        def changed(_answer: Answer) -> None:
            session.tokens = None
            if session.credentials is not None:
                session.credentials = Password(session.credentials.email, new_password)

        members = {"current_password": current_password, "new_password": new_password}
        return send("POST", "/auth/password", changed, **members)

    @listing
    def sessions(self, *, limit: int | None = None) -> PagedCall[Session]:
        """The own logins that last, newest first."""
        return get("/auth/sessions", many(Session), limit=limit)

    @operation
    def end_session(self, session: str) -> Call[None]:
        """End one login. If it is this client's, the next call signs in again or raises SignInRequired."""
        return Call(method="DELETE", path=at("auth", "sessions", session), read=nothing)

    @operation
    def end_sessions(self, *, keep_current: bool = False) -> Call[None]:
        """End all logins of the own user, or all but this client's."""
        query = parameters({"keep": "current" if keep_current else None})
        return Call(method="DELETE", path="/auth/sessions", read=nothing, query=query, is_repeatable=keep_current)

    @operation
    def request_email_change(self, *, current_password: str, new_email: str) -> Call[None]:
        """Mail a link to the new email. Nothing changes before it is opened."""
        return send("POST", "/auth/email", nothing, current_password=current_password, new_email=new_email)

    @operation
    def confirm_email(self, token: str) -> Call[User]:
        """Take the token of the link to a new email. Ends every login of the user: sign in with the new email."""
        return Call(method="POST", path=at("auth", "email", token), read=one(User), is_public=True)

    @operation
    def sign_in(self, *, email: str, password: str, code: str | None = None) -> Call[None]:
        """Begin a login of this client, with a code where a second factor is on. Raises InvalidCredentials.

        The password is kept and signs in again once the login has ended; a code is good once, and is not.
        """
        session = self._driver.session

        def begun(answer: Answer) -> None:
            session.tokens = read_tokens(answer)
            session.credentials = Password(email, password)

        call = send("POST", "/auth/login", begun, email=email, password=password, code=code)
        return replace(call, is_public=True)

    @operation
    def second_factor(self) -> Call[SecondFactor]:
        return get("/auth/second-factor", one(SecondFactor))

    @operation
    def begin_second_factor(self, *, password: str) -> Call[Enrolment]:
        """Get a secret for an authenticator app. Nothing changes until its first code is confirmed."""
        return send("POST", "/auth/second-factor", one(Enrolment), password=password)

    @operation
    def confirm_second_factor(self, *, code: str) -> Call[RecoveryCodes]:
        """Switch the second factor on. Every login has ended then: `sign_in` with the next code."""
        return send("POST", "/auth/second-factor/confirm", one(RecoveryCodes), code=code)

    @operation
    def renew_recovery_codes(self, *, password: str, code: str) -> Call[RecoveryCodes]:
        return send("POST", "/auth/second-factor/recovery-codes", one(RecoveryCodes), password=password, code=code)

    @operation
    def disable_second_factor(self, *, password: str, code: str) -> Call[None]:
        """Switch it off, and end every login."""
        return send("POST", "/auth/second-factor/disable", nothing, password=password, code=code)

    @operation
    def sign_out(self) -> Call[None]:
        """End the login of this client. Raises SignInRequired if there is none."""
        session = self._driver.session
        if session.tokens is None:
            raise SignInRequired("There is no login to end.")

        def forget(_answer: Answer) -> None:
            session.tokens = None

        call = send("POST", "/auth/logout", forget, refresh=session.tokens.refresh)
        return replace(call, is_public=True, is_repeatable=True)
