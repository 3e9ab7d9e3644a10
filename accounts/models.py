"""Users, their refresh tokens and API keys, the mails they are sent, and the counters that throttle strangers."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.lookups import IContains
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.fields import AsciiEmailField, PlainTextColumn
from accounts.validators import EMAIL_MAX_LENGTH, FULL_NAME_MAX_LENGTH
from api.model_fields import EncryptedField

EMAIL_CONSTRAINT = "accounts_user_email_unique"
#: Where the emails of deleted users end: a domain that never exists (RFC 2606), which nobody may register with.
DELETED_ADDRESS_END = "@deleted.invalid"
USER_AGENT_MAX_LENGTH = 200
_SESSION_SALT = "accounts.models.User.session"


def folded_ascii(email: str | models.Expression) -> models.Func:
    """Return an email as it is compared: ASCII in lower case. A Turkish database would make another letter of `I`."""
    template = '%(function)s(%(expressions)s COLLATE "C")'
    return models.Func(email, function="LOWER", template=template, output_field=models.CharField())


@models.EmailField.register_lookup
class EmailHolds(IContains):
    """`email__icontains`, with the same letters in every database."""

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[str | int, ...]]:
        left, parameters = compiler.compile(self.lhs)
        part = f"%{connection.ops.prep_for_like_query(self.rhs)}%"
        return f'UPPER({left} COLLATE "C") LIKE UPPER(%s COLLATE "C")', (*parameters, part)


class Role(models.TextChoices):
    USER = "user", "user"
    SERVICE = "service", "service"
    ADMIN = "admin", "admin"


class UserManager(BaseUserManager["User"]):
    """Finds users by email whatever its case, the way the unique index compares them."""

    def with_email(self, email: str) -> models.QuerySet["User"]:
        return self.alias(email_lower=folded_ascii("email")).filter(email_lower=folded_ascii(models.Value(email)))

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.with_email(username or "").get()

    def create_superuser(self, email: str, password: str | None = None, full_name: str = "") -> "User":
        """Create an active admin (what `manage.py createsuperuser` calls)."""
        user = self.model(
            email=self.normalize_email(email),
            full_name=full_name,
            is_active=True,
            activated_at=timezone.now(),
        )
        user.take_role(Role.ADMIN)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person or a service that signs in.

    `activated_at` says when the address was proven, `disabled_at` when staff switched the user off, and `is_active`
    that the user may act. These are three, so that an old activation link cannot undo what staff did. `token_epoch`
    is in every token; raising it ends them all.
    """

    email = AsciiEmailField(max_length=EMAIL_MAX_LENGTH)
    full_name = PlainTextColumn(max_length=FULL_NAME_MAX_LENGTH, blank=True)
    role = models.CharField(max_length=10, choices=Role, default=Role.USER)
    is_active = models.BooleanField("active", default=False)
    is_staff = models.BooleanField("may enter the staff site", default=False, editable=False)
    activated_at = models.DateTimeField(null=True, blank=True, editable=False)
    disabled_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    token_epoch = models.PositiveIntegerField(default=0, editable=False)
    #: Since when signing in needs a code besides the password.
    second_factor_at = models.DateTimeField(null=True, blank=True, editable=False)

    #: For this request alone: the login of its access token.
    login_id: uuid.UUID | None = None
    #: For this request alone: its API key opens what the role does not (accounts.key_scopes.WIDENING).
    is_widened = False

    _password: str | None  # AbstractBaseUser keeps a new password here until it is saved.

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                folded_ascii("email"),
                name=EMAIL_CONSTRAINT,
                violation_error_message="This email is taken.",
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="accounts_user_role_known"),
            models.CheckConstraint(
                condition=Q(is_active=False) | Q(activated_at__isnull=False, disabled_at__isnull=True),
                name="accounts_user_active_implies_activated",
            ),
            models.CheckConstraint(
                condition=Q(role=Role.ADMIN, is_superuser=True, is_staff=True)
                | (~Q(role=Role.ADMIN) & Q(is_superuser=False)),
                name="accounts_user_admin_is_superuser",
            ),
        )

    def __str__(self) -> str:
        return self.email

    @property
    def sees_all(self) -> bool:
        """Whether lists show everybody's objects, as to admins."""
        return self.role == Role.ADMIN or self.is_widened

    @property
    def is_deleted(self) -> bool:
        """Anonymised: the books still refer to the id."""
        return self.email.lower().endswith(DELETED_ADDRESS_END)

    def get_full_name(self) -> str:
        return self.full_name or self.email

    def get_short_name(self) -> str:
        return self.full_name.partition(" ")[0] or self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; a new password ends every token, whichever form or command set it; a mere rehash does not."""
        if self._password is not None and not self._state.adding:
            self.token_epoch += 1
        super().save(*args, **kwargs)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Bind sessions of the staff site to the epoch: what ends a user's tokens ends the sessions, for good."""
        return salted_hmac(_SESSION_SALT, f"{self.token_epoch}:{self.password}", secret, algorithm="sha256").hexdigest()

    def take_role(self, role: Role) -> None:
        """Set the role and the two flags that Django's staff site reads; does not save."""
        self.role = role
        self.is_staff = self.is_superuser = role == Role.ADMIN


class TokenFamily(models.Model):
    """One login: the chain of refresh tokens that follow each other, of which only `jti` is good."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="token_families")
    jti = models.UUIDField(default=uuid.uuid4)
    created_at = models.DateTimeField(default=timezone.now)
    #: When `jti` took the place of the one before it. Empty: the login was never refreshed.
    rotated_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(db_index=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    #: Of the login, or of the latest refresh.
    user_agent = models.CharField(max_length=USER_AGENT_MAX_LENGTH, blank=True, default="", db_default="")
    address = models.GenericIPAddressField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "token families"

    def __str__(self) -> str:
        return f"login {self.id} of user {self.user_id}"

    @property
    def last_used_at(self) -> datetime:
        """The latest login or refresh: other requests write nothing."""
        return self.rotated_at or self.created_at


class SecondFactor(models.Model):
    """What the authenticator app of a user knows. It counts once `User.second_factor_at` is set.

    `last_step` is the time step of the latest code that was taken: no code is good twice.
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="second_factor")
    secret = EncryptedField(max_length=64, blank=True)
    #: Waits for its first code.
    pending_secret = EncryptedField(max_length=64, blank=True)
    pending_at = models.DateTimeField(null=True, blank=True)
    last_step = models.BigIntegerField(default=0)
    #: Of the period that began with the first of them.
    wrong_codes = models.PositiveIntegerField(default=0)
    wrong_since = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"second factor of user {self.user_id}"


class RecoveryCode(models.Model):
    """A code for the day on which the authenticator is lost: good once, and kept as its digest."""

    factor = models.ForeignKey(SecondFactor, on_delete=models.CASCADE, related_name="recovery_codes")
    #: SHA-256 of user and code, in hexadecimal.
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("factor", "digest"), name="accounts_recoverycode_digest_unique"),
            models.CheckConstraint(condition=Q(digest__regex="^[0-9a-f]{64}$"), name="accounts_recoverycode_digest"),
        )

    def __str__(self) -> str:
        return f"recovery code {self.pk}"


class ApiKey(models.Model):
    """What a service sends in the place of an access token: `till_<prefix>_<secret>`. Only its digest is kept.

    The row stays when the key is revoked: who could do what, and until when.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_keys")
    name = PlainTextColumn(max_length=100)
    prefix = models.CharField(max_length=10)
    #: SHA-256 of the whole key, in hexadecimal.
    digest = models.CharField(max_length=64)
    scopes = ArrayField(models.CharField(max_length=40))
    #: From which addresses it may be used, as CIDR blocks. Empty: from everywhere.
    networks = ArrayField(models.CharField(max_length=43), default=list, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    #: Exact to a minute.
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API key"
        constraints = (
            models.UniqueConstraint(fields=("prefix",), name="accounts_apikey_prefix_unique"),
            models.CheckConstraint(condition=Q(digest__regex="^[0-9a-f]{64}$"), name="accounts_apikey_digest"),
            models.CheckConstraint(condition=Q(scopes__len__gt=0), name="accounts_apikey_has_scopes"),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"


class ThrottleCount(models.Model):
    """How often one caller did one thing in the running window; unlogged, because a crash may forget it."""

    key = models.CharField(max_length=200, primary_key=True)
    count = models.PositiveIntegerField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"


class OutgoingMail(models.Model):
    """A mail to a user, waiting or done with. It holds no text: the secret link is signed when the mail is sent.

    `next_attempt_at` is when it is due, and empty once nothing more is to be done. `sent_at` is when the mail server
    took it; a mail that is done with and was not sent says why in `last_error`. There is one row for each user and
    kind, so the queue is never longer than the list of users.
    """

    class Kind(models.TextChoices):
        ACTIVATION = "activation", "activation link"
        PASSWORD_RESET = "password_reset", "link to a new password"
        PASSWORD_CHANGED = "password_changed", "the password was changed"
        EMAIL_CHANGE = "email_change", "link to a new email"
        EMAIL_CHANGED = "email_changed", "the email was changed"
        ENDPOINT_DISABLED = "endpoint_disabled", "an endpoint was switched off"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind)
    #: Where it goes, if not to the user's present email; several with spaces between.
    address = models.TextField(blank=True, default="", db_default="")
    #: The mark of the user's state when it was queued. What is bound to it is not sent after a change.
    state = models.CharField(max_length=32, blank=True, default="", db_default="")
    #: That was active when it was queued.
    language = models.CharField(max_length=35, blank=True, default="", db_default="")
    queued_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("user", "kind"), name="accounts_outgoingmail_one_of_a_kind"),)
        indexes = (
            models.Index(
                fields=("next_attempt_at",),
                name="accounts_outgoingmail_due",
                condition=Q(next_attempt_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} mail to user {self.user_id}"


class SenderLease(models.Model):
    """That a background worker sends the mails, and until when it is taken to be alive. One row, while there is one."""

    id = models.PositiveSmallIntegerField(primary_key=True)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(id=1), name="accounts_senderlease_one_row"),)

    def __str__(self) -> str:
        return f"until {self.expires_at}"
