"""What the client's benchmarks share: signing in to a stack, counting requests where they leave, small tables."""

from __future__ import annotations

import http.client
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, urlsplit

from airflow_provider_aztk.client import models

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_aztk.local.testing import LocalStack

#: So long for a node to come that it never does: what is submitted stays queued, and costs no processes.
NEVER = 100_000.0
#: Requests of the original AZTK for each application it submitted (2 more for each further file).
ORIGINAL_SUBMIT = 9
BATCH, BLOB = "Batch", "blob"


class Request(NamedTuple):
    """One HTTP request that left this process."""

    service: str
    method: str
    url: str

    @property
    def what(self) -> str:
        """Say what a blob request does, in two words."""
        query = parse_qs(urlsplit(self.url).query)
        if "container" in query.get("restype", ()):
            listing = query.get("comp") == ["list"]
            return "list blobs" if listing else {"PUT": "create container", "DELETE": "delete container"}[self.method]
        if query.get("comp") == ["list"]:
            return "list containers"
        return {"PUT": "put blob", "GET": "get blob", "HEAD": "head blob", "DELETE": "delete blob"}[self.method]


def secrets_of(stack: LocalStack, **changes: str) -> models.SecretsConfiguration:
    """Give what signs a client in to a stack."""
    values = {
        "batch_account_name": stack.batch_account,
        "batch_account_key": stack.batch_key,
        "batch_service_url": stack.batch_endpoint,
        "storage_account_name": str(stack.blob_account),
        "storage_account_key": str(stack.blob_key),
        "storage_service_url": str(stack.blob_endpoint),
    }
    return models.SecretsConfiguration(shared_key=models.SharedKeyConfiguration(**{**values, **changes}))


@contextmanager
def counting(stack: LocalStack) -> Iterator[list[Request]]:
    """Note each request that this process sends to the stack, repeats included; what nodes send is not in it."""
    services = {urlsplit(stack.batch_endpoint).port: BATCH, urlsplit(str(stack.blob_endpoint)).port: BLOB}
    noted: list[Request] = []
    original = http.client.HTTPConnection.putrequest

    def note(self: http.client.HTTPConnection, method: str, url: str, *args: bool, **kwargs: bool) -> None:
        if self.port in services and not urlsplit(url).path.startswith("/_admin"):
            noted.append(Request(services[self.port], method, url))
        original(self, method, url, *args, **kwargs)

    http.client.HTTPConnection.putrequest = note  # type: ignore[method-assign,assignment]
    try:
        yield noted
    finally:
        http.client.HTTPConnection.putrequest = original  # type: ignore[method-assign]


def by_service(requests: Sequence[Request]) -> tuple[int, int]:
    """Count requests to Batch and to the blob service."""
    counts = Counter(request.service for request in requests)
    return counts[BATCH], counts[BLOB]


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print columns: the first to the left, numbers to the right."""
    lines = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        others = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        print("  ".join([line[0].ljust(widths[0]), *others]))
