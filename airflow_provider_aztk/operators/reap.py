"""Remove clusters and jobs that nobody needs any more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.operators.base import AztkOperator
from airflow_provider_aztk.utils.limits import MIN_AGE, Duration, as_timedelta
from airflow_provider_aztk.utils.settings import deployment_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

__all__ = ["AztkReapClustersOperator"]


class AztkReapClustersOperator(AztkOperator):
    """Find clusters and jobs whose DAG run is over (or deleted), and remove them.

    ``dagrun_timeout`` and a lost scheduler skip teardown tasks; this finds what they left. Only what this Airflow
    deployment made is looked at (``[aztk] deployment_id``). The task's result: the ids that were, or would be, removed.

    :param dry_run: only say what would be removed; default True.
    :param min_age: leave younger ones alone; default 5 minutes.
    """

    template_fields: Sequence[str] = ("aztk_conn_id",)

    def __init__(self, *, dry_run: bool = True, min_age: Duration = MIN_AGE, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.only_report = dry_run  # BaseOperator has a method of the name dry_run
        self.min_age = min_age

    def execute(self, context: Context) -> list[str]:
        """Remove them."""
        from airflow_provider_aztk.utils.reaper import find, reap

        ti: Any = context["ti"]

        def run_is_over(dag_id: str, run_id: str) -> bool:
            alive = ti.get_dr_count(dag_id=dag_id, run_ids=[run_id], states=["queued", "running"])
            return bool(alive == 0)

        with self.hook.get_client() as client:
            found = find(client, deployment_id(), run_is_over)
            gone = reap(client, found, dry_run=self.only_report, min_age=as_timedelta(self.min_age) or timedelta(0))
        for owned in gone:
            verb = "Would remove" if self.only_report else "Removed"
            self.log.info(
                "%s %s %s of %s, %s, %s", verb, owned.kind, owned.id, owned.dag_id, owned.run_id, owned.task_id
            )
        return [owned.id for owned in gone]
