"""The own user, and everybody's for admins."""

from dataclasses import replace
from typing import Literal

from till_client.calls import (
    Call,
    D,
    PagedCall,
    Resource,
    at,
    get,
    listing,
    many,
    matching,
    nothing,
    one,
    operation,
    send,
)
from till_client.records import CreatedUser, Me, UserDetail

Role = Literal["user", "service", "admin"]
Included = Literal["wallets", "transactions"]


class Users(Resource[D]):
    @operation
    def me(self, *, include: tuple[Included, ...] = ()) -> Call[Me]:
        """Return the own user, with wallets and the latest transactions if they are included."""
        return get("/users/me", one(Me), include=include or None)

    @operation
    def change_me(self, *, full_name: str) -> Call[Me]:
        return send("PATCH", "/users/me", one(Me), full_name=full_name)

    # --- for admins ---

    @listing
    def list(
        self,
        *,
        email: str | None = None,
        is_active: bool | None = None,
        role: Role | None = None,
        search: str | None = None,
        limit: int | None = None,
    ) -> PagedCall[UserDetail]:
        return get("/users", many(UserDetail), email=email, is_active=is_active, role=role, search=search, limit=limit)

    @operation
    def get(self, user: int) -> Call[UserDetail]:
        return get(at("users", user), one(UserDetail))

    @operation
    def create(
        self,
        *,
        email: str,
        full_name: str | None = None,
        password: str | None = None,
        role: Role | None = None,
        is_active: bool | None = None,
    ) -> Call[CreatedUser]:
        members = {"full_name": full_name, "password": password, "role": role, "is_active": is_active}
        return send("POST", "/users", one(CreatedUser), email=email, **members)

    @operation
    def change(
        self,
        user: int,
        *,
        email: str | None = None,
        full_name: str | None = None,
        password: str | None = None,
        role: Role | None = None,
        is_active: bool | None = None,
        if_match: str | None = None,
    ) -> Call[UserDetail]:
        """Change what is given. With `if_match`, the `etag` that was read, another's change in between is not lost."""
        members = {"email": email, "full_name": full_name, "password": password, "role": role, "is_active": is_active}
        return matching(send("PATCH", at("users", user), one(UserDetail), **members), if_match)

    @operation
    def enable(self, user: int, *, if_match: str | None = None) -> Call[UserDetail]:
        return matching(Call(method="POST", path=at("users", user, "enable"), read=one(UserDetail)), if_match)

    @operation
    def disable(self, user: int, *, if_match: str | None = None) -> Call[UserDetail]:
        return matching(Call(method="POST", path=at("users", user, "disable"), read=one(UserDetail)), if_match)

    @operation
    def delete(self, user: int, *, force: bool | None = None, if_match: str | None = None) -> Call[None]:
        call = get(at("users", user), nothing, force=force)
        return matching(replace(call, method="DELETE", is_repeatable=False), if_match)
