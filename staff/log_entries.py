"""The staff log: everything that staff did here, to whatever it was done."""

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from staff.columns import ListColumn, Prose, Text, When, short_text
from staff.read_only import ReadOnlyAdmin


def target_link(entry: LogEntry) -> SafeString:
    """Return a link to what was changed, or its name alone if it is there no more."""
    url = None if entry.is_deletion() else entry.get_admin_url()
    name = short_text(entry.object_repr)
    return format_html('<a href="{}">{}</a>', url, name) if url else name


def what_was_done(entry: LogEntry) -> str:
    return entry.get_change_message() or str(entry.get_action_flag_display())


@admin.register(LogEntry)
class StaffLogAdmin(ReadOnlyAdmin):
    list_display = ("time", "who", "kind_of_object", "target", "what_and_why")
    list_display_links = ("time",)
    list_filter = (
        ("user", admin.RelatedOnlyFieldListFilter),
        "action_time",
        ("content_type", admin.RelatedOnlyFieldListFilter),
    )
    list_select_related = ("user", "content_type")
    date_hierarchy = "action_time"  # affordable: as long as what people do by hand
    search_fields = ("object_repr", "change_message", "=object_id", "user__email")
    search_help_text = _("The object's name or id, a part of the reason, or the staff member's email")
    fields = readonly_fields = ("action_time", "user", "kind_of_object", "target", "what_and_why")
    export_fields = (
        *("id", "action_time", "user_id", "user__email", "content_type__app_label", "content_type__model"),
        *("object_id", "object_repr", "change_message"),
    )
    time = When(_("time (UTC)"), "action_time", order="action_time")
    who = Text(_("who"), "user.email", order="user__email")
    empty_state = _("What staff does to people, products and money is written down here, with who, when and why.")

    kind_of_object = ListColumn(_("kind"), "content_type.name", order="content_type")
    target = ListColumn(_("object"), target_link, order="object_repr")
    what_and_why = Prose(_("what and why"), what_was_done)
