from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"
    verbose_name = "Money"

    def ready(self) -> None:
        """Let users begin with wallets and scopes, and register events. The imports need Django's models."""
        from accounts.user_changes import after_insert, after_role_change
        from payments.events import sources
        from payments.events.journals import JOURNALS
        from payments.events.outbox import OUTBOX
        from payments.ledger.services.wallets import open_first_wallets
        from payments.orders.services import give_first_scopes

        after_insert.extend([open_first_wallets, give_first_scopes])
        after_role_change.append(give_first_scopes)
        for source in (OUTBOX, *JOURNALS):
            sources.register(source)
