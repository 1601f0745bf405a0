"""Broken, cut and slow answers of both services: every request is sent again, and the error names the service.

The requests are found by introspection: a new one without an entry below fails a test.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.client import errors
from airflow_provider_aztk.client._azure import batch, listings, put_blob, sas, storage
from airflow_provider_aztk.client._azure.aio import AsyncBatchGateway, AsyncStorageGateway
from airflow_provider_aztk.client._azure.blocks import Block
from airflow_provider_aztk.client._azure.credentials import shared_key_accounts
from airflow_provider_aztk.client._azure.gateways import BatchGateway, StorageGateway
from airflow_provider_aztk.client._azure.retries import Retries
from airflow_provider_aztk.client._runners import AsyncRunner, Runner
from airflow_provider_aztk.local.testing import run_stack
from tests.client.live.conftest import secrets_of
from tests.support.misbehaving import Answer, Fault, Misbehaving, misbehaving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from airflow_provider_aztk.local.testing import LocalStack

QUICK = Retries(tries=3, first_pause=0.01)
NO_SUCH = "aztk-no-such"
USER = {"name": "me", "isAdmin": True, "password": "Pa55-word!"}

#: The arguments of every request: of things that do not exist, so that nothing has to be made for it.
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "create_job": ({"id": "%", "poolInfo": {"poolId": "none"}},),
    "get_job": ("none",),
    "list_all": ("/jobs", {}),
    "list_jobs": (),
    "delete_job": ("none",),
    "terminate_job": ("none", "reason"),
    "create_tasks": ("none", [{"id": "t", "commandLine": "true"}]),
    "get_task": ("none", "none"),
    "list_tasks": ("none",),
    "terminate_task": ("none", "none"),
    "get_pool": ("none",),
    "list_pools": (),
    "delete_pool": ("none",),
    "list_nodes": ("none",),
    "create_node_user": ("none", "none", USER),
    "replace_node_user": ("none", "none", "me", {"password": "Pa55-word!"}),
    "list_images": (),
    "first_job": (),
    "CreateContainer": ("%", {"a": "b"}),
    "ContainerMetadata": (NO_SUCH,),
    "SetContainerMetadata": (NO_SUCH, {"a": "b"}),
    "DeleteContainer": (NO_SUCH,),
    "FirstContainer": (),
    "BlobExists": (NO_SUCH, "name"),
    "GetBlob": (NO_SUCH, "name"),
    "GetRange": (NO_SUCH, "name", 0, 10),
    "BlobNamesPage": (NO_SUCH,),
    "blob_names": (NO_SUCH,),
    "DeleteBlob": (NO_SUCH, "name"),
    "delete_blobs": (NO_SUCH, ["name"]),
    "delete_blobs_but": (NO_SUCH, bool),
    "UploadBlob": (NO_SUCH, "name", b"data", True),
    "StageBlock": (NO_SUCH, "name", Block("block", b"data")),
    "CommitBlocks": (NO_SUCH, "name", ["block"], True),
    "put_blob": (NO_SUCH, "name", b"data"),
}
#: What sends nothing.
SILENT = {"changed_since", "id_filters", "if_missing", "json_object", "nothing", "page", "sas_url"}
SILENT |= {"BatchRequest", "StorageRequest"}
SILENT |= {"R", "Range", "SasIsDelegated", "SasUrl", "Service"}


def public(module: ModuleType) -> set[str]:
    """Name what a module defines and does not hide."""
    found = vars(module).items()
    return {name for name, value in found if getattr(value, "__module__", "") == module.__name__ and name[0] != "_"}


KINDS = ("sync", "async")
MODULES = (batch, storage, listings, put_blob, sas)
REQUESTS = {name: getattr(module, name) for module in MODULES for name in public(module)}


def is_batch(name: str) -> bool:
    return hasattr(batch, name)


def cut(answer: Answer) -> None:
    answer.cut_at = len(answer.body) // 2
    if not answer.body:  # there is nothing to cut but the promise
        answer.headers["content-length"] = "10"
        answer.cut_at = 0


def short(answer: Answer) -> None:
    """A body that is half there, in a frame that says it is whole."""
    _fail(answer, answer.body[: max(len(answer.body) // 2, 1)] or b'{"code": "Job')


def web_page(answer: Answer) -> None:
    _fail(answer, b"<!DOCTYPE html><html><p>Sign in to the network</html>", content_type="text/html")
    answer.headers.pop("x-ms-request-id", None)
    answer.headers.pop("request-id", None)
    answer.headers.pop("x-ms-error-code", None)


def empty_error(answer: Answer) -> None:
    answer.status = "500 Internal Server Error"
    answer.replace(b"")
    answer.headers.pop("x-ms-error-code", None)


def nameless_404(answer: Answer) -> None:
    answer.status = "404 Not Found"
    answer.replace(b"")
    answer.headers.pop("x-ms-error-code", None)


def reset(answer: Answer) -> None:
    answer.reset = True


def _fail(answer: Answer, body: bytes, **headers: str) -> None:
    answer.status = "404 Not Found"
    answer.replace(body, **headers)


class Lines:
    """The two services behind a proxy each, and the runners that use them."""

    def __init__(self, stack: LocalStack, batch: Misbehaving, storage: Misbehaving, loop: asyncio.Runner) -> None:
        self.proxies = (batch, storage)
        self._loop = loop
        secrets = secrets_of(stack, batch_service_url=batch.url, storage_service_url=storage.url)
        accounts = shared_key_accounts(secrets)
        assert accounts is not None
        gateways = BatchGateway(accounts, retries=QUICK), StorageGateway(accounts, retries=QUICK)
        self.sync = Runner(secrets, gateways)

        async def make() -> AsyncRunner:
            gateways = AsyncBatchGateway(accounts, retries=QUICK), AsyncStorageGateway(accounts, retries=QUICK)
            return AsyncRunner(secrets, gateways)

        self._async = loop.run(make())

    def call(self, kind: str, name: str) -> Any:
        """Send a request, and return its answer or our error."""
        fresh = f"broken-{uuid.uuid4().hex[:12]}"
        arguments = [_filled(argument, fresh) for argument in ARGUMENTS[name]]
        request = REQUESTS[name](*arguments)
        try:
            return self.sync.run(request) if kind == "sync" else self._loop.run(self._async.run(request))
        except errors.AztkError as error:
            return error

    @property
    def sent(self) -> int:
        """How many requests there were."""
        return sum(len(proxy.seen) for proxy in self.proxies)

    def close(self) -> None:
        self.sync.close()
        self._loop.run(self._async.close())


@pytest.fixture(scope="module")
def running_stack() -> Iterator[LocalStack]:
    """A stack of these tests' own: what they create stays, and other tests count what there is."""
    with run_stack("--fake-spark") as stack:
        yield stack


@pytest.fixture(scope="module")
def all_lines(running_stack: LocalStack) -> Iterator[Lines]:
    with (
        misbehaving(running_stack.batch_endpoint) as batch,
        misbehaving(str(running_stack.blob_endpoint)) as storage,
        asyncio.Runner() as loop,
    ):
        lines = Lines(running_stack, batch, storage, loop)
        yield lines
        lines.close()


@pytest.fixture
def lines(all_lines: Lines) -> Lines:
    for proxy in all_lines.proxies:
        proxy.faults.clear()
        proxy.seen.clear()
    return all_lines


def _filled(argument: Any, fresh: str) -> Any:
    if isinstance(argument, dict):
        return {name: _filled(value, fresh) for name, value in argument.items()}
    return fresh if argument == "%" else argument


def test_every_request_has_its_arguments() -> None:
    assert REQUESTS.keys() - SILENT == ARGUMENTS.keys()


def quick_first(*faults: Callable[[Answer], None], quick: int) -> list[Any]:
    """Try the first ones always, the others in the long run only."""
    return [
        pytest.param(fault, id=fault.__name__, marks=[] if index < quick else pytest.mark.slow)
        for index, fault in enumerate(faults)
    ]


every_request = pytest.mark.parametrize(("kind", "name"), list(itertools.product(KINDS, ARGUMENTS)))


@pytest.mark.parametrize("fault", quick_first(cut, short, web_page, empty_error, nameless_404, reset, quick=1))
@every_request
def test_a_broken_answer_is_asked_for_again(
    lines: Lines, kind: str, name: str, fault: Callable[[Answer], None]
) -> None:
    if name == "BlobExists" and fault is short:
        return  # a HEAD has no body
    whole = lines.call(kind, name)
    sent = lines.sent
    assert not isinstance(whole, errors.ConnectionFailedError), whole
    for proxy in lines.proxies:
        proxy.faults.append(Fault(fault))
    again = lines.call(kind, name)
    assert lines.sent == 2 * sent + 1, "not asked again"
    if name in ("create_job", "CreateContainer"):  # it was carried out before its answer broke
        assert again is False or getattr(again, "code", "") == "JobExists"
    elif isinstance(whole, errors.ServiceError):
        assert (type(again), again.status, again.code) == (type(whole), whole.status, whole.code)
    else:
        assert again == whole


@pytest.mark.parametrize("fault", quick_first(cut, web_page, reset, quick=0))
@every_request
def test_one_that_goes_on_is_reported_with_service_and_account(
    running_stack: LocalStack, lines: Lines, kind: str, name: str, fault: Callable[[Answer], None]
) -> None:
    for proxy in lines.proxies:
        proxy.faults.append(Fault(fault, count=-1))
    error = lines.call(kind, name)
    assert type(error) is errors.ConnectionFailedError, repr(error)
    service = "Azure Batch" if is_batch(name) else "Azure Storage"
    account = running_stack.batch_account if is_batch(name) else str(running_stack.blob_account)
    assert (error.service, error.account) == (service, account)
    assert service in str(error)
    assert repr(account) in str(error)
    # aiohttp repeats by itself what is idempotent, where a connection that it had used before is closed and no answer
    # has begun. The answer to a HEAD request is its headers only: one that is cut has not begun.
    is_repeated = kind == "async" and (fault is reset or (fault is cut and name == "BlobExists"))
    assert lines.sent == QUICK.tries or (lines.sent > QUICK.tries and is_repeated)


@pytest.mark.slow
def test_the_services_own_pause_is_kept(lines: Lines) -> None:
    def busy(answer: Answer) -> None:
        answer.status = "503 Service Unavailable"
        answer.headers["retry-after"] = "1"
        answer.replace(b"")

    for kind, name in itertools.product(KINDS, ("get_job", "DeleteBlob")):
        for proxy in lines.proxies:
            proxy.faults[:] = [Fault(busy)]
        began = time.monotonic()
        assert isinstance(lines.call(kind, name), errors.ServiceError | None)
        assert time.monotonic() - began >= 1


def test_patience_ends_whatever_the_service_asks_for(lines: Lines) -> None:
    def busy(answer: Answer) -> None:
        answer.status = "429 Too Many Requests"
        answer.headers["retry-after"] = "3600"
        answer.replace(b"")

    lines.proxies[0].faults[:] = [Fault(busy, count=-1)]
    error = lines.call("sync", "get_job")  # at once: an hour would be past the time limit of this test
    assert isinstance(error, errors.ThrottledError)
    assert error.retry_after == 3600


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_page_that_breaks_is_asked_for_again_and_the_first_is_not(
    running_stack: LocalStack, lines: Lines, kind: str
) -> None:
    names = [f"page-{uuid.uuid4().hex[:8]}" for _ in range(2)]
    for name in names:
        lines.sync.run(batch.create_job({"id": name, "poolInfo": {"poolId": "none"}}))
    try:
        for proxy in lines.proxies:
            proxy.seen.clear()

        def first_of_two(answer: Answer) -> None:
            body = json.loads(answer.body)
            body["value"] = body["value"][:1]
            body["odata.nextLink"] = f"{lines.proxies[0].url}/jobs?api-version=2025-06-01&second=1"
            answer.replace(json.dumps(body).encode())

        lines.proxies[0].faults[:] = [
            Fault(first_of_two, when=lambda method, target: "second" not in target),
            Fault(cut, when=lambda method, target: "second" in target),
        ]
        found = lines.call(kind, "list_jobs")
        assert {job["id"] for job in found} >= set(names)
        assert ["second" in target for _, target, _ in lines.proxies[0].seen] == [False, True, True]
    finally:
        for name in names:
            lines.sync.run(batch.delete_job(name))
