"""Paths of accounts, relative to /api/v1/."""

from django.urls import path

from accounts import views

urlpatterns = [
    path("auth/register", views.RegisterView.as_view(), name="auth-register"),
    path("auth/activate/<str:token>", views.ActivateView.as_view(), name="auth-activate"),
    path("auth/activation/resend", views.ResendActivationView.as_view(), name="auth-resend-activation"),
    path("auth/login", views.LoginView.as_view(), name="auth-login"),
    path("auth/refresh", views.RefreshView.as_view(), name="auth-refresh"),
    path("auth/logout", views.LogoutView.as_view(), name="auth-logout"),
    path("auth/sessions", views.SessionViewSet.as_view({"get": "list", "delete": "end_all"}), name="auth-sessions"),
    path("auth/sessions/<uuid:pk>", views.SessionViewSet.as_view({"delete": "destroy"}), name="auth-session"),
    path("auth/password/reset", views.PasswordResetView.as_view(), name="auth-password-reset"),
    path("auth/password/reset/<str:token>", views.PasswordResetLinkView.as_view(), name="auth-password-reset-link"),
    path("auth/second-factor", views.SecondFactorView.as_view(), name="auth-second-factor"),
    path("auth/second-factor/confirm", views.ConfirmSecondFactorView.as_view(), name="auth-second-factor-confirm"),
    path("auth/second-factor/recovery-codes", views.RecoveryCodesView.as_view(), name="auth-recovery-codes"),
    path("auth/second-factor/disable", views.DisableSecondFactorView.as_view(), name="auth-second-factor-disable"),
    path("auth/password", views.PasswordView.as_view(), name="auth-password"),
    path("auth/email", views.EmailView.as_view(), name="auth-email"),
    path("auth/email/<str:token>", views.EmailLinkView.as_view(), name="auth-email-link"),
]
