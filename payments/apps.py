from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"
    verbose_name = "Money"

    def ready(self) -> None:
        from accounts.services import after_registration
        from payments.services.wallets import open_first_wallets

        after_registration.append(open_first_wallets)
