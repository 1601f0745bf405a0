"""What a user's spark-env.sh and spark-defaults.conf must not set, as far as that shows without a shell or a node."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_aztk.client.models._spark_properties import check_defaults as check_default_properties
from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.spark import properties

if TYPE_CHECKING:
    from airflow_provider_aztk.client.models._faults import Faults

_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?(SPARK_[A-Z_]+)=(\"[^\"]*\"|'[^']*'|[^\s#;]*)\s*(?:#.*|;.*)?$")


def check_env(faults: Faults, field: str, path: object) -> None:
    """Refuse what a spark-env.sh must not set; what only a shell can evaluate is left to the node."""
    for fault in contract.spark_env_errors(assignments(_text(path))):
        faults.add(f"{field}: {fault.name}", fault.value, fault.fix)


def check_defaults(faults: Faults, field: str, path: object) -> None:
    """Refuse the properties of a spark-defaults.conf that would not count, or that Spark does not start with."""
    check_default_properties(faults, field, defaults(path))


def defaults(path: object) -> dict[str, str]:
    """Return the properties of a spark-defaults.conf; none where it cannot be read."""
    return properties.parse(_text(path))


def assignments(text: str) -> dict[str, str]:
    """Return the plain assignments of a spark-env.sh."""
    found = {}
    for line in text.splitlines():
        match = _ASSIGNMENT.match(line)
        if match and "$" not in match.group(2) and "`" not in match.group(2):
            found[match.group(1)] = match.group(2).strip("\"'")
    return found


def _text(path: object) -> str:
    """Return the text of a file, or nothing where it cannot be read, which is reported elsewhere."""
    if not isinstance(path, str):
        return ""
    try:
        return Path(path).expanduser().read_text(encoding="utf-8-sig", errors="replace")
    except (OSError, RuntimeError, ValueError):
        return ""
