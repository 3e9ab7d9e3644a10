from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"
    verbose_name = "Money"

    def ready(self) -> None:
        from accounts.services import after_registration, after_role_change
        from payments.ledger.services.wallets import open_first_wallets
        from payments.orders.services import give_first_scopes

        after_registration.extend([open_first_wallets, give_first_scopes])
        after_role_change.append(give_first_scopes)
