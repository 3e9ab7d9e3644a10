"""What all HTTP clients of the tests share."""

import ssl

#: For `verify`: without it each new client loads a file of certificates (40 ms of CPU), and nothing here is encrypted.
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
