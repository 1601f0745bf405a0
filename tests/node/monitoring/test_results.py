"""The master knows when all applications of a job have ended for good."""

from __future__ import annotations

from airflow_provider_aztk.node.contract import ApplicationBlobs, Result
from airflow_provider_aztk.node.monitoring.results import JobResults
from airflow_provider_aztk.node.storage.wire import BlobInfo


class Storage:
    """A container with the definitions and results of applications."""

    def __init__(self, **results: Result | None) -> None:
        self.blobs: dict[str, bytes] = {}
        self.ages: dict[str, float] = {}
        self.read: list[str] = []
        for name, result in results.items():
            self.blobs[ApplicationBlobs(name).definition] = b"{}"
            self.blobs[ApplicationBlobs(name).log_segment(0)] = b"log"
            if result is not None:
                self.put(name, result)

    def put(self, name: str, result: Result, age: float = 5.0) -> None:
        """Write the result of an application."""
        self.blobs[ApplicationBlobs(name).result] = result.to_bytes()
        self.ages[ApplicationBlobs(name).result] = age

    def list(self, prefix: str) -> list[BlobInfo]:
        """List; the tag of a blob follows from its content."""
        return [
            BlobInfo(name, len(data), self.ages.get(name, 99.0), etag=str(hash(data)))
            for name, data in sorted(self.blobs.items())
            if name.startswith(prefix)
        ]

    def get(self, name: str) -> bytes:
        """Read."""
        self.read.append(name)
        return self.blobs[name]


def final(outcome: str = "success") -> Result:
    return Result(outcome, 0, 1, final=True)


def test_a_job_is_done_when_each_application_has_a_result_that_is_final() -> None:
    storage = Storage(one=final(), other=final("failed"))
    storage.put("one", final(), age=40.0)
    storage.put("other", final("failed"), age=70.0)
    results = JobResults(storage)  # type: ignore[arg-type]
    assert results.seconds_since_end() == 40.0
    assert results.seconds_since_end() == 40.0
    assert len(storage.read) == 2, "each is read once"


def test_a_job_is_not_done_while_one_waits_runs_or_is_tried_again() -> None:
    assert JobResults(Storage()).seconds_since_end() is None  # type: ignore[arg-type]
    storage = Storage(one=final(), other=None)
    results = JobResults(storage)  # type: ignore[arg-type]
    assert results.seconds_since_end() is None
    storage.put("other", Result("failed", 9, 1))
    assert results.seconds_since_end() is None
    storage.put("other", Result("success", 0, 2, final=True), age=1.0)
    assert results.seconds_since_end() == 1.0


def test_a_result_that_cannot_be_read_is_not_final() -> None:
    storage = Storage(one=final())
    storage.blobs[ApplicationBlobs("one").result] = b"{broken"
    assert JobResults(storage).seconds_since_end() is None  # type: ignore[arg-type]
