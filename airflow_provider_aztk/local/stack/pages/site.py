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

from airflow_provider_aztk.local.batch.api.auth import check_host
from airflow_provider_aztk.local.batch.api.messages import Request, Response
from airflow_provider_aztk.local.batch.api.serializers import (
    serialize_job,
    serialize_node,
    serialize_pool,
    serialize_task,
)
from airflow_provider_aztk.local.batch.common.errors import BatchServiceError
from airflow_provider_aztk.local.stack.pages.words import ending, owner

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.services.backend import Backend
    from airflow_provider_aztk.local.stack.pages.logs import LogReader

__all__ = ["Site"]

_OUTPUT_FILES = ("stdout.txt", "stderr.txt")
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
_TEXT = "text/plain; charset=utf-8"

Page = Callable[..., Awaitable[Response]]


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

    def owns(self, request: Request) -> bool:
        """Return whether a page is requested; a browser that opens the root of the service is redirected to one."""
        path = request.raw_path
        return path == self.prefix or path.startswith(self.prefix + "/") or (path in ("", "/") and _is_browser(request))

    async def show(self, request: Request, port: int) -> Response:
        """Return a page, or one that says why there is none."""
        try:
            _check_visitor(request, port)
            is_page = request.raw_path.startswith(self.prefix)
            response = await self._find(request) if is_page else Response(status=302, headers={"Location": self.prefix})
        except BatchServiceError as error:
            response = self._render("error.html", request, title=error.code, text=error.text, status=error.status)
        response.headers |= _HEADERS
        return response

    async def _find(self, request: Request) -> Response:
        path = request.raw_path.removeprefix(self.prefix).strip("/")
        parts = [unquote(part) for part in path.split("/")] if path else []
        for pattern, page in self._pages.items():
            if len(pattern) == len(parts) and all(p in ("*", part) for p, part in zip(pattern, parts, strict=True)):
                return await page(request, *(part for p, part in zip(pattern, parts, strict=True) if p == "*"))
        raise BatchServiceError("InvalidUri", status=404)

    async def _account(self, request: Request) -> Response:
        account = self._backend.account
        return self._render(
            "account.html",
            request,
            title=self._backend.settings.account,
            jobs=[serialize_job(request, job) for job in account.jobs],
            pools=[self._pool_view(request, pool) for pool in account.pools],
        )

    async def _job(self, request: Request, job_id: str) -> Response:
        job = self._backend.jobs.find(job_id)
        tasks = [{**serialize_task(request, task), "hasFiles": self._has_files(task)} for task in job.tasks]
        return self._render("job.html", request, title=f"Job {job.id}", job=serialize_job(request, job), tasks=tasks)

    async def _pool(self, request: Request, pool_id: str) -> Response:
        pool = self._backend.pools.find(pool_id)
        nodes = [serialize_node(request, pool, node) for node in pool.nodes]
        return self._render(
            "pool.html", request, title=f"Pool {pool.id}", pool=self._pool_view(request, pool), nodes=nodes
        )

    async def _output(self, request: Request, job_id: str, task_id: str, name: str) -> Response:
        if name not in _OUTPUT_FILES:
            raise BatchServiceError("FileNotFound")
        task = self._backend.tasks.find(self._backend.jobs.find(job_id), task_id)
        entry = self._backend.files.find(self._backend.files.task_root(task), name)
        return Response(stream=self._backend.files.read(entry, 0, entry.size), content_type=_TEXT)

    async def _log(self, request: Request, container: str, application: str) -> Response:
        if self._logs is not None:
            pieces = self._logs.read(container, application)
            if (first := await anext(pieces, None)) is not None:
                return Response(stream=_chain(first, pieces), content_type=_TEXT)
        text = (
            "There is no such log. Either the driver has not printed anything yet, or the log was deleted with its "
            "cluster or job; the task's own log in Airflow has what was streamed."
        )
        return self._render("error.html", request, title=f"Log of {application}", text=text, status=404)

    def _pool_view(self, request: Request, pool: Any) -> dict[str, Any]:
        """Show a pool with its owner; one that was made for a job has the job's."""
        view = serialize_pool(request, pool)
        of_jobs = (owner(serialize_job(request, job)) for job in self._backend.account.jobs if job.pool_id == pool.id)
        return {**view, "owner": owner(view) or next(filter(None, of_jobs), "")}

    def _has_files(self, task: Any) -> bool:
        try:
            return self._backend.files.task_root(task).exists()
        except BatchServiceError:
            return False

    def _render(self, template: str, request: Request, *, status: int = 200, **values: Any) -> Response:
        text = self._templates.get_template(template).render(root=request.base + self.prefix, status=status, **values)
        return Response(status=status, stream=iter([text.encode()]), content_type="text/html; charset=utf-8")


def _is_browser(request: Request) -> bool:
    return request.method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", "")


def _check_visitor(request: Request, port: int) -> None:
    """Admit a browser that follows a link, and clients that are no browser.

    :raises BatchServiceError: ``Forbidden``, ``UnsupportedHttpVerb``.
    """
    check_host(request.headers, port)
    if request.method not in ("GET", "HEAD"):
        raise BatchServiceError("UnsupportedHttpVerb")
    if "origin" in request.headers or request.headers.get("sec-fetch-mode", "navigate") != "navigate":
        raise BatchServiceError("Forbidden", Reason="Only a person who follows a link is let in.")


async def _chain(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
