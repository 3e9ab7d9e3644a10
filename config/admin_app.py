"""Django's admin and the guard of its login as apps: with our site, and with names that staff understand."""

from axes.apps import AppConfig as AxesConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _


class StaffAppConfig(AdminConfig):
    default_site = "config.admin_site.StaffSite"
    verbose_name = _("Staff log")


class SignInFailuresConfig(AxesConfig):  # type: ignore[misc]  # axes has no types
    verbose_name = _("Failed sign-ins")
