"""The site: its front page, search and menus, how staff sign in, and what no page does with an address."""

import math
from functools import update_wrapper
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.db import DataError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.login_refusals import login_refused, seconds_to_wait_for_login
from config.admin_site.front_page import front_page
from config.admin_site.menus import in_order
from config.admin_site.own_password import OwnPasswordPage
from config.admin_site.search import search_everything
from config.admin_site.second_factor import SecondFactorPage, StaffLoginForm, must_set_up
from config.problems import response_for
from staff.formats import NOTHING

#: Django makes a condition of each word of a search, and PostgreSQL needs half a minute to plan a thousand of them.
MAX_SEARCH_LENGTH = 200
SEARCH_PARAMETERS = ("q", "term")  # of lists, of a field that completes


class StaffSite(admin.AdminSite):
    site_header = site_title = "Till"
    login_form = StaffLoginForm
    index_title = _("Staff")
    empty_value_display = NOTHING

    def refusal(self, error: Exception) -> str | None:
        """Return an error's text for a form. None: it is a bug, or has a page of its own."""
        if isinstance(error, (Http404, PermissionDenied, SuspiciousOperation, BadRequest)):
            return None
        answer = response_for(error)
        return str(answer.data["detail"]) if answer and answer.status_code < 500 else None

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, front_page(request) | (extra_context or {}))

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return super().each_context(request) | {"max_search_length": MAX_SEARCH_LENGTH}

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        return in_order(super().get_app_list(request, app_label))

    def search(self, request: HttpRequest) -> HttpResponse:
        """Find by anything exact. A single hit is shown at once."""
        term = request.GET.get("q", "").strip()
        groups = search_everything(self, request, term) if term else []
        if len(groups) == 1 and len(groups[0].hits) == 1:
            return redirect(groups[0].hits[0].url)
        context = {"title": _("Search"), "term": term, "groups": groups}
        return TemplateResponse(request, "admin/search.html", self.each_context(request) | context)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Sign staff in, at the rate and under the lock that logins over the API have."""
        if request.method == "POST" and (seconds := seconds_to_wait_for_login(request)):
            return login_refused(math.ceil(seconds))
        return super().login(request, extra_context)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Let staff change their own password."""
        context = self.each_context(request) | (extra_context or {})
        request.current_app = self.name  # as Django's own does
        return OwnPasswordPage.as_view(extra_context=context)(request)

    def second_factor(self, request: HttpRequest) -> HttpResponse:
        """Let staff set up, renew or switch off their own second factor."""
        return SecondFactorPage(request, self.each_context(request)).answer()

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Leave out the redirect to an object's public page: none has one, and its pattern is slow on long paths."""
        ours = path("search/", self.admin_view(require_safe(self.search)), name="search")
        factor = path("second-factor/", self.admin_view(self.second_factor), name="second_factor")
        return [ours, factor, *(entry for entry in super().get_urls() if getattr(entry, "name", "") != "view_on_site")]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        def bounded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if must_set_up(request):
                return redirect("admin:second_factor")
            shorten_search(request)
            try:
                return view(request, *args, **kwargs)
            except (DataError, ValueError, OverflowError):  # no value that a column of that kind could have
                if request.method != "GET" or "e" in request.GET:
                    raise
                return HttpResponseRedirect(f"{request.path}?e=1")  # as for what Django itself cannot read

        return super().admin_view(update_wrapper(bounded, view), cacheable)


def shorten_search(request: HttpRequest) -> None:
    """Look for the first MAX_SEARCH_LENGTH characters of what was typed, and say so."""
    long = [name for name in SEARCH_PARAMETERS if len(request.GET.get(name, "")) > MAX_SEARCH_LENGTH]
    if not long:
        return
    parameters = request.GET.copy()
    for name in long:
        parameters[name] = str(parameters[name])[:MAX_SEARCH_LENGTH]
    request.GET = parameters  # type: ignore[assignment]  # a copy that nobody changes any more
    text = _("Only the first %(count)s characters were looked for.") % {"count": MAX_SEARCH_LENGTH}
    messages.warning(request, text)
