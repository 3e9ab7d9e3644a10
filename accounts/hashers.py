"""How passwords are kept."""

import unicodedata

from django.contrib.auth import hashers

#: To order accents costs the square of their number. Longer texts are no passwords here, and stay as they are.
MAX_NORMALIZED_LENGTH = 1024


def normalized(password: str) -> str:
    """Return the one text of all that look the same: NFKC, as NIST SP 800-63B asks.

    A Mac sends `é` as two characters, Windows as one, a Japanese keyboard wide letters: the same password.
    """
    if password.isascii() or len(password) > MAX_NORMALIZED_LENGTH:
        return password
    return unicodedata.normalize("NFKC", password)


class NormalizingHasher(hashers.BasePasswordHasher):
    """Takes the normalized text, and the text as it was typed, for hashes made before."""

    def verify(self, password: str, encoded: str) -> bool:
        """Try both texts where they differ, also when the first is right: the time tells nothing."""
        texts = dict.fromkeys((normalized(password), password))
        right = [super(NormalizingHasher, self).verify(text, encoded) for text in texts]
        return any(right)


class OwaspArgon2PasswordHasher(NormalizingHasher, hashers.Argon2PasswordHasher):
    """Argon2id with OWASP's parameters: about 35 ms, where Django's default, PBKDF2, takes 445 ms."""

    time_cost = 2
    memory_cost = 19 * 1024  # KiB
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        text = normalized(password)
        if text != password:
            super().encode(password, salt)  # as often as `verify`: Django hashes so for a user who does not exist
        return super().encode(text, salt)


class NormalizingPBKDF2PasswordHasher(NormalizingHasher, hashers.PBKDF2PasswordHasher):
    """For hashes that were brought along from elsewhere; the next login hashes them anew."""
