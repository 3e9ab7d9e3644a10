from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"
    verbose_name = "Money"

    def ready(self) -> None:
        """Let users begin with wallets and scopes. The imports need models, so not before Django has loaded those."""
        from accounts.user_changes import after_insert, after_role_change
        from payments.ledger.services.wallets import open_first_wallets
        from payments.orders.services import give_first_scopes

        after_insert.extend([open_first_wallets, give_first_scopes])
        after_role_change.append(give_first_scopes)
