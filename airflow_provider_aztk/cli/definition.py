"""The commands of ``airflow aztk``. Each call of ``airflow`` imports this, so it must import little."""

# mypy: disallow-untyped-calls=False
from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.cli.cli_config import ActionCommand, Arg, CLICommand, GroupCommand, lazy_load_command

from airflow_provider_aztk.cli.options import COMMANDS

if TYPE_CHECKING:
    from airflow_provider_aztk.cli.options import Command

__all__ = ["get_cli_commands"]

_CONN_ID = Arg(
    ("--conn-id",),
    help="id of the Airflow connection of type aztk, as `airflow connections list` shows it (default aztk_default)",
    default="aztk_default",
)
_OUTPUT = Arg(("-o", "--output"), help="table (default) or json", choices=("table", "json"), default="table")
_YES = Arg(("-y", "--yes"), help="remove them; without it they are only listed", action="store_true")
_MIN_AGE = Arg(("--min-age",), help="keep those that are younger, in minutes (default 5)", type=float, default=5.0)
_KEEP_LOGS = Arg(("--keep-logs",), help="keep the drivers' logs in the storage account", action="store_true")

_FIELDS = (
    "Fields: kind (cluster or job), id, state, age, dag, run and task (that created it), run is over (yes, no, or "
    "unknown: created by another Airflow deployment, or by no run). "
    "The connection's fields: Batch service URL (host), Batch account name (login), Batch account key (password), "
    "and in the extra storage_account_name and storage_access_key; see docs/connection.md. "
    "Exit codes: 0, 1 with one line on standard error for an error, 2 for wrong arguments."
)
_LISTED = f"List all clusters and jobs of the Batch account, by whomever they were created. {_FIELDS}"
_REAPED = (
    "Remove clusters and jobs that this deployment ([aztk] deployment_id) created and whose DAG run is over or deleted;"
    f" without --yes they are only listed. {_FIELDS}"
)


def get_cli_commands() -> list[CLICommand]:
    """Return the provider's commands."""
    clusters = GroupCommand(
        name="clusters",
        help="Clusters and jobs on Azure Batch",
        subcommands=(
            ActionCommand(
                name="list",
                help="List all clusters and jobs of the account with their DAG runs",
                description=_LISTED,
                func=lazy_load_command("airflow_provider_aztk.cli.commands.list_clusters"),
                args=(_CONN_ID, _OUTPUT),
            ),
            ActionCommand(
                name="reap",
                help="Remove clusters and jobs of this deployment whose DAG run is over; lists only, without --yes",
                description=_REAPED,
                func=lazy_load_command("airflow_provider_aztk.cli.commands.reap_clusters"),
                args=(_CONN_ID, _OUTPUT, _YES, _MIN_AGE, _KEEP_LOGS),
            ),
        ),
    )
    of_the_accounts = [_command(command) for command in COMMANDS]
    return [GroupCommand(name="aztk", help="Spark on Azure Batch", subcommands=(clusters, *of_the_accounts))]


def _command(command: Command) -> ActionCommand:
    return ActionCommand(
        name=command.name,
        help=command.help,
        description=command.description,
        func=lazy_load_command(f"airflow_provider_aztk.cli.account_commands.{command.name}"),
        args=tuple(Arg(option.flags, **option.settings) for option in command.options),
    )
