"""Recognize Spark properties and environment variables that hold secrets, by their names."""

from __future__ import annotations

import re
from itertools import pairwise

__all__ = ["is_secret_name"]

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
# fs.azure.account.oauth2.client.secret.ACCOUNT.dfs.core.windows.net: the property of one account
_OF_AN_ACCOUNT = re.compile(r"\.[\w-]+(\.z\d+)?\.(dfs|blob)\..*$", re.I)
_AZURE = re.compile(r"\bfs\.azure\.(account\.key|sas)\b", re.I)
_PASSWORD = re.compile(r"\w*(password|passwd|passphrase)s?")
_SECRET = re.compile(r"sas|pwd|\w*(secret|token|(access|account|shared|api|secret|private)key)")
_PAIRS = frozenset({(kind, "key") for kind in ("access", "account", "shared", "api", "secret", "private")})
_CONNECTION = frozenset({("connection", "string"), ("conn", "string"), ("conn", "str"), ("sas", "url"), ("sas", "uri")})
# A name that ends so is about a secret (where it lies, how long it is) and does not hold it.
_ABOUT = re.compile(
    "algorithm|audience|bits|bucket|class|count|dir|disabled?|enabled?|endpoint|expiration|expiry|files?|folder|format|"
    "header|home|host|ids?|interval|issuer|len|length|lifetime|limit|location|mechanism|names?|paths?|pattern|period|"
    "policy|port|provider|rate|ratio|ref|regex|renewal|scope|size|timeout|ttl|type|uri|url|version"
)
_PASSES = frozenset({"by", "first", "high", "low", "max", "min", "multi", "num", "one", "second", "single", "two"})


def is_secret_name(name: str) -> bool:
    """Return whether the value under this name is a secret.

    What ends in a word about secrets (``..._FILE``, ``....enabled``, ``keyLength``) is none. Words such as *token*
    count only near the end of a name, and not in the plural, since ``MAX_TOKENS`` is harmless.

    :param name: of a Spark property or an environment variable.
    """
    name = _OF_AN_ACCOUNT.sub("", name)
    words = [word.lower() for word in _WORD.findall(name)]
    last = [word.lower() for word in _WORD.findall(name.rpartition(".")[2])]
    if not words:
        return False
    pairs = {*pairwise(last), *pairwise(words[-2:])}
    if pairs & _CONNECTION:
        return True
    if _ABOUT.fullmatch(words[-1]):
        return False
    return (
        bool(_AZURE.search(name) or pairs & _PAIRS)
        or any(_PASSWORD.fullmatch(word) for word in words)
        or any(_SECRET.fullmatch(word) for word in last[-2:] if word != "pwd" or len(words) > 1)
        or last[-1:] == ["secrets"]
        or (last[-1:] == ["pass"] and not _PASSES.intersection(last))
    )
