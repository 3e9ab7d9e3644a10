"""The old addresses, at the root. They are always here: the setting TILL_LEGACY decides which of them answer."""

from django.urls import URLPattern, URLResolver, path

from legacy.accounts import views as accounts
from legacy.shop import views as shop
from legacy.users import LegacyUsersView

urlpatterns: list[URLPattern | URLResolver] = [
    path("register", accounts.AccountsRegisterView.as_view()),
    path("login", accounts.AccountsLoginView.as_view()),
    path("user/about", accounts.AboutView.as_view()),
    path("user/accounts", accounts.OwnAccountsView.as_view()),
    path("users/payments", accounts.PaymentsView.as_view()),
    path("users/create", accounts.CreateUserView.as_view()),
    path("users/update/<int:user_id>", accounts.UpdateUserView.as_view()),
    path("users/delete/<int:user_id>", accounts.DeleteUserView.as_view()),
    path("users/me", shop.ShopMeView.as_view()),
    path("users/<int:pk>", shop.UserSwitchView.as_view()),
    path("users", LegacyUsersView.as_view()),
    path("auth", shop.ShopLoginView.as_view()),
    path("products", shop.LegacyProductsView.as_view()),
    path("products/buy", shop.LegacyBuyView.as_view()),
    path("products/<int:pk>", shop.LegacyProductView.as_view()),
]
