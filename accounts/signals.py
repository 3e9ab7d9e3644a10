"""What other apps hear about users. A receiver runs in the atomic block of the change: if it raises, nothing happened.

Django's signals are used because `accounts` may not import the apps above it. The callers are many: registration, the
API of users, the staff site and two commands. If a use case above opened the wallets, each of them could forget it.
"""

from django.dispatch import Signal

#: `users` were just inserted.
users_added = Signal()
#: `users` have another role now.
role_changed = Signal()
