"""The pages: the account, a job, a pool, a task's output, a driver's log.

They need no signature, for a browser has none to give; so they change nothing, and show neither command lines nor
environment settings nor resource files, which may hold a shared access signature. They are for a person who follows a
link: a page of another site can neither read nor frame them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import jinja2

from airflow_provider_aztk.local.api.auth import check_host
from airflow_provider_aztk.local.api.call import Answer, Call
from airflow_provider_aztk.local.api.views import job_view, node_view, pool_view, task_view
from airflow_provider_aztk.local.common.errors import BatchServiceError
from airflow_provider_aztk.local.pages.words import ending, owner

if TYPE_CHECKING:
    from airflow_provider_aztk.local.pages.logs import LogReader
    from airflow_provider_aztk.local.services.backend import Backend

__all__ = ["Site"]

_OUTPUT_FILES = ("stdout.txt", "stderr.txt")
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
_TEXT = "text/plain; charset=utf-8"

Page = Callable[..., Awaitable[Answer]]


class Site:
    """All pages of one stack, below ``/ui``.

    :param backend: the emulated account.
    :param logs: where drivers' logs are read; None: there is no blob service.
    """

    prefix = "/ui"

    def __init__(self, backend: Backend, logs: LogReader | None) -> None:
        self._backend = backend
        self._logs = logs
        self._templates = jinja2.Environment(loader=jinja2.PackageLoader(__package__), autoescape=True)
        self._templates.globals.update(ending=ending, owner=owner)
        self._pages: dict[tuple[str, ...], Page] = {
            (): self._account,
            ("jobs", "*"): self._job,
            ("pools", "*"): self._pool,
            ("jobs", "*", "tasks", "*", "*"): self._output,
            ("logs", "*", "*"): self._log,
        }

    def owns(self, call: Call) -> bool:
        """Tell whether a page is asked for; a browser's way to the root of the service leads to the first one."""
        path = call.raw_path
        return path == self.prefix or path.startswith(self.prefix + "/") or (path in ("", "/") and _is_browser(call))

    async def show(self, call: Call, port: int) -> Answer:
        """Give a page, or one that says why there is none."""
        try:
            _check_visitor(call, port)
            is_page = call.raw_path.startswith(self.prefix)
            answer = await self._find(call) if is_page else Answer(status=302, headers={"Location": self.prefix})
        except BatchServiceError as error:
            answer = self._render("error.html", call, title=error.code, text=error.text, status=error.status)
        answer.headers |= _HEADERS
        return answer

    async def _find(self, call: Call) -> Answer:
        path = call.raw_path.removeprefix(self.prefix).strip("/")
        parts = [unquote(part) for part in path.split("/")] if path else []
        for pattern, page in self._pages.items():
            if len(pattern) == len(parts) and all(p in ("*", part) for p, part in zip(pattern, parts, strict=True)):
                return await page(call, *(part for p, part in zip(pattern, parts, strict=True) if p == "*"))
        raise BatchServiceError("InvalidUri", status=404)

    async def _account(self, call: Call) -> Answer:
        account = self._backend.account
        return self._render(
            "account.html",
            call,
            title=self._backend.settings.account,
            jobs=[job_view(call, job) for job in account.jobs],
            pools=[self._pool_view(call, pool) for pool in account.pools],
        )

    async def _job(self, call: Call, job_id: str) -> Answer:
        job = self._backend.jobs.find(job_id)
        tasks = [{**task_view(call, task), "hasFiles": self._has_files(task)} for task in job.tasks]
        return self._render("job.html", call, title=f"Job {job.id}", job=job_view(call, job), tasks=tasks)

    async def _pool(self, call: Call, pool_id: str) -> Answer:
        pool = self._backend.pools.find(pool_id)
        nodes = [node_view(call, pool, node) for node in pool.nodes]
        return self._render("pool.html", call, title=f"Pool {pool.id}", pool=self._pool_view(call, pool), nodes=nodes)

    async def _output(self, call: Call, job_id: str, task_id: str, name: str) -> Answer:
        if name not in _OUTPUT_FILES:
            raise BatchServiceError("FileNotFound")
        task = self._backend.tasks.find(self._backend.jobs.find(job_id), task_id)
        entry = self._backend.files.find(self._backend.files.task_root(task), name)
        return Answer(stream=self._backend.files.read(entry, 0, entry.size), content_type=_TEXT)

    async def _log(self, call: Call, container: str, application: str) -> Answer:
        if self._logs is not None:
            pieces = self._logs.read(container, application)
            if (first := await anext(pieces, None)) is not None:
                return Answer(stream=_chain(first, pieces), content_type=_TEXT)
        text = (
            "There is no such log. Either the driver has not printed anything yet, or the log was deleted with its "
            "cluster or job; the task's own log in Airflow has what was streamed."
        )
        return self._render("error.html", call, title=f"Log of {application}", text=text, status=404)

    def _pool_view(self, call: Call, pool: Any) -> dict[str, Any]:
        """Show a pool with its owner; one that was made for a job has the job's."""
        view = pool_view(call, pool)
        of_jobs = (owner(job_view(call, job)) for job in self._backend.account.jobs if job.pool_id == pool.id)
        return {**view, "owner": owner(view) or next(filter(None, of_jobs), "")}

    def _has_files(self, task: Any) -> bool:
        try:
            return self._backend.files.task_root(task).exists()
        except BatchServiceError:
            return False

    def _render(self, template: str, call: Call, *, status: int = 200, **values: Any) -> Answer:
        text = self._templates.get_template(template).render(root=call.base + self.prefix, status=status, **values)
        return Answer(status=status, stream=iter([text.encode()]), content_type="text/html; charset=utf-8")


def _is_browser(call: Call) -> bool:
    return call.method in ("GET", "HEAD") and "text/html" in call.headers.get("accept", "")


def _check_visitor(call: Call, port: int) -> None:
    """Let in who follows a link, or asks without a browser.

    :raises BatchServiceError: ``Forbidden``, ``UnsupportedHttpVerb``.
    """
    check_host(call.headers, port)
    if call.method not in ("GET", "HEAD"):
        raise BatchServiceError("UnsupportedHttpVerb")
    if "origin" in call.headers or call.headers.get("sec-fetch-mode", "navigate") != "navigate":
        raise BatchServiceError("Forbidden", Reason="Only a person who follows a link is let in.")


async def _chain(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
