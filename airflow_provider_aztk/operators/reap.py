"""Remove clusters, jobs and pools that nobody needs any more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.configuration.limits import MIN_AGE, Duration, as_timedelta
from airflow_provider_aztk.exceptions import AztkTaskError, final_errors
from airflow_provider_aztk.operators.base import AztkOperator
from airflow_provider_aztk.settings import deployment_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

__all__ = ["AztkReapClustersOperator"]


class AztkReapClustersOperator(AztkOperator):
    """Find clusters and jobs whose DAG run is over (or deleted), and pools that outlived their job, and remove them.

    ``dagrun_timeout`` and a lost scheduler skip teardown tasks; this finds what they left. Only what this Airflow
    deployment made is found (``[aztk] deployment_id``). The task's result: the ids that were, or would be, removed.

    :param dry_run: only say what would be removed; default True.
    :param min_age: leave younger ones alone; default 5 minutes.
    :param keep_logs: keep the drivers' logs in the storage account; default False.
    :raises AztkTaskError: where something could not be removed; the rest was.
    """

    template_fields: Sequence[str] = ("aztk_conn_id",)

    def __init__(
        self, *, dry_run: bool = True, min_age: Duration = MIN_AGE, keep_logs: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.only_report = dry_run  # BaseOperator has a method of the name dry_run
        self.min_age = min_age
        self.keep_logs = keep_logs

    def execute(self, context: Context) -> list[str]:
        """Remove them."""
        from airflow_provider_aztk.reaper import find, reap

        ti: Any = context["ti"]

        def run_is_over(dag_id: str, run_id: str) -> bool:
            alive = ti.get_dr_count(dag_id=dag_id, run_ids=[run_id], states=["queued", "running"])
            return bool(alive == 0)

        deployment = deployment_id()
        with final_errors(self.hook), self.hook.get_client() as client:
            reaped = reap(
                client,
                find(client, deployment, run_is_over),
                deployment=deployment,
                dry_run=self.only_report,
                min_age=as_timedelta(self.min_age) or timedelta(0),
                keep_logs=self.keep_logs,
            )
        for owned in reaped.removed:
            verb = "Would remove" if self.only_report else "Removed"
            self.log.info(
                "%s %s %s of %s, %s, %s", verb, owned.kind, owned.id, owned.dag_id, owned.run_id, owned.task_id
            )
        for owned, error in reaped.failed:
            self.log.error("%s %s cannot be removed: %s", owned.kind, owned.id, error)
        if reaped.failed:
            raise AztkTaskError("cannot be removed: " + ", ".join(owned.id for owned, _ in reaped.failed))
        return [owned.id for owned in reaped.removed]
