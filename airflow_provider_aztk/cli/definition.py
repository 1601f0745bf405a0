"""The commands of ``airflow aztk``; read on every call of ``airflow``, so nothing heavy is imported here."""

# mypy: disallow-untyped-calls=False
from __future__ import annotations

from airflow.cli.cli_config import ActionCommand, Arg, CLICommand, GroupCommand, lazy_load_command

__all__ = ["get_cli_commands"]

_CONN_ID = Arg(
    ("--conn-id",),
    help="id of the Airflow connection of type aztk, as `airflow connections list` shows it (default aztk_default)",
    default="aztk_default",
)
_OUTPUT = Arg(("-o", "--output"), help="table (default) or json", choices=("table", "json"), default="table")
_YES = Arg(("-y", "--yes"), help="really remove them; without it only what would go is listed", action="store_true")
_MIN_AGE = Arg(("--min-age",), help="leave younger ones alone: minutes (default 5)", type=float, default=5.0)
_KEEP_LOGS = Arg(("--keep-logs",), help="keep the drivers' logs in the storage account", action="store_true")

_FIELDS = (
    "Fields: kind (cluster or job), id, state, age, dag, run and task (whose it is), run is over (yes, no, or unknown: "
    "not of this Airflow deployment, or of no run). "
    "The connection's fields: Batch service URL (host), Batch account name (login), Batch account key (password), "
    "and in the extra storage_account_name and storage_access_key; see docs/connection.md. "
    "Ends with 0, with 1 and one line on standard error where something is wrong, with 2 for wrong arguments."
)
_LISTED = f"List all clusters and jobs of the Batch account, whoever made them. {_FIELDS}"
_REAPED = (
    "Remove clusters and jobs that this deployment ([aztk] deployment_id) made and whose DAG run is over or deleted; "
    f"without --yes they are only listed. {_FIELDS}"
)


def get_cli_commands() -> list[CLICommand]:
    """Give Airflow the provider's commands."""
    clusters = GroupCommand(
        name="clusters",
        help="Clusters and jobs on Azure Batch",
        subcommands=(
            ActionCommand(
                name="list",
                help="List all clusters and jobs of the account with their owners",
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
    return [GroupCommand(name="aztk", help="Spark on Azure Batch", subcommands=(clusters,))]
