"""Fetch a file from a web address whose query may hold a signature: Spark would show it, and take it for a name."""

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
from airflow_provider_aztk.node.timings import hasty

__all__ = ["fetch"]

TRIES = 5
TIMEOUT = 60.0  # seconds without a byte
PAUSE = 2.0
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


def fetch(url: str, path: str, before: Callable[[], object] = lambda: None) -> str:
    """Write what stands at a URL to a file, and return its path.

    :param before: called before each try; may raise to end it all
    :raises BadInputError: it cannot be fetched; the message has no query
    """
    for left in reversed(range(TRIES)):
        before()
        why, passing = _try(url, path)
        if not why:
            return path
        if not passing or not left:
            break
        time.sleep(hasty(PAUSE * (TRIES - left)))
    parts = urllib.parse.urlsplit(url)
    raise BadInputError(f"cannot fetch {parts.scheme}://{parts.hostname}{parts.path}: {why}")


def _try(url: str, path: str) -> Tuple[str, bool]:
    """Return why it failed, or nothing, and whether it may be better next time."""
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
        return f"HTTP status {error.code}", error.code in PASSING
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__, True
    except ValueError:
        return "it is no URL that can be fetched", False
    return "", False


def _opener(url: str) -> urllib.request.OpenerDirector:
    """Return what opens a URL: a proxy of the environment is for the world outside, never for this machine."""
    local = is_loopback(urllib.parse.urlsplit(url).hostname or "")
    return urllib.request.build_opener(urllib.request.ProxyHandler({} if local else None))
