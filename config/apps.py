"""The project itself as an app: its system checks register when it is loaded."""

from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.apps import apps as registry
from django.db.models.signals import post_migrate

from config.model_texts import APPS, translate_models


class ConfigConfig(AppConfig):
    name = "config"
    verbose_name = "Till"

    def ready(self) -> None:
        import_module("config.checks")
        import_module("config.mail_checks")
        translate_models(map(registry.get_app_config, APPS))
        post_migrate.connect(update_support_group, dispatch_uid="update_support_group")


def update_support_group(sender: AppConfig, apps: Any, **_: Any) -> None:
    """Keep the support group as the models are now, whenever one of our apps was migrated."""
    if sender.label not in ("accounts", "payments", "catalog"):
        return
    try:
        apps.get_model("auth", "Group")
    except LookupError:  # migrated back to before there were groups
        return
    import_module("accounts.services").keep_support_group()
