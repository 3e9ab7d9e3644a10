"""The staff log: everything that staff did here, to whatever it was done."""

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.utils.html import format_html

from staff.read_only import ReadOnlyAdmin


@admin.register(LogEntry)
class StaffLogAdmin(ReadOnlyAdmin):
    list_display = ("action_time", "user", "kind_of_object", "target", "what_and_why")
    list_display_links = ("action_time",)
    list_filter = (
        ("user", admin.RelatedOnlyFieldListFilter),
        "action_time",
        ("content_type", admin.RelatedOnlyFieldListFilter),
    )
    list_select_related = ("user", "content_type")
    date_hierarchy = "action_time"  # affordable: as long as what people do by hand
    search_fields = ("object_repr", "change_message", "=object_id", "user__email")
    search_help_text = "The object's name or id, a part of the reason, or the staff member's email"
    fields = readonly_fields = ("action_time", "user", "kind_of_object", "target", "what_and_why")
    export_fields = (
        *("id", "action_time", "user_id", "user__email", "content_type__app_label", "content_type__model"),
        *("object_id", "object_repr", "change_message"),
    )
    empty_state = "What staff does to people, products and money is written down here, with who, when and why."

    @admin.display(description="kind", ordering="content_type")
    def kind_of_object(self, entry: LogEntry) -> str:
        return entry.content_type.name if entry.content_type else ""

    @admin.display(description="object", ordering="object_repr")
    def target(self, entry: LogEntry) -> str:
        url = None if entry.is_deletion() else entry.get_admin_url()
        return format_html('<a href="{}">{}</a>', url, entry.object_repr) if url else entry.object_repr

    @admin.display(description="what and why")
    def what_and_why(self, entry: LogEntry) -> str:
        return entry.get_change_message() or entry.get_action_flag_display()
