"""How requests leave this process: whole answers, limits that are for an answer, and no proxy for this machine.

* Every answer is read to its end and checked before anybody sees it (``answers.py``), also where the SDK wants to
  stream: what is asked for here is 4 MiB at most.
* A body is sent in small pieces. The socket's limit is for each of them, so it says how long the line may be silent and
  not how long the whole may take. The answer may come later the more was sent, since a slow line keeps it in buffers.
* Loopback never goes through a proxy of the environment.
"""

from __future__ import annotations

import io
import os
import time
from typing import TYPE_CHECKING, Any

import urllib3
from azure.core.exceptions import AzureError, ServiceResponseError
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from airflow_provider_aztk.client._azure.answers import check_answer, seconds_for
from airflow_provider_aztk.client._azure.exchanges import Exchange, shown_answer_headers, shown_headers
from airflow_provider_aztk.client._loopback import is_loopback_url

if TYPE_CHECKING:
    import requests

    from airflow_provider_aztk.client._azure.clock import ServiceClock
    from airflow_provider_aztk.client._azure.exchanges import Observer

CONNECT_TIMEOUT = 10
READ_TIMEOUT = 60
#: Bodies above this many bytes are sent piece by piece.
PIECE = 16 * 1024
_CONNECTIONS = 10


def transport_options(url: str) -> dict[str, Any]:
    """Return the options that the sync and the async transport share."""
    return {
        "connection_timeout": CONNECT_TIMEOUT,
        "read_timeout": READ_TIMEOUT,
        "use_env_settings": not is_loopback_url(url),
    }


def body_size(request: Any) -> int:
    """Return how many bytes a request sends."""
    body = request.data
    return len(body) if isinstance(body, bytes | bytearray | str) else 0


class WholeAnswerTransport(RequestsTransport):  # type: ignore[misc]  # azure-core exports it lazily
    """azure-core's transport over requests, with whole answers.

    :param url: the service's URL.
    :param clock: notes the time of every answer.
    :param limit: seconds that connecting, and the answer to a small request, may take; for callers in a hurry.
    :param observer: is called with every request and its answer.
    """

    def __init__(
        self, url: str, clock: ServiceClock, limit: float = READ_TIMEOUT, observer: Observer | None = None
    ) -> None:
        super().__init__(**transport_options(url), connection_verify=_trusted(url))
        self._clock = clock
        self._limit = limit
        self._observer = observer

    def open(self) -> None:
        """Open the session, with our own way to send."""
        fresh = self.session is None
        super().open()
        if fresh and self.session is not None:
            for scheme in ("http://", "https://"):
                self.session.mount(scheme, _WholeAnswers(self._clock, self._limit, self._observer))

    def send(self, request: Any, **kwargs: Any) -> Any:
        """Send a request and read its whole answer.

        :raises AzureError: whatever was wrong with it.
        """
        limit = min(self._limit, kwargs.get("read_timeout", READ_TIMEOUT))
        kwargs["read_timeout"] = seconds_for(body_size(request), limit)
        kwargs["connection_timeout"] = min(self._limit, kwargs.get("connection_timeout", CONNECT_TIMEOUT))
        try:
            return super().send(request, **kwargs)
        except AzureError:
            raise
        except (OSError, urllib3.exceptions.HTTPError) as error:  # what azure-core does not know
            raise ServiceResponseError(str(error), error=error) from error


class _WholeAnswers(HTTPAdapter):
    def __init__(self, clock: ServiceClock, limit: float, observer: Observer | None) -> None:
        no_retries = Retry(total=False, redirect=False, raise_on_status=False)
        super().__init__(max_retries=no_retries, pool_maxsize=_CONNECTIONS)
        self._clock = clock
        self._limit = limit
        self._observer = observer

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if isinstance(request.body, bytes) and len(request.body) > PIECE:
            request.body = io.BytesIO(request.body)  # read in pieces of 16 KiB; its length is in the headers already
        return super().send(request, *args, **kwargs)

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        method = str(req.method)
        try:
            body = _read_whole(resp, self._limit)
        except (OSError, urllib3.exceptions.HTTPError) as error:
            resp.close()
            self._observe(req)
            raise ServiceResponseError(f"the answer to {method} broke off: {error}", error=error) from error
        resp.release_conn()
        self._observe(req, resp, body)
        check_answer(method, resp.status, resp.headers, body)
        self._clock.note(resp.headers.get("Date"))
        whole = urllib3.HTTPResponse(
            body=io.BytesIO(body),
            headers=resp.headers,
            status=resp.status,
            reason=resp.reason,
            preload_content=False,
            decode_content=False,
            request_method=method,
        )
        return super().build_response(req, whole)

    def _observe(self, req: requests.PreparedRequest, resp: Any = None, answer: bytes = b"") -> None:
        if self._observer is None:
            return
        body = req.body.encode() if isinstance(req.body, str) else req.body if isinstance(req.body, bytes) else b""
        request = (str(req.method), str(req.url), shown_headers(req.headers), body)
        answered = () if resp is None else (resp.status, shown_answer_headers(resp.headers), answer)
        self._observer(Exchange(*request, *answered))


def _trusted(url: str) -> str | bool:
    """Return the certificates to trust; requests reads none of the environment where it must ignore proxies."""
    variables = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if is_loopback_url(url) else ()
    return next((os.environ[name] for name in variables if os.environ.get(name)), True)


def _read_whole(resp: Any, limit: float) -> bytes:
    """Read an answer to its end, in the time that the slowest line needs for it."""
    length = resp.headers.get("Content-Length") or ""
    end = time.monotonic() + seconds_for(int(length) if length.isdigit() else 0, limit)
    read = getattr(resp, "read1", resp.read)  # what is there, rather than waiting for as much as was asked for
    pieces = []
    while piece := read(PIECE, decode_content=False):
        pieces.append(piece)
        if time.monotonic() > end:
            raise TimeoutError(f"after {sum(map(len, pieces))} of {length or 'some'} bytes it was too slow")
    return b"".join(pieces)
