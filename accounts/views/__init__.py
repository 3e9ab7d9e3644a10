"""The API of users: each view checks the shape, makes one call into the services and answers."""

from accounts.views.passwords import PasswordView
from accounts.views.registration import ActivateView, RegisterView, ResendActivationView
from accounts.views.sessions import SessionViewSet
from accounts.views.sign_in import LoginView, LogoutView, RefreshView

__all__ = [
    "ActivateView",
    "LoginView",
    "LogoutView",
    "PasswordView",
    "RefreshView",
    "RegisterView",
    "ResendActivationView",
    "SessionViewSet",
]
