"""Failed logins, as axes counts them: who is locked, and from where."""

from typing import Any

from axes.admin import AccessAttemptAdmin
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from staff.columns import Id, NumberColumn, Status, Text, When, Word
from staff.lists import StaffList

STATES = {
    True: Word(_("Locked"), "wait", _("No password is tried until the lock ends.")),
    False: Word(_("Counted"), "quiet", _("It is locked when there are more failures.")),
}


def is_locked(attempt: AccessAttempt) -> bool:
    return bool(attempt.failures_since_start >= settings.AXES_FAILURE_LIMIT)


admin.site.unregister(AccessAttempt)


@admin.register(AccessAttempt)
class FailedLoginAdmin(AccessAttemptAdmin):  # type: ignore[misc]  # axes has no annotations
    """What may be done here stays as axes has it: to delete a row ends its lock."""

    list_display = ("state", "time", "failures", "who", "network", "path")
    list_display_links = ("time",)

    class Media:
        css = {"all": ["config/cells.css"]}

    state = Status(_("state"), is_locked, STATES)
    time = When(_("time (UTC)"), "attempt_time", order="attempt_time")
    failures = NumberColumn(_("failures"), "failures_since_start", order="failures_since_start")
    who = Text(_("tried as"), "username", order="username")
    network = Id(_("from"), "ip_address", order="ip_address")
    path = Text(_("address"), "path_info", order="path_info")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[StaffList]:  # noqa: ARG002
        return StaffList
