"""Users, as they see themselves and as admins see them."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from till_client.decoding import Record
from till_client.records.wallets import Transaction, Wallet


@dataclass(frozen=True, kw_only=True)
class User(Record):
    id: int
    email: str
    full_name: str
    role: str
    is_active: bool


@dataclass(frozen=True, kw_only=True)
class Me(User):
    """`wallets` and `transactions` are there if they were included."""

    wallets: tuple[Wallet, ...] | None = None
    transactions: tuple[Transaction, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class PendingOrders(Record):
    kind: str
    currency: str
    count: int
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class UserDetail(User):
    """A user as admins see them. Lists leave `pending_orders` out, and `etag`, which goes into `if_match`."""

    created_at: datetime
    wallets: tuple[Wallet, ...]
    pending_orders: tuple[PendingOrders, ...] = ()
    etag: str | None = field(default=None, compare=False, metadata={"header": "etag"})


@dataclass(frozen=True, kw_only=True)
class CreatedUser(UserDetail):
    """`activation_url` is None where Till only mails it."""

    activation_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Registered(Record):
    """`activation_url` is None where Till only mails it."""

    user: User
    activation_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Session(Record):
    """A login of the own user. `last_used_at` is the login or the latest refresh."""

    id: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    user_agent: str
    address: str | None
    current: bool


@dataclass(frozen=True, kw_only=True)
class SecondFactor(Record):
    enabled: bool
    since: datetime | None
    recovery_codes_left: int


@dataclass(frozen=True, kw_only=True)
class Enrolment(Record):
    """A secret for an authenticator app, as text, as an address, and as a QR code."""

    secret: str = field(repr=False)
    otpauth_uri: str = field(repr=False)
    qr_svg: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class RecoveryCodes(Record):
    recovery_codes: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Activated(Record):
    user: User
    status: str
