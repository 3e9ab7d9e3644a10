"""Commission rules: made, ended, and deleted while nothing refers to them. Nothing of one is ever edited."""

from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from api.filters import id_or_none
from api.refusals import line_of
from payments.commission import rules
from payments.commission.models import CommissionRule
from payments.ledger.admin.display import money
from payments.ledger.services.currencies import CurrencyUnavailable
from payments.money import InvalidAmount
from staff.amount_field import AmountFormField
from staff.columns import ListColumn, Prose, Status, When, Word
from staff.confirmed_actions import ConfirmedAction, ConfirmedActionsMixin, ReasonForm
from staff.formats import plain_decimal
from staff.moment_field import LabelledDateTime
from staff.service_forms import ServiceAdmin, ServiceForm

TERMS = ("percent", "fixed", "minimum", "maximum")


def _help(field: str) -> Any:
    return getattr(CommissionRule._meta.get_field(field), "help_text", "")


class RuleForm(ServiceForm):
    percent = AmountFormField(required=False, help_text=_help("percent"))
    fixed = AmountFormField(required=False, help_text=_help("fixed"))
    minimum = AmountFormField(required=False, help_text=_help("minimum"))
    maximum = AmountFormField(required=False, help_text=_help("maximum"))
    valid_from = forms.SplitDateTimeField(
        required=False, widget=LabelledDateTime(), help_text=format_lazy("UTC. {rest}", rest=_help("valid_from"))
    )
    valid_until = forms.SplitDateTimeField(
        required=False, widget=LabelledDateTime(), help_text=format_lazy("UTC. {rest}", rest=_help("valid_until"))
    )
    refusals = (CurrencyUnavailable, InvalidAmount, rules.InvalidPeriod, rules.RuleOverlap)
    names: ClassVar[dict[str, str]] = {"": "valid_from"}  # of an overlap

    class Meta:
        model = CommissionRule
        fields = ("operation", "currency", *TERMS, "valid_from", "valid_until")

    def carry_out(self) -> CommissionRule:
        typed = self.cleaned_data
        return rules.make_rule(
            operation=typed["operation"],
            currency=typed["currency"].pk,
            percent=typed["percent"] or Decimal(0),
            fixed=typed["fixed"] or Decimal(0),
            minimum=typed["minimum"] or Decimal(0),
            maximum=typed["maximum"],
            valid_from=typed["valid_from"],
            valid_until=typed["valid_until"],
            staff=self.staff,
        )


class EndForm(ReasonForm):
    valid_until = forms.DateTimeField(
        required=False,
        label=_("Ends at (UTC)"),
        help_text=_("Empty: now."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    field_order = ("valid_until", "reason")


class EndAction(ConfirmedAction):
    name = "end"
    title = _("End commission rules")
    button = _("End")
    explanation = _(
        "Orders that were made before keep what they were told. To charge something else, add another rule."
    )
    form_class = EndForm
    refusals = (
        *(CommissionRule.DoesNotExist, rules.RuleEnded, rules.InvalidPeriod),
        rules.RuleOverlap,
    )

    def is_available(self, target: CommissionRule) -> bool:
        return target.valid_until is None or target.valid_until > timezone.now()

    def describe(self, target: CommissionRule) -> str:
        if not self.is_available(target):
            return line_of(rules.RuleEnded)
        begin = f"{target.valid_from:%Y-%m-%d %H:%M}"
        if target.valid_until is None:
            return gettext("in force from %(begin)s, without an end.") % {"begin": begin}
        end = f"{target.valid_until:%Y-%m-%d %H:%M}"
        return gettext("in force from %(begin)s, until %(end)s.") % {"begin": begin, "end": end}

    def perform(
        self,
        *,
        target: CommissionRule,
        staff: User,
        data: dict[str, Any],
        request: HttpRequest,  # noqa: ARG002
    ) -> str:
        end = data["valid_until"] or timezone.now()
        ended = rules.end_rule(rule_id=target.pk, valid_until=end, staff=staff, reason=data["reason"])
        return gettext("ends %(end)s.") % {"end": f"{ended.valid_until:%Y-%m-%d %H:%M:%S}"}


class DeleteAction(ConfirmedAction):
    name = "remove"
    title = _("Delete commission rules")
    button = _("Delete")
    permission = "delete"
    explanation = _("Only a rule under which nothing was made yet. End any other.")
    refusals = (CommissionRule.DoesNotExist, rules.RuleInUse)

    def is_available(self, target: CommissionRule) -> bool:  # noqa: ARG002
        """The page has a button of Django's own, which leads here (`delete_view`)."""
        return False

    def perform(
        self,
        *,
        target: CommissionRule,
        staff: User,
        data: dict[str, Any],
        request: HttpRequest,  # noqa: ARG002
    ) -> str:
        rules.delete_rule(rule_id=target.pk, staff=staff, reason=data["reason"])
        return gettext("Deleted.")


STATES = {
    "current": Word(_("In force"), "good", _("It is charged now.")),
    "coming": Word(_("To come"), "wait", _("It is charged from its beginning on.")),
    "ended": Word(_("Ended"), "quiet", _("It is charged no more.")),
}


def state_of(rule: CommissionRule) -> str:
    now = timezone.now()
    if rule.valid_from > now:
        return "coming"
    return "ended" if rule.valid_until and rule.valid_until <= now else "current"


def terms_of(rule: CommissionRule) -> str:
    parts = [f"{plain_decimal(rule.percent)} %"] if rule.percent else []
    parts += [money(rule.fixed, rule.currency)] if rule.fixed else []
    terms = [" + ".join(parts) or str(_("nothing"))]
    if rule.minimum:
        terms += [_("at least %(amount)s") % {"amount": money(rule.minimum, rule.currency)}]
    if rule.maximum is not None:
        terms += [_("at most %(amount)s") % {"amount": money(rule.maximum, rule.currency)}]
    return ", ".join(terms)


class StateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:  # noqa: ARG002
        return [(name, word.text) for name, word in STATES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[CommissionRule]) -> QuerySet[CommissionRule]:  # noqa: ARG002
        now = timezone.now()
        begun, ended = Q(valid_from__lte=now), Q(valid_until__lte=now)
        states = {"current": begun & ~ended, "coming": ~begun, "ended": ended}
        return queryset.filter(states[str(self.value())]) if self.value() in states else queryset


@admin.register(CommissionRule)
class CommissionRuleAdmin(ConfirmedActionsMixin, ServiceAdmin):
    form = RuleForm
    confirmed_actions = (EndAction, DeleteAction)
    list_display = ("in_force", "operation", "currency_code", "terms", "begins", "ends", "id")
    list_display_links = ("id",)
    list_filter = (StateFilter, "operation", "currency")
    list_select_related = ("currency",)
    list_per_page = 50
    search_fields = ("=currency__code", "operation", "=id")
    search_help_text = _("Operation, currency or id")
    autocomplete_fields = ("currency",)
    ordering = ("-id",)
    export_fields = ("id", "operation", "currency_id", *TERMS, "valid_from", "valid_until", "created_at")
    export_places = "currency__decimal_places"
    in_force = Status(_("state"), state_of, STATES)
    terms = Prose(_("terms"), terms_of)
    currency_code = ListColumn(_("currency"), "currency_id", order="currency")
    begins = When(_("from (UTC)"), "valid_from", order="valid_from")
    ends = When(_("until (UTC)"), "valid_until", order="valid_until")
    empty_state = _("Nothing is charged yet. Add a rule for an operation and a currency.")

    def get_fields(self, request: HttpRequest, obj: CommissionRule | None = None) -> tuple[str, ...]:  # noqa: ARG002
        if obj is None:
            return ("operation", "currency", *TERMS, "valid_from", "valid_until")
        return ("id", "operation", "currency", "terms", "in_force", "valid_from", "valid_until", "created_at")

    def get_readonly_fields(self, request: HttpRequest, obj: CommissionRule | None = None) -> tuple[str, ...]:
        return self.get_fields(request, obj) if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Orders refer to it; what may be done has a page of its own."""
        return False

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:  # noqa: ARG002
        """Asks on a page of ours: Django's would list every order that was made under the rule."""
        if not self.has_delete_permission(request):
            raise PermissionDenied
        return redirect(self.confirm_address(DeleteAction(), [id_or_none(unquote(object_id)) or 0]))
