"""Django's admin as an app, with our site in the place of its own."""

from django.contrib.admin.apps import AdminConfig


class StaffAppConfig(AdminConfig):
    default_site = "config.admin_site.StaffSite"
