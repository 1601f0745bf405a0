"""Read a spark-env.sh as far as that needs no shell."""

from __future__ import annotations

import re

__all__ = ["assignments"]

_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?(SPARK_[A-Z_]+)=(\"[^\"]*\"|'[^']*'|[^\s#;]*)\s*(?:#.*|;.*)?$")


def assignments(text: str) -> dict[str, str]:
    """Read the plain assignments of a spark-env.sh; what only a shell can evaluate is left to the node."""
    found = {}
    for line in text.splitlines():
        match = _ASSIGNMENT.match(line)
        if match and "$" not in match.group(2) and "`" not in match.group(2):
            found[match.group(1)] = match.group(2).strip("\"'")
    return found
