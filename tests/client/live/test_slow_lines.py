"""Uploads and downloads over slow lines: in blocks, told in the log, and never half a blob."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.client import errors
from airflow_provider_aztk.client._azure.listings import blob_names
from airflow_provider_aztk.client._azure.put_blob import put_blob
from airflow_provider_aztk.client._azure.storage import (
    CreateContainer,
    DeleteContainer,
    GetBlob,
)
from airflow_provider_aztk.client._runners import AsyncRunner, Runner
from tests.client.live.conftest import secrets_of
from tests.support.misbehaving import Answer, Fault, Misbehaving, misbehaving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from airflow_provider_aztk.local.testing import LocalStack

pytestmark = pytest.mark.slow  # seconds each

MIB = 1024 * 1024


class Store:
    """A container behind a line."""

    def __init__(self, stack: LocalStack, line: Misbehaving) -> None:
        self.secrets = secrets_of(stack, storage_service_url=line.url)
        self.runner = Runner(self.secrets)
        self.direct = Runner(secrets_of(stack))  # the line is busy while one of its faults runs
        self.container = f"slow-{uuid.uuid4().hex[:12]}"

    def put(self, kind: str, name: str, data: Any, **options: Any) -> bool:
        action = put_blob(self.container, name, data, **options)
        if kind == "sync":
            return self.runner.run(action)

        async def send() -> bool:
            runner = AsyncRunner(self.secrets)
            try:
                return await runner.run(action)
            finally:
                await runner.close()

        return asyncio.run(send())

    def get(self, name: str) -> bytes | None:
        return self.runner.run(GetBlob(self.container, name))


@pytest.fixture
def line(running_stack: LocalStack) -> Iterator[Misbehaving]:
    with misbehaving(str(running_stack.blob_endpoint)) as proxy:
        yield proxy


@pytest.fixture
def store(running_stack: LocalStack, line: Misbehaving) -> Iterator[Store]:
    store = Store(running_stack, line)
    store.runner.run(CreateContainer(store.container, {}))
    line.seen.clear()
    yield store
    line.faults.clear()
    line.bytes_per_second = None
    store.runner.run(DeleteContainer(store.container))
    store.runner.close()
    store.direct.close()


in_the_long_run = pytest.param("async", marks=pytest.mark.slow)
both = pytest.mark.parametrize("kind", ["sync", in_the_long_run])


@pytest.mark.parametrize(
    ("kind", "as_file"),
    [
        ("sync", True),
        ("async", False),
        pytest.param("sync", False, marks=pytest.mark.slow),
        pytest.param("async", True, marks=pytest.mark.slow),
    ],
)
def test_a_large_blob_goes_in_blocks_of_a_few_mib(
    store: Store, line: Misbehaving, tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str, as_file: bool
) -> None:
    data = os.urandom(9 * MIB + 7)
    path = tmp_path / "data.bin"
    path.write_bytes(data)
    with caplog.at_level(logging.INFO):
        assert store.put(kind, "big", path if as_file else data, overwrite=False)
    assert max(size for _, _, size in line.seen) <= 4 * MIB
    assert sum("comp=block&" in target or target.endswith("comp=block") for _, target, _ in line.seen) == 3
    assert store.get("big") == data
    said = [record.getMessage() for record in caplog.records if record.name.startswith("airflow_provider_aztk")]
    assert any("Uploaded" in line and "9.0 of 9.0 MiB" in line for line in said), said
    assert not as_file or any(str(path) in line for line in said)


@both
def test_a_block_whose_answer_breaks_is_sent_again_and_nothing_is_lost(
    store: Store, line: Misbehaving, kind: str
) -> None:
    def reset(answer: Answer) -> None:
        answer.reset = True

    data = os.urandom(9 * MIB)
    line.faults.append(Fault(reset, when=lambda method, target: "comp=block" in target, count=3))  # the commit, perhaps
    store.put(kind, "big", data)
    assert store.get("big") == data


@both
def test_a_file_that_changes_while_it_is_uploaded_is_refused(
    store: Store, line: Misbehaving, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "data.bin"
    path.write_bytes(b"a" * (24 * MIB))

    def change(answer: Answer) -> None:
        with path.open("r+b") as stream:
            stream.seek(23 * MIB)
            stream.write(b"b" * 100)

    line.faults.append(Fault(change, when=lambda method, target: "comp=block" in target))
    with pytest.raises(errors.InvalidConfigurationError, match="changed while it was uploaded"):
        store.put(kind, "big", path)
    assert store.get("big") is None


@both
@pytest.mark.parametrize("size", [10, 5 * MIB], ids=["small", "large"])
def test_a_content_that_is_not_the_one_that_its_name_says_is_refused(
    store: Store, tmp_path: Path, kind: str, size: int
) -> None:
    path = tmp_path / "data.bin"
    path.write_bytes(b"a" * size)
    wanted = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(errors.InvalidConfigurationError, match="changed while it was uploaded"):
        store.put(kind, "blob", path, overwrite=False, sha256=wanted)
    assert store.get("blob") is None


@both
def test_a_rivals_blob_stays_though_ours_is_uploaded_beside_it(store: Store, line: Misbehaving, kind: str) -> None:
    def rival(answer: Answer) -> None:
        store.direct.run(put_blob(store.container, "big", b"the rival's"))

    line.faults.append(Fault(rival, when=lambda method, target: "comp=block&" in target))
    assert store.put(kind, "big", os.urandom(9 * MIB), overwrite=False) is False
    assert store.get("big") == b"the rival's"


def test_an_upload_that_ends_half_way_is_no_blob(store: Store) -> None:
    with pytest.raises(errors.InvalidConfigurationError):
        store.put("sync", "big", b"x" * (9 * MIB), sha256="0" * 64)
    assert store.runner.run(blob_names(store.container)) == ([], [])
    assert store.put("sync", "big", b"y" * (9 * MIB), overwrite=False)


@both
@pytest.mark.parametrize("as_file", [True, False], ids=["file", "bytes"])
def test_60_mb_over_3_mb_a_second(
    store: Store, line: Misbehaving, tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str, as_file: bool
) -> None:
    data = os.urandom(1000) * 60_000
    path = tmp_path / "data.bin"
    path.write_bytes(data)
    line.bytes_per_second = 3_000_000
    with caplog.at_level(logging.INFO):
        store.put(kind, "big", path if as_file else data)
    assert sum("comp=block&" in target or target.endswith("comp=block") for _, target, _ in line.seen) == 15
    line.bytes_per_second = None
    assert store.get("big") == data
    assert any("Uploading" in record.getMessage() for record in caplog.records), "nothing told on the way"


@both
def test_a_block_may_take_longer_than_a_connection_may(store: Store, line: Misbehaving, kind: str) -> None:
    line.bytes_per_second = 250_000  # 4 MiB: 17 s, and 10 s are the limit for a connection
    data = os.urandom(4 * MIB)
    store.put(kind, "big", data)
    assert store.get("big") == data  # and back
