"""The API of users: each view checks the shape, makes one call into the services and answers."""

from accounts.views.emails import EmailLinkView, EmailView
from accounts.views.passwords import PasswordResetLinkView, PasswordResetView, PasswordView
from accounts.views.registration import ActivateView, RegisterView, ResendActivationView
from accounts.views.second_factor import (
    ConfirmSecondFactorView,
    DisableSecondFactorView,
    RecoveryCodesView,
    SecondFactorView,
)
from accounts.views.sessions import SessionViewSet
from accounts.views.sign_in import LoginView, LogoutView, RefreshView

__all__ = [
    "ActivateView",
    "ConfirmSecondFactorView",
    "DisableSecondFactorView",
    "EmailLinkView",
    "EmailView",
    "LoginView",
    "LogoutView",
    "PasswordResetLinkView",
    "PasswordResetView",
    "PasswordView",
    "RecoveryCodesView",
    "RefreshView",
    "RegisterView",
    "ResendActivationView",
    "SecondFactorView",
    "SessionViewSet",
]
