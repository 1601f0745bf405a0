"""Ctrl-C, SIGTERM and a closed terminal end a run in order: what it made is deleted before the process ends."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["InterruptedRunError", "Interrupts"]

#: Windows has no SIGHUP, which a terminal sends that is closed.
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class InterruptedRunError(BaseException):
    """Somebody wants the run to end. No handler of ordinary errors takes it for one.

    :param number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Interrupts:
    """Raises :class:`InterruptedRunError` at the first signal; after it, or once the deletion begins, it only says so.

    :param say: is called for a signal that changes nothing.
    """

    def __init__(self, say: Callable[[], None]) -> None:
        self._say = say
        self.is_ending = False

    def end(self) -> None:
        """Raise nothing from now on."""
        self.is_ending = True

    @contextlib.contextmanager
    def handled(self) -> Iterator[None]:
        """Handle the signals of this process; in a thread that is not its main one, nothing is changed."""
        if threading.current_thread() is not threading.main_thread():  # Python allows it in the main thread only
            yield
            return
        heeded = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]  # not under nohup
        before = {number: signal.signal(number, self._handle) for number in heeded}
        try:
            yield
        finally:
            for number, old in before.items():
                signal.signal(number, old)

    def _handle(self, number: int, frame: Any) -> None:
        if self.is_ending:
            self._say()
            return
        self.is_ending = True
        raise InterruptedRunError(number)
