from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "catalog"
    verbose_name = "Shop"

    def ready(self) -> None:
        from catalog.services import audit as documents
        from catalog.services import events
        from payments import audit
        from payments.events import sources

        for document in (documents.PURCHASES, documents.REFUNDS):
            audit.register(document)
        for source in (events.PURCHASES, events.REFUNDS):
            sources.register(source)
