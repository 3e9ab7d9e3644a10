"""From an ASGI request whose body was gathered to what WSGI calls its environment."""

import io
import sys
from collections.abc import Iterator, MutableMapping
from typing import Any, BinaryIO, Self

#: Bytes of a file that are read at a time.
BLOCK = 64 * 1024
_DROPPED = {b"content-length", b"transfer-encoding"}


class FileToSend:
    """PEP 3333's `wsgi.file_wrapper`: Django hands over the file itself, so that no thread reads it for a client."""

    def __init__(self, file: BinaryIO, block_size: int = BLOCK) -> None:  # noqa: ARG002  Django's are small
        self._file = file

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self._file.read(BLOCK), b"")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def environ_of(scope: MutableMapping[str, Any], body: bytes) -> dict[str, Any]:
    """Return the environment with a true length, an ASCII query, and no header that WSGI would take for another.

    In WSGI `X_Forwarded_For` and `X-Forwarded-For` are one name; a proxy cleans only the second.
    """
    server, port = scope.get("server") or ("localhost", 80)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": "".join(chr(byte) if byte < 0x80 else f"%{byte:02X}" for byte in scope["query_string"]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": server,
        "SERVER_PORT": str(port or 0),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileToSend,
    }
    if client := scope.get("client"):
        environ["REMOTE_ADDR"] = client[0]
    _add_headers(environ, scope["headers"])
    environ["CONTENT_LENGTH"] = str(len(body))
    return environ


def _add_headers(environ: dict[str, Any], headers: list[tuple[bytes, bytes]]) -> None:
    """Those of one name are joined, as PEP 3333 has it."""
    for name, value in headers:
        if b"_" in name or name in _DROPPED:
            continue
        key = "CONTENT_TYPE" if name == b"content-type" else "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]},{text}" if key in environ else text
