from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "catalog"
    verbose_name = "Shop"

    def ready(self) -> None:
        from catalog.services.audit import PURCHASES, REFUNDS
        from payments import audit

        audit.register(PURCHASES)
        audit.register(REFUNDS)
