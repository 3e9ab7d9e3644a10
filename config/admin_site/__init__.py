"""The staff site: Django's admin with a front page and a search of our own."""

from config.admin_site.site import StaffSite

__all__ = ["StaffSite"]
