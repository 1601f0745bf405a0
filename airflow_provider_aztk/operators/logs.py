"""What operators of applications share: the rest of the drivers' logs, and errors that say why a driver failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook, redact

from airflow_provider_aztk.configuration.references import field_of, mask
from airflow_provider_aztk.exceptions import AztkApplicationError, AztkCancelledError, AztkClusterError
from airflow_provider_aztk.links.aztk import AztkBatchPoolLink, AztkLink, AztkSparkUiLink
from airflow_provider_aztk.logs.causes import evidence, find_cause
from airflow_provider_aztk.logs.lines import LogLines, near_end
from airflow_provider_aztk.operators.remote import AztkRemoteOperator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aztk.client import Client
    from airflow_provider_aztk.triggers.base import AztkTrigger
    from airflow_provider_aztk.triggers.events import ApplicationSummary, WaitEvent

__all__ = ["AztkLogOperator"]

_TAIL_BYTES = 256 * 1024  # a root cause may stand some hundred frames above the end
_MAX_REST = 64 * 1024 * 1024  # a task's log is read in a browser; the whole is in the storage account
_CHUNK = 1024 * 1024


class AztkLogOperator(AztkRemoteOperator):
    """Run applications, and make their drivers' logs the task's own.

    :param stream_logs: write what the drivers print into the task's log, while they run; default True.
    """

    def __init__(self, *, stream_logs: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stream_logs = stream_logs

    @property
    def late_links(self) -> list[str]:
        """The XCom keys of links whose address is not known yet, and will be when nodes and a master are there."""
        late = {AztkBatchPoolLink.key, AztkSparkUiLink.key} - self.pushed_links.keys()
        return [link.key for link in self.operator_extra_links if isinstance(link, AztkLink) and link.key in late]

    def before_deferral(self, trigger: AztkTrigger, context: Context) -> None:
        """Note that no log was read yet: Airflow logs an error where a trigger looks for a note that does not exist."""
        from airflow_provider_aztk.triggers.logs import LOG_OFFSETS_KEY

        if self.stream_logs:
            context["ti"].xcom_push(key=LOG_OFFSETS_KEY, value={"of": trigger.watched_ids()[0], "offsets": {}})

    def finished(self, owner_id: str, event: WaitEvent, context: Context) -> list[ApplicationSummary]:
        """Write the rest of the logs and give what became of the applications.

        :param owner_id: the cluster or job they ran in.
        :param event: the event that ended the wait.
        :raises AztkApplicationError: where one did not succeed, with the root cause in its driver's log and the last
            lines that say something; where somebody stopped it, ``AztkCancelledError``.
        :raises AztkClusterError: where it did not run, or was stopped because its cluster or job came to a bad end.
        """
        from airflow_provider_aztk.triggers.outcomes import result_line

        summaries = event["result"].get("applications", [])
        ends: dict[str, int] = {}
        self._mask(event["result"].get("secret_refs") or [])
        if self.stream_logs:
            ends = self._write_rest(owner_id, event["result"].get("log_offsets") or {})
            self._forget_offsets(context)
        for summary in summaries:
            self.log.info("%s", redact(result_line(summary)))
        if event["status"] == "success":
            return summaries
        failed = next((summary for summary in summaries if summary["outcome"] not in (None, "success")), None)
        message = event["message"] or "the application did not succeed"
        if failed is None:
            raise AztkClusterError(message, code=event["code"])
        tail = self._tail(owner_id, failed["name"], ends.get(failed["name"], 0))
        message = _explained(failed, message, tail)
        if failed["outcome"] != "stopped":
            raise AztkApplicationError(message, exit_code=failed["exit_code"])
        failure_code = event["result"].get("cluster_failure_code")
        if failure_code:  # it was stopped with its cluster
            raise AztkClusterError(message, code=failure_code)
        raise AztkCancelledError(message, exit_code=failed["exit_code"])

    def _mask(self, references: list[str]) -> None:
        """Let this process, too, know what must not be shown: another one submitted."""
        for reference in references:
            conn_id, _, field = reference.partition(":")
            try:
                mask(field_of(BaseHook.get_connection(conn_id), field, reference))
            except Exception as error:
                self.log.warning("The secret %s cannot be masked: %s", reference, error)

    def _write_rest(self, owner_id: str, offsets: dict[str, int]) -> dict[str, int]:
        """Write what the trigger has left, and say where each log ends."""
        ends: dict[str, int] = {}
        try:
            with self.hook.get_client() as client:
                for name, offset in offsets.items():
                    label = f"[{name}] " if len(offsets) > 1 else ""
                    lines = LogLines(offset)
                    for line in _all_lines(client, owner_id, name, lines):
                        self.log.info("%s%s", label, redact(line))
                    ends[name] = lines.read_offset
        except Exception as error:
            self.log.warning("The rest of the log cannot be read: %s", error)
        return ends

    def _tail(self, owner_id: str, name: str, end: int) -> list[str]:
        """Read the end of a log, masked.

        :param end: the byte up to which the log is known; the end is looked for behind it.
        """
        begin = 0
        try:
            with self.hook.get_client() as client:

                def has_byte(offset: int) -> bool:
                    return bool(client.read_log(owner_id, name, offset, max_bytes=1).data)

                begin = max(0, near_end(has_byte, end, _CHUNK) - _TAIL_BYTES)
                found = list(_all_lines(client, owner_id, name, LogLines(begin)))
        except Exception as error:
            self.log.warning("The last lines of %s cannot be read: %s", name, error)
            return []
        whole = found[1:] if begin and len(found) > 1 else found  # the first one begins anywhere
        return [str(redact(line)) for line in whole]  # an exception is shown where nothing else masks it

    def _forget_offsets(self, context: Context) -> None:
        from airflow.providers.common.compat.sdk import XCom

        from airflow_provider_aztk.triggers.logs import LOG_OFFSETS_KEY

        ti = context["ti"]
        try:
            XCom.delete(
                key=LOG_OFFSETS_KEY, dag_id=ti.dag_id, task_id=ti.task_id, run_id=ti.run_id, map_index=ti.map_index
            )
        except Exception as error:
            self.log.debug("The note of where the log was read to could not be deleted: %s", error)


def _explained(failed: ApplicationSummary, message: str, tail: list[str]) -> str:
    """Put the root cause before what is known of an application's end, and the lines that show it behind."""
    name = failed["name"]
    cause = find_cause(tail, failed["exit_code"]) if failed["outcome"] == "failed" else None
    if cause and cause.is_guess:
        message += f"; it said last: {'; '.join(cause.lines())}"
    elif cause:
        first, *more = cause.lines()
        message = "\n".join([f"application {name} failed: {first}", *(f"    {line}" for line in more), message])
    shown = "".join(f"\n    {line}" for line in evidence(tail))
    return f"{message}\nThe last lines of the driver of {name}:{shown}" if shown else message


def _all_lines(client: Client, owner_id: str, name: str, lines: LogLines) -> Iterator[str]:
    begin = lines.read_offset
    while lines.read_offset - begin < _MAX_REST:
        chunk = client.read_log(owner_id, name, lines.read_offset, max_bytes=_CHUNK)
        if not chunk.data:
            yield from lines.flush()
            return
        yield from lines.feed(chunk.data)
    yield "(the log goes on; it is in the storage account as a whole)"
