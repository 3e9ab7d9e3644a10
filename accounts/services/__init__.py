"""Everything that changes a user. Views, the staff site and commands call these and nothing below them."""

from accounts.services.administration import (
    LastAdmin,
    OwnAccount,
    create_user,
    disable_user,
    enable_user,
    insert_active_user,
    set_role,
)
from accounts.services.deletion import anonymise_user, destroy_user
from accounts.services.email_change import change_email, request_email_change
from accounts.services.link_requests import request_password_reset, resend_activation
from accounts.services.locking import UnknownUser, UserDeleted, lock_user, lock_with_admins
from accounts.services.outgoing_mail import queue_activation_mail, send_next_mail
from accounts.services.password_reset import reset_password
from accounts.services.passwords import (
    WeakPassword,
    WrongPassword,
    change_password,
    check_new_password,
    set_password,
)
from accounts.services.registration import (
    Activation,
    EmailTaken,
    activate,
    insert_user,
    register,
    register_with_link,
    update_user,
)
from accounts.services.sessions import UnknownSession, end_other_sessions, end_session, end_sessions
from accounts.services.sign_in import InvalidCredentials, LoginLocked, sign_in
from accounts.services.support import NotAnOrdinaryUser, is_support, keep_support_group, set_support

__all__ = [
    "Activation",
    "EmailTaken",
    "InvalidCredentials",
    "LastAdmin",
    "LoginLocked",
    "NotAnOrdinaryUser",
    "OwnAccount",
    "UnknownSession",
    "UnknownUser",
    "UserDeleted",
    "WeakPassword",
    "WrongPassword",
    "activate",
    "anonymise_user",
    "change_email",
    "change_password",
    "check_new_password",
    "create_user",
    "destroy_user",
    "disable_user",
    "enable_user",
    "end_other_sessions",
    "end_session",
    "end_sessions",
    "insert_active_user",
    "insert_user",
    "is_support",
    "keep_support_group",
    "lock_user",
    "lock_with_admins",
    "queue_activation_mail",
    "register",
    "register_with_link",
    "request_email_change",
    "request_password_reset",
    "resend_activation",
    "reset_password",
    "send_next_mail",
    "set_password",
    "set_role",
    "set_support",
    "sign_in",
    "update_user",
]
