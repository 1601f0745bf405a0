"""Download a file from a web address whose query may hold a signature, which Spark would show, and take for a name."""

from __future__ import annotations

import http.client
import os
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Callable, Tuple

from airflow_provider_aztk.node.errors import BadInputError
from airflow_provider_aztk.node.storage.wire import is_loopback

__all__ = ["fetch"]

TRIES = 5
TIMEOUT = 60.0  # seconds without a byte
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})


def fetch(url: str, path: str, pause: float, before: Callable[[], object] = lambda: None) -> str:
    """Download a URL into a file, and return the file's path.

    :param pause: seconds before the second try; grows with each
    :param before: called before each try; may raise to stop
    :raises BadInputError: it cannot be downloaded; the message does not hold the query
    """
    for left in reversed(range(TRIES)):
        before()
        why, may_heal = _try(url, path)
        if not why:
            return path
        if not may_heal or not left:
            break
        time.sleep(pause * (TRIES - left))
    parts = urllib.parse.urlsplit(url)
    raise BadInputError(f"cannot fetch {parts.scheme}://{parts.hostname}{parts.path}: {why}")


def _try(url: str, path: str) -> Tuple[str, bool]:
    """Return why it failed, empty if it did not, and whether another try may succeed."""
    part = path + ".part"
    url = urllib.parse.quote(url, safe="%/:=&?~#+!$,;'@()*[]")  # what is not encoded yet
    try:
        with _opener(url).open(url, timeout=TIMEOUT) as answer, open(part, "wb") as file:
            shutil.copyfileobj(answer, file)
            length = answer.headers.get("Content-Length")
            if length and length.isdigit() and file.tell() != int(length):
                return "the answer was cut short", True
        os.replace(part, path)
    except urllib.error.HTTPError as error:
        error.close()
        return f"HTTP status {error.code}", error.code in RETRIED
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__, True
    except ValueError:
        return "it is no URL that can be fetched", False
    return "", False


def _opener(url: str) -> urllib.request.OpenerDirector:
    """Return an opener that uses the proxy of the environment for other hosts, and never for this machine."""
    local = is_loopback(urllib.parse.urlsplit(url).hostname or "")
    return urllib.request.build_opener(urllib.request.ProxyHandler({} if local else None))
