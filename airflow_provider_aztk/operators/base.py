"""What all operators share: the hook, templated configurations, links, and errors that Airflow understands."""

from __future__ import annotations

import time
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_aztk.configuration.build import as_template, parsed_template
from airflow_provider_aztk.configuration.references import refuse_secrets
from airflow_provider_aztk.configuration.rendering import mask_signatures, noticing_nothing, rendered
from airflow_provider_aztk.hooks.aztk import AztkHook
from airflow_provider_aztk.links.aztk import AztkBatchJobLink, AztkBatchPoolLink, batch_job_url, batch_pool_url
from airflow_provider_aztk.settings import default_poll_interval
from airflow_provider_aztk.timing import checked_interval

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    import jinja2
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aztk.triggers.base import AztkTrigger
    from airflow_provider_aztk.triggers.events import WaitEvent

__all__ = ["AztkOperator"]

_BACKSTOP_SECONDS = 120.0  # by how much Airflow's own limit of a deferral is later than the trigger's


class AztkOperator(BaseOperator):
    """Do something on Azure Batch.

    :param aztk_conn_id: the connection of type ``aztk``.
    :param poll_interval: seconds (or a timedelta) between two polls of Azure Batch; default ``[aztk] poll_interval``,
        30.
    :raises ValueError: for a ``poll_interval`` that is not greater than 0.
    """

    template_fields: Sequence[str] = ("aztk_conn_id",)
    template_ext: Sequence[str] = ()
    ui_color = "#e8f1fb"

    #: The template fields that may name a file; its text takes the name's place.
    file_fields: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        *,
        aztk_conn_id: str = AztkHook.default_conn_name,
        poll_interval: float | timedelta | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.aztk_conn_id = aztk_conn_id
        self.poll_interval = checked_interval(
            "poll_interval", default_poll_interval() if poll_interval is None else poll_interval
        )
        self.pushed_links: dict[str, str] = {}
        self._waiting: AztkTrigger | None = None  # in this worker
        self.links_are_known = False  # this process has begun the try, so that there are no other links than its own

    @cached_property
    def hook(self) -> AztkHook:
        """The connection to the account."""
        return AztkHook(self.aztk_conn_id)

    # -- configurations -----------------------------------------------------------------------------------------

    def render_template(
        self,
        content: Any,
        context: Context,
        jinja_env: jinja2.Environment | None = None,
        seen_oids: set[int] | None = None,
    ) -> Any:
        """Render as Airflow does, except that only a whole field names a template file.

        Airflow would also read ``settings.json`` in a list of arguments as the name of a template file, and so the text
        of a definition that ends in such a word.
        """
        is_name = isinstance(content, str) and bool(self.template_ext) and content.endswith(tuple(self.template_ext))
        if is_name and (len(content.splitlines()) > 1 or not self._is_file_field(content)):
            content += "{# not a file #}"
        if not isinstance(content, str):
            return super().render_template(content, context, jinja_env, seen_oids)
        found = jinja_env or self.get_template_env()
        try:
            value = super().render_template(content, context, noticing_nothing(found), seen_oids)
        except LookupError as error:  # jinja2's TemplateNotFound is one; so no jinja2 is imported here
            if not is_name or getattr(error, "name", None) != content:
                raise
            fix = "there is no such file beside the DAG or in its template_searchpath; give the path of an existing one"
            raise ValueError(f"{content!r}: {fix}") from None
        value = rendered(value, found)
        mask_signatures(value)
        return value

    def resolve_template_files(self) -> None:
        """Read the files that the fields name: beside the DAG, as Airflow does, and where the path is absolute."""
        for name in self.file_fields:
            value = getattr(self, name, None)
            if isinstance(value, list):
                setattr(self, name, [self._text_of_file(item) for item in value])
            else:
                setattr(self, name, self._text_of_file(value))
        super().resolve_template_files()

    def _text_of_file(self, value: Any) -> Any:
        if not isinstance(value, str) or not value.endswith(tuple(self.template_ext)) or not value.startswith("/"):
            return value
        try:
            return _ended(Path(value).read_text(encoding="utf-8-sig") + "\n")
        except (OSError, ValueError):  # Airflow says so in the DAG's log, and the task when it runs
            return value

    def prepare_template(self) -> None:
        """Refuse secrets in clear text in a definition's file, which Airflow has read while it parsed the DAG.

        One that is no YAML before it is rendered is checked when it is loaded.

        :raises ValueError: for a secret in clear text; the DAG is not imported then, and its file's text not stored.
        """
        for name in self.file_fields:
            value = getattr(self, name, None)
            for text in value if isinstance(value, list) else [value]:
                if isinstance(text, str):
                    refuse_secrets(parsed_template(text))

    def _is_file_field(self, content: str) -> bool:
        values = [getattr(self, name, None) for name in self.file_fields]
        return any(content == value or (isinstance(value, list) and content in value) for value in values)

    @property
    def search_folders(self) -> list[Path]:
        """The folders of a configuration's relative paths: the DAG's own, then those of its template path."""
        dag = self.dag
        searched = dag.template_searchpath or []
        return [Path(dag.folder), *(Path(path) for path in ([searched] if isinstance(searched, str) else searched))]

    @staticmethod
    def normalize(configuration: Any) -> Any:
        """Return a configuration as a template field takes it: models become dicts, secrets in clear text are refused.

        A file is checked in :meth:`prepare_template`. What is known only after rendering (templates, other tasks'
        output) is checked when it is loaded, see :func:`~airflow_provider_aztk.configuration.build.load`.

        :raises ValueError: for a secret in clear text, while the DAG is parsed.
        """
        taken = as_template(configuration)
        taken = [_ended(item) for item in taken] if isinstance(taken, list) else _ended(taken)
        refuse_secrets(taken)
        return taken

    # -- waits --------------------------------------------------------------------------------------------------

    def defer_to(self, trigger: AztkTrigger) -> NoReturn:
        """Free the worker until the trigger has an event, with which :meth:`execute_complete` resumes the task."""
        limit = max(1.0, trigger.deadline - time.time() + _BACKSTOP_SECONDS) if trigger.deadline else None
        self.defer(trigger=trigger, method_name="execute_complete", timeout=limit)
        raise RuntimeError("BaseOperator.defer() has returned")  # it raises; Airflow does not declare so

    def wait_in_worker(self, trigger: AztkTrigger, context: Context) -> WaitEvent:
        """Run the trigger's own loop in this worker, and return its event: worker and triggerer share the code."""
        self._waiting = trigger
        return trigger.wait_in_worker(hook=self.hook, on_link=partial(self.push_link, context))

    def stop_waiting(self) -> None:
        """End a wait in this worker as if its deadline had come."""
        if self._waiting is not None:
            self._waiting.end_wait()

    # -- links --------------------------------------------------------------------------------------------------

    def push_link(self, context: Context, key: str, url: str | None) -> None:
        """Show a link in the UI from now on; Airflow itself would only do so when the task ends."""
        if url and self.pushed_links.get(key) != url:
            self.pushed_links[key] = url
            context["ti"].xcom_push(key=key, value=url)

    def push_job_link(self, context: Context, job_id: str) -> None:
        """Link to the Batch job of a cluster or AZTK job."""
        self.push_link(context, AztkBatchJobLink.key, batch_job_url(self.hook.secrets, job_id))

    def push_pool_link(self, context: Context, pool_id: str | None) -> None:
        """Link to the Batch pool of a cluster or AZTK job, when Azure has named it."""
        if pool_id:
            self.push_link(context, AztkBatchPoolLink.key, batch_pool_url(self.hook.secrets, pool_id))


def _ended(value: Any) -> Any:
    """End the text of a definition with a line break, so that Airflow does not take its last word for a file's end."""
    return value + "\n" if isinstance(value, str) and "\n" in value and not value.endswith("\n") else value
