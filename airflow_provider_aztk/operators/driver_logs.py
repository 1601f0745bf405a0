"""The drivers' logs in a task: what the wait has not read, and errors that say why a driver failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook, Context, redact

from airflow_provider_aztk.configuration.references import field_of, mask
from airflow_provider_aztk.exceptions import AztkApplicationError, AztkCancelledError, AztkClusterError
from airflow_provider_aztk.links.aztk import AztkBatchPoolLink, AztkDriverLogLink, AztkSparkUiLink, log_url
from airflow_provider_aztk.operators.base import AztkOperator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aztk.client import Client
    from airflow_provider_aztk.logs.lines import LogLines
    from airflow_provider_aztk.triggers.base import AztkTrigger
    from airflow_provider_aztk.triggers.events import ApplicationSummary, WaitEvent

__all__ = ["DriverLogs"]

_TAIL_BYTES = 256 * 1024  # a root cause may stand some hundred frames above the end
_MAX_REST = 64 * 1024 * 1024  # a task's log is read in a browser; the whole is in the storage account
_CHUNK = 1024 * 1024
_NO_SUCCESS = "the application did not succeed"


@dataclass(frozen=True)
class DriverLogs:
    """The logs of the drivers that a task waits for.

    :param operator: the operator that waits for them.
    :param context: the context of the running task.
    :param are_streamed: whether the task's log shows what the drivers print, while they run.
    """

    operator: AztkOperator
    context: Context
    are_streamed: bool

    def trigger_arguments(self, names: list[str], secret_refs: list[str]) -> dict[str, Any]:
        """Return the arguments of a trigger that reads logs.

        :param names: the applications.
        :param secret_refs: references to the secrets that the applications get, which the trigger masks.
        """
        # The addresses of these links are known when there are nodes and a master.
        keys = (AztkBatchPoolLink.key, AztkSparkUiLink.key)
        return {
            "log_names": names if self.are_streamed else None,
            "secret_refs": secret_refs,
            "deferred_links": [key for key in keys if key not in self.operator.pushed_links],
        }

    def push_link(self, container: str | None, application_name: str) -> None:
        """Link to a driver's log."""
        self.operator.push_link(
            self.context, AztkDriverLogLink.key, log_url(self.operator.hook.secrets, container, application_name)
        )

    def prepare_deferral(self, trigger: AztkTrigger) -> None:
        """Write that no log was read yet: Airflow logs an error where a trigger reads an XCom that does not exist."""
        from airflow_provider_aztk.triggers.log_checkpoint import LOG_OFFSETS_KEY

        if self.are_streamed:
            value = {"of": trigger.watched_ids()[0], "offsets": {}}
            self.context["ti"].xcom_push(key=LOG_OFFSETS_KEY, value=value)

    def finish(self, owner_id: str, event: WaitEvent) -> list[ApplicationSummary]:
        """Write the rest of the logs, and return what became of the applications.

        :param owner_id: the cluster or job they ran in.
        :param event: the event that ended the wait.
        :raises AztkApplicationError: where one did not succeed, with the root cause in its driver's log and the last
            lines that say something; where somebody stopped it, ``AztkCancelledError``.
        :raises AztkClusterError: where it did not run, or was stopped because its cluster or job failed.
        """
        from airflow_provider_aztk.triggers.outcomes import result_line

        summaries = event["result"].get("applications", [])
        ends: dict[str, int] = {}
        self._mask(event["result"].get("secret_refs") or [])
        if self.are_streamed:
            ends = self._write_rest(owner_id, event["result"].get("log_offsets") or {})
            self._delete_offsets()
        for summary in summaries:
            self.operator.log.info("%s", redact(result_line(summary)))
        if event["status"] == "success":
            return summaries
        failed = next((summary for summary in summaries if summary["outcome"] not in (None, "success")), None)
        if failed is None:
            raise AztkClusterError(event["message"] or _NO_SUCCESS, code=event["code"])
        raise self._error(failed, event, self._tail(owner_id, failed["name"], ends.get(failed["name"], 0)))

    def _error(self, failed: ApplicationSummary, event: WaitEvent, tail: list[str]) -> Exception:
        message = _explained(failed, event["message"] or _NO_SUCCESS, tail)
        if failed["outcome"] != "stopped":
            return AztkApplicationError(message, exit_code=failed["exit_code"])
        cluster_failure_code = event["result"].get("cluster_failure_code")
        if cluster_failure_code:  # it was stopped with its cluster
            return AztkClusterError(message, code=cluster_failure_code)
        return AztkCancelledError(message, exit_code=failed["exit_code"])

    def _mask(self, references: list[str]) -> None:
        """Mask the secrets in this process, too: another one submitted."""
        for reference in references:
            conn_id, _, field = reference.partition(":")
            try:
                mask(field_of(BaseHook.get_connection(conn_id), field, reference))
            except Exception as error:
                self.operator.log.warning("The secret %s cannot be masked: %s", reference, error)

    def _write_rest(self, owner_id: str, offsets: dict[str, int]) -> dict[str, int]:
        """Write what the trigger has not read, and return where each log ends."""
        from airflow_provider_aztk.logs.lines import LogLines

        ends: dict[str, int] = {}
        try:
            with self.operator.hook.get_client() as client:
                for name, offset in offsets.items():
                    label = f"[{name}] " if len(offsets) > 1 else ""
                    lines = LogLines(offset)
                    for line in _all_lines(client, owner_id, name, lines):
                        self.operator.log.info("%s%s", label, redact(line))
                    ends[name] = lines.read_offset
        except Exception as error:
            self.operator.log.warning("The rest of the log cannot be read: %s", error)
        return ends

    def _tail(self, owner_id: str, name: str, end: int) -> list[str]:
        """Read the end of a log, masked.

        :param end: the byte up to which the log was read; its end is not before that.
        """
        from airflow_provider_aztk.logs.lines import LogLines, near_end

        begin = 0
        try:
            with self.operator.hook.get_client() as client:

                def has_byte(offset: int) -> bool:
                    return bool(client.read_log(owner_id, name, offset, max_bytes=1).data)

                begin = max(0, near_end(has_byte, end, _CHUNK) - _TAIL_BYTES)
                found = list(_all_lines(client, owner_id, name, LogLines(begin)))
        except Exception as error:
            self.operator.log.warning("The last lines of %s cannot be read: %s", name, error)
            return []
        whole = found[1:] if begin and len(found) > 1 else found  # the first one begins anywhere
        return [str(redact(line)) for line in whole]  # an exception is shown where nothing else masks it

    def _delete_offsets(self) -> None:
        from airflow.providers.common.compat.sdk import XCom

        from airflow_provider_aztk.triggers.log_checkpoint import LOG_OFFSETS_KEY

        ti = self.context["ti"]
        try:
            XCom.delete(
                key=LOG_OFFSETS_KEY, dag_id=ti.dag_id, task_id=ti.task_id, run_id=ti.run_id, map_index=ti.map_index
            )
        except Exception as error:
            self.operator.log.debug("The XCom with the position in the log cannot be deleted: %s", error)


def _explained(failed: ApplicationSummary, message: str, tail: list[str]) -> str:
    """Return the root cause, then what is known of an application's end, then the log lines that show it."""
    from airflow_provider_aztk.logs.causes import evidence, find_cause

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
