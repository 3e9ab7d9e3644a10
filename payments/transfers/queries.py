"""Which transfers somebody sees, from which side, and what their list can be asked."""

from django.db.models import Case, CharField, F, Q, QuerySet, Value, When
from django_filters import rest_framework as filters

from accounts.models import Role, User
from api import time_ranges
from api.filters import UP_TO, CurrencyFilter, IdFilter, MomentFilter
from payments.metadata.filters import MetadataFilters
from payments.transfers.models import Transfer

SENT, RECEIVED, OWN = "sent", "received", "own"
MASKED_WORDS = 3
DIRECTIONS = [(SENT, "to somebody else"), (RECEIVED, "from somebody else"), (OWN, "between own wallets")]


def visible_to(user: User) -> QuerySet[Transfer]:
    """Return what a user sent and received, or all for admins. `direction` and `seen_commission` are for this user."""
    transfers = Transfer.objects.select_related("currency", "user")
    if user.role != Role.ADMIN:
        transfers = transfers.filter(Q(user=user) | Q(recipient=user))
    return transfers.annotate(
        direction=Case(
            When(user=F("recipient"), then=Value(OWN)),
            When(recipient=user, then=Value(RECEIVED)),
            default=Value(SENT),
            output_field=CharField(),
        ),
        seen_commission=F("commission") if user.role == Role.ADMIN else Case(When(user=user, then=F("commission"))),
    )


def recipient_name(sent: Transfer) -> str | None:
    """Return the first letters of the recipient's name, None for the sender's own wallet and for who has no name."""
    if sent.recipient_id == sent.user_id:
        return None
    name = User.objects.values_list("full_name", flat=True).get(pk=sent.recipient_id)
    return masked(name) or None


def masked(name: str) -> str:
    """Return the first letter of the first words. The asterisks do not say how long they are."""
    return " ".join(f"{word[0]}***" for word in name.split()[:MASKED_WORDS])


class TransferFilters(MetadataFilters):
    direction = filters.ChoiceFilter(
        choices=DIRECTIONS, method="in_direction", label="Only what you sent to others, received, or moved yourself."
    )
    wallet = IdFilter(method="of_wallet", label="Only transfers from or to this wallet.")
    currency = CurrencyFilter(field_name="currency_id", label="Only transfers in this currency.")
    locals()["from"] = MomentFilter(label="Only from this time on (RFC 3339).")
    to = MomentFilter(label=UP_TO, is_end=True)

    def filter_queryset(self, queryset: QuerySet[Transfer]) -> QuerySet[Transfer]:
        by_attached = self.form.cleaned_data["reference"] or self.form.cleaned_data["metadata"]
        if by_attached and not self.request.user.sees_all:  # users know only what they attached themselves
            queryset = queryset.filter(user=self.request.user)
        start, end = self.form.cleaned_data.pop("from"), self.form.cleaned_data.pop("to")
        narrowed: QuerySet[Transfer] = super().filter_queryset(queryset)
        return time_ranges.between(narrowed, time="created_at", start=start, end=end)

    def in_direction(
        self,
        queryset: QuerySet[Transfer],
        name: str,  # noqa: ARG002
        value: str,
    ) -> QuerySet[Transfer]:
        """Filter by the direction that the transfer has for the user whose list it is."""
        user_id = self.form.cleaned_data.get("user") or self.request.user.pk
        if value == OWN:
            return queryset.filter(user=user_id, recipient=user_id)
        mine, other = ("user", "recipient") if value == SENT else ("recipient", "user")
        return queryset.filter(**{mine: user_id}).exclude(**{other: user_id})

    def of_wallet(
        self,
        queryset: QuerySet[Transfer],
        name: str,  # noqa: ARG002
        value: int | None,
    ) -> QuerySet[Transfer]:
        """Filter by a wallet. Another user's wallet shows only transfers that the user sees anyhow."""
        return queryset.filter(Q(source=value) | Q(destination=value))


class StaffTransferFilters(TransferFilters):
    user = IdFilter(method="of_user", label="Only what this user sent or received (admin).")

    def of_user(
        self,
        queryset: QuerySet[Transfer],
        name: str,  # noqa: ARG002
        value: int | None,
    ) -> QuerySet[Transfer]:
        return queryset.filter(Q(user=value) | Q(recipient=value))
