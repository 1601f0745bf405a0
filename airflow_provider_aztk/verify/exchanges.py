"""The requests of a run and their answers, as they go into the report."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_aztk.client._azure.refusals import BATCH
from airflow_provider_aztk.verify.plan import PREFIX

if TYPE_CHECKING:
    from airflow_provider_aztk.client._azure.exchanges import Exchange

__all__ = ["Exchanges"]

#: Longer bodies are cut; nothing here needs so much but lists of other people's things.
_LONGEST = 32_000
_MOST = 5_000
#: Polls repeat themselves: the report shows this many of one kind in a row at most.
_IN_A_ROW = 3
#: Lists of everything in the account.
_LISTS = ("jobs", "pools", "nodecounts")


class Exchanges:
    """Keeps the exchanges with Batch, and those with Storage without the content of blobs.

    Any number of threads may note exchanges.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: list[dict[str, Any]] = []
        self._row: tuple[str, int] = ("", 0)
        self._last: Exchange | None = None
        self.question: str | None = None

    def note(self, service: str, exchange: Exchange) -> None:
        """Keep an exchange.

        :param service: which service was asked.
        """
        is_batch = service == BATCH
        with self._lock:
            if is_batch:
                self._last = exchange
            key = f"{exchange.method} {exchange.url} {exchange.status}"
            self._row = (key, self._row[1] + 1 if self._row[0] == key else 1)
            if self._row[1] > _IN_A_ROW or len(self._kept) >= _MOST:
                return
            self._kept.append(_entry(exchange, self.question, with_bodies=is_batch))

    def last(self) -> Exchange | None:
        """Return the last exchange with Batch."""
        with self._lock:
            return self._last

    def entries(self) -> list[dict[str, Any]]:
        """Return what goes into the report, the oldest first; not redacted yet."""
        with self._lock:
            return list(self._kept)


def _entry(exchange: Exchange, question: str | None, *, with_bodies: bool) -> dict[str, Any]:
    failed = exchange.status is None or exchange.status >= 400
    return {
        "service": "batch" if with_bodies else "storage",
        "question": question,
        "method": exchange.method,
        "url": exchange.url,
        "headers": dict(exchange.headers),
        "body": _readable(exchange.body) if with_bodies else None,
        "status": exchange.status,
        "answer_headers": dict(exchange.answer_headers),
        "answer": _own_entries(_readable(exchange.answer), exchange.url) if with_bodies or failed else None,
    }


def _own_entries(answer: Any, url: str) -> Any:
    """Leave out of a list of the account what is no run's: it may name other people's work."""
    if not isinstance(answer, dict) or not isinstance(answer.get("value"), list):
        return answer
    if urlsplit(url).path.strip("/") not in _LISTS:
        return answer
    own = [entry for entry in answer["value"] if PREFIX in json.dumps(entry)]
    return {**answer, "value": own, "left_out": len(answer["value"]) - len(own)}


def _readable(body: bytes) -> Any:
    """Return a body as JSON, else as text."""
    if not body:
        return None
    try:
        text = body.decode()
        if len(text) > _LONGEST:
            return f"({len(body)} bytes, not kept)"
        return json.loads(text)
    except UnicodeDecodeError:
        return f"({len(body)} bytes)"
    except ValueError:
        return text
