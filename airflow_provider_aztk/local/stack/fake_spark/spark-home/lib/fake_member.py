"""Be registered with a master, as a worker or an application, and follow it when it moves."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from fake_wire import Line, call, log, serve

if TYPE_CHECKING:
    import socket

RETRY_PAUSE = 2.0
RETRIES = 360


class Member:
    """One registration.

    :param listener: where a new master says that it is the master now
    :param card: what the master has to know; the id that it gives is kept in it
    """

    def __init__(self, secret: str, host: str, listener: socket.socket, card: dict[str, Any]) -> None:
        self._secret = secret
        self._host = host
        self._card = {**card, "callback": list(listener.getsockname()), "id": ""}
        self._moved = threading.Event()
        self._master: tuple[str, int] = ("", 0)
        serve(listener, secret, self._changed)

    @property
    def id(self) -> str:
        """Return the id under which this is registered."""
        return str(self._card["id"])

    def join(self, master: tuple[str, int]) -> Line:
        """Register once."""
        self._master = master
        line, reply = call(master, self._secret, {"register": self._card}, self._host)
        if not reply.get("ok"):
            line.close()
            raise PermissionError(str(reply.get("error")))
        self._card["id"] = reply["id"]
        log(f"registered with {master[0]}:{master[1]} as {reply['id']}")
        return line

    def stay(self, line: Line) -> None:
        """Stay registered: after a loss try the same master again, or the one that called. Gives up in the end."""
        failures = 0
        while failures < RETRIES:
            line.wait_for_end()
            line.close()
            log("lost the master, waiting for it or its successor")
            while failures < RETRIES:
                self._moved.wait(RETRY_PAUSE)
                self._moved.clear()
                try:
                    line = self.join(self._master)
                    failures = 0
                    break
                except OSError:
                    failures += 1

    def _changed(self, line: Line, message: dict[str, Any]) -> None:
        host, port = message["master_changed"]
        self._master = (host, port)
        self._moved.set()
        line.send({"ok": True})
