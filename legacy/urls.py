"""The old addresses, at the root. They are always here: the setting TILL_LEGACY decides which of them answer."""

from django.urls import URLPattern, path

from legacy.accounts import views as accounts
from legacy.shop import views as shop
from legacy.users import LegacyUsersView
from legacy.wallets import account_views as wallet_accounts
from legacy.wallets import money_views as wallet_money

urlpatterns: list[URLPattern] = [
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
    path("auth/register", wallet_accounts.WalletRegisterView.as_view()),
    path("auth/login", wallet_accounts.WalletLoginView.as_view()),
    path("auth/register_service", wallet_accounts.RegisterServiceView.as_view()),
    path("service/auth/login", wallet_accounts.ServiceLoginView.as_view()),
    path("user/get/id", wallet_accounts.OwnIdView.as_view()),
    path("user/get/token", wallet_accounts.OwnTokenView.as_view()),
    path("user/wallets", wallet_accounts.OwnWalletsView.as_view()),
    path("user/wallet", wallet_accounts.OwnWalletView.as_view()),
    path("user/create/external_wallet", wallet_accounts.AddExternalWalletView.as_view()),
    path("user/transactions", wallet_accounts.OwnTransactionsView.as_view()),
    path("wallet/transactions", wallet_accounts.WalletTransactionsView.as_view()),
    path("wallet/deposit", wallet_money.WalletDepositView.as_view()),
    path("wallet/withdraw", wallet_money.WalletWithdrawView.as_view()),
    path("wallet/transfer", wallet_money.WalletTransferView.as_view()),
    path("wallet/exchange", wallet_money.WalletExchangeView.as_view()),
    path("service/transaction/deposit", wallet_money.SettleDepositView.as_view()),
    path("service/transaction/withdraw", wallet_money.SettleWithdrawalView.as_view()),
    path("products", shop.LegacyProductsView.as_view()),
    path("products/buy", shop.LegacyBuyView.as_view()),
    path("products/<int:pk>", shop.LegacyProductView.as_view()),
]

#: The old services took a slash at the end, too. No document has these.
with_slash: list[URLPattern] = [path(f"{one.pattern}/", one.callback) for one in urlpatterns]
