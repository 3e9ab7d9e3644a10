from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"
    verbose_name = "Money"

    def ready(self) -> None:
        """Connect the receivers of signals. They import models, so not before Django has loaded those."""
        from payments.users import receivers  # noqa: F401
