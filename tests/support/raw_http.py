"""One connection to a server, byte by byte: what arrives in one read, and what in another, is the test's to say."""

import json
import socket
import time
from typing import Any

HOST = "127.0.0.1"
PATIENCE = 20


class RawConnection:
    def __init__(self, port: int) -> None:
        self.port = port
        self.socket = socket.create_connection((HOST, port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def send(self, *pieces: bytes) -> None:
        for number, piece in enumerate(pieces):
            if number:
                time.sleep(0.02)  # so that it arrives by itself
            self.socket.sendall(piece)

    def answer(self) -> tuple[int, dict[str, str], dict[str, Any]]:
        status = int(self.file.readline().split()[1])
        headers = {}
        while head := self.file.readline().strip():
            name, _, value = head.decode().partition(": ")
            assert name not in headers
            headers[name] = value
        return status, headers, json.loads(self.file.read(int(headers["content-length"])))

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def is_closed(self) -> bool:
        return self.file.read(1) == b""
