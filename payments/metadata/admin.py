"""What clients attached, on the pages of staff: shown as text, whatever it is."""

from typing import Any

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from payments.metadata.members import in_order


class AttachedMixin:
    """Mixed into the page of a document. Its `reference` is shown as any column is."""

    @admin.display(description=_("metadata"))
    def metadata_shown(self, document: Any) -> str:
        return format_html_join("", "<div>{}: <strong>{}</strong></div>", in_order(document.metadata).items())
