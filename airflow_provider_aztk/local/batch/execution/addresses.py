"""Loopback addresses for nodes: a block of its own for every stack, locked against others."""

from __future__ import annotations

import random
import socket
import sys
from contextlib import suppress

from airflow_provider_aztk.local.batch.common.loopback import LOOPBACK

__all__ = ["AddressPool"]

# A listening socket here says that the block is taken; any fixed port does.
_LOCK_PORT = 29877
_FIRST, _LAST = 2, 254
_ATTEMPTS = 200


class AddressPool:
    """Gives each node an address of a 127.a.b.0/24 that no other stack on this machine uses.

    On systems where only 127.0.0.1 answers (macOS without further set-up) every node gets 127.0.0.1.
    """

    def __init__(self) -> None:
        self._locks: list[socket.socket] = []
        self._free: list[str] = []

    def take(self) -> str:
        """Take a free address."""
        if not self._free and not self._lock_block():
            return LOOPBACK
        return self._free.pop()

    def give_back(self, address: str) -> None:
        """Return an address. It is used again last, so that a late process of the old node meets nobody."""
        if address != LOOPBACK:
            self._free.insert(0, address)

    def close(self) -> None:
        """Release all blocks."""
        for lock in self._locks:
            lock.close()
        self._locks.clear()
        self._free.clear()

    def _lock_block(self) -> bool:
        if sys.platform != "linux":
            return False
        chooser = random.SystemRandom()
        for _ in range(_ATTEMPTS):
            prefix = f"127.{chooser.randint(1, 254)}.{chooser.randint(1, 254)}"
            lock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            with suppress(OSError):
                lock.bind((f"{prefix}.1", _LOCK_PORT))
                lock.listen(1)
                self._locks.append(lock)
                self._free = [f"{prefix}.{last}" for last in range(_LAST, _FIRST - 1, -1)]
                return True
            lock.close()
        return False
