"""The options of ``doctor`` and ``verify``, for ``airflow aztk`` and for ``python -m airflow_provider_aztk``.

Both parsers are built from these, so this imports nothing: each call of ``airflow`` builds its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["COMMANDS", "CONN_ID", "Command", "Option"]


@dataclass(frozen=True)
class Option:
    """One option.

    :param flags: its names.
    :param settings: of ``argparse.ArgumentParser.add_argument``.
    """

    flags: tuple[str, ...]
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command that needs a connection, and no database of Airflow.

    :param main: its function, ``package.name``: it gets the parsed options and what reads the connection's
        credentials, and returns the exit code.
    """

    name: str
    help: str
    description: str
    main: str
    options: tuple[Option, ...]


def minutes(text: str) -> int:
    """Read the limit of a run."""
    value = int(text)
    if not 10 <= value <= 60:
        import argparse

        raise argparse.ArgumentTypeError("give 10 to 60 minutes")
    return value


CONN_ID = Option(
    ("--conn-id",),
    {
        "help": "id of the Airflow connection of type aztk (default aztk_default)",
        "default": "aztk_default",
    },
)

_CONNECTION = (
    "`airflow aztk` reads the connection from Airflow, `python -m airflow_provider_aztk` from the environment variable "
    "AIRFLOW_CONN_<ID>, e.g. AIRFLOW_CONN_AZTK_DEFAULT. "
)

DOCTOR = Command(
    name="doctor",
    help="Check accounts, roles, quotas, VM size, image and registry on Azure; creates no node",
    description=(
        "Check, without creating a node, what a cluster needs: sign-in and roles on both accounts, quotas, VM size, VM "
        "image, storage features, container image, clocks. Each line is ok, warning or error, with its fix. See "
        f"docs/doctor.md. {_CONNECTION}"
        "Exit codes: 0 without an error (warnings are no error), 1 with one, 2 for wrong arguments."
    ),
    main="airflow_provider_aztk.doctor.main",
    options=(
        CONN_ID,
        Option(
            ("--cluster",),
            {
                "help": "YAML or JSON file with the definition of a cluster or job, as operators take it; "
                "default two nodes of the default size",
                "metavar": "FILE",
            },
        ),
        Option(("--json",), {"help": "print JSON", "action": "store_true"}),
    ),
)
VERIFY = Command(
    name="verify",
    help="Create a small cluster on Azure and compare what Azure does with what the local stack does",
    description=(
        "Run the product's main paths on the smallest cluster, and report where Azure differs from the local stack. "
        "Says beforehand what it will create, and asks; deletes everything at the end. See docs/verify.md. "
        f"{_CONNECTION}"
        "Exit codes: 0 passed and nothing differs, 3 passed and something differs, 1 for an error, 130 interrupted, "
        "2 for wrong arguments."
    ),
    main="airflow_provider_aztk.verify.main",
    options=(
        CONN_ID,
        Option(("-y", "--yes"), {"help": "create it without asking", "action": "store_true"}),
        Option(
            ("--output",),
            {"help": "directory for the report (default: one of the run's name, here)", "metavar": "DIR"},
        ),
        Option(
            ("--nodes",),
            {
                "help": "nodes of the cluster, and at once in all: 1 or 2 (default 2)",
                "type": int,
                "choices": (1, 2),
                "default": 2,
            },
        ),
        Option(
            ("--minutes",),
            {
                "help": "the longest time that anything may live on Azure: 10 to 60 (default 30)",
                "type": minutes,
                "metavar": "N",
                "default": 30,
            },
        ),
        Option(
            ("--patience",),
            {
                "help": "seconds to wait for what may never happen (default 180)",
                "type": float,
                "metavar": "SECONDS",
                "default": 180.0,
            },
        ),
        Option(("--vm-size",), {"help": "size of the nodes (default that of the product)", "metavar": "SIZE"}),
        Option(("--image",), {"help": "image of the containers (default that of the product)", "metavar": "IMAGE"}),
    ),
)
COMMANDS = (DOCTOR, VERIFY)
