"""Resource files and output files, against Azurite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from azure.batch import models as m

from tests.local.support import finished, read_file, sas
from tests.support.misbehaving import Fault, misbehaving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure.batch import BatchClient
    from azure.storage.blob import BlobServiceClient, ContainerClient

    from airflow_provider_aztk.local.testing import LocalStack

pytestmark = pytest.mark.wire("documented")

SHOW = "/bin/sh -c 'find . -type f | sort | while read f; do echo $f $(cat \"$f\"); done'"


@pytest.fixture
def container(blobs: BlobServiceClient, name: str) -> Iterator[ContainerClient]:
    """A container."""
    with blobs.create_container(name.replace("_", "-").lower()[:60].strip("-")) as made:
        yield made
        made.delete_container()


def run(batch: BatchClient, job: str, **options: object) -> m.BatchTask:
    """Run a task to its end."""
    options.setdefault("command_line", SHOW)
    batch.create_task(job, m.BatchTaskCreateOptions(id="t", **options))
    return finished(batch, job, "t")


def test_a_container_is_fetched_by_prefix_with_its_folders(
    batch: BatchClient, aztk_local: LocalStack, job: str, container: ContainerClient
) -> None:
    for blob in ("node/x.pyz", "node/deep/a b+c%.txt", "other/y"):
        container.upload_blob(blob, blob)
    files = [
        m.ResourceFile(storage_container_url=sas(aztk_local, container, "rl"), blob_prefix="node/"),
        m.ResourceFile(storage_container_url=sas(aztk_local, container, "rl"), blob_prefix="oth", file_path="into"),
    ]
    assert run(batch, job, resource_files=files).execution_info.exit_code == 0
    assert read_file(batch, job, "t").splitlines() == [
        "./into/other/y other/y",
        "./node/deep/a b+c%.txt node/deep/a b+c%.txt",
        "./node/x.pyz node/x.pyz",
    ]


def test_one_file_is_fetched_by_its_address_with_its_mode(
    batch: BatchClient, aztk_local: LocalStack, job: str, container: ContainerClient
) -> None:
    container.upload_blob("data/x", b"hello")
    address = sas(aztk_local, container, "r").replace("?", "/data/x?")
    files = [
        m.ResourceFile(http_url=address, file_path="a/b.txt", file_mode="0600"),
        m.ResourceFile(http_url=address, file_path="c.txt"),
    ]
    run(batch, job, resource_files=files, command_line="stat -c '%a %s' a/b.txt c.txt")
    assert read_file(batch, job, "t") == "600 5\n770 5\n"


def test_more_blobs_than_a_page(
    batch: BatchClient, aztk_local: LocalStack, job: str, container: ContainerClient
) -> None:
    for number in range(20):
        container.upload_blob(f"f{number:02}", b"")
    files = [m.ResourceFile(storage_container_url=sas(aztk_local, container, "rl"))]
    run(batch, job, resource_files=files, command_line="/bin/sh -c 'ls | wc -l'")
    assert read_file(batch, job, "t").strip() == "20"


@pytest.mark.wire("guessed")
def test_what_cannot_be_fetched_or_taken_away_at_first_is_tried_again(
    batch: BatchClient, aztk_local: LocalStack, job: str, container: ContainerClient
) -> None:
    container.upload_blob("data/x", b"hello")
    with misbehaving(str(aztk_local.blob_endpoint)) as proxy:
        url = sas(aztk_local, container, "rlw").replace(str(aztk_local.blob_endpoint), proxy.url)
        proxy.faults += [
            Fault(lambda answer: setattr(answer, "reset", True), lambda method, target: "comp=list" in target),
            Fault(lambda answer: setattr(answer, "cut_at", 2), lambda method, target: "/data/x" in target),
            Fault(lambda answer: setattr(answer, "status", "503 Busy"), lambda method, target: "/data/x" in target),
            Fault(lambda answer: setattr(answer, "reset", True), lambda method, target: method == "PUT"),
        ]
        files = [m.ResourceFile(storage_container_url=url, blob_prefix="data/")]
        outputs = [output("../stdout.txt", url, "said")]
        done = run(batch, job, resource_files=files, output_files=outputs, command_line="cat data/x")
    assert (done.execution_info.exit_code, done.execution_info.failure_info) == (0, None)
    assert container.download_blob("said").readall() == b"hello"


@pytest.mark.wire("guessed")
def test_what_cannot_be_fetched_three_times_fails_the_task(
    batch: BatchClient, aztk_local: LocalStack, job: str, container: ContainerClient
) -> None:
    container.upload_blob("x", b"hello")
    with misbehaving(str(aztk_local.blob_endpoint)) as proxy:
        url = sas(aztk_local, container, "r").replace(str(aztk_local.blob_endpoint), proxy.url).replace("?", "/x?")
        proxy.faults.append(Fault(lambda answer: setattr(answer, "status", "503 Busy"), count=3))
        failed = run(batch, job, resource_files=[m.ResourceFile(http_url=url, file_path="x")])
        assert len(proxy.seen) == 3
    assert failed.execution_info.failure_info.code == "BlobDownloadMiscError"


@pytest.mark.wire("guessed")
def test_directories_in_a_listing_are_no_files(
    batch: BatchClient, aztk_local: LocalStack, job: str, container: ContainerClient
) -> None:
    aztk_local.admin.directory_stubs()
    container.upload_blob("node/deep/x", b"hello")
    files = [m.ResourceFile(storage_container_url=sas(aztk_local, container, "rl"), blob_prefix="node/")]
    run(batch, job, resource_files=files)
    assert read_file(batch, job, "t") == "./node/deep/x hello\n"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda url: url.replace("?", "/none?"), "BlobNotFound"),
        (lambda url: url.replace("?", "/x?").replace("sp=r", "sp=rw"), "BlobAccessDenied"),
        (lambda url: "http://127.0.0.1:9/x", "BlobDownloadMiscError"),
    ],
)
def test_a_file_that_cannot_be_fetched_fails_the_task(
    batch: BatchClient, aztk_local: LocalStack, job: str, container: ContainerClient, change, code: str
) -> None:
    files = [m.ResourceFile(http_url=change(sas(aztk_local, container, "r")), file_path="x")]
    info = run(batch, job, resource_files=files).execution_info
    assert (info.result, info.failure_info.code, info.failure_info.category) == ("failure", code, "UserError")
    assert info.exit_code is None
    assert "sig" not in str(info.failure_info.as_dict())


def test_a_container_that_cannot_be_listed_fails_the_task(
    batch: BatchClient, aztk_local: LocalStack, job: str, container: ContainerClient
) -> None:
    url = sas(aztk_local, container, "rl")
    files = [m.ResourceFile(storage_container_url=url.replace(container.container_name, "nothing-here"))]
    code = run(batch, job, resource_files=files).execution_info.failure_info.code
    assert code in ("ResourceContainerNotFound", "ResourceContainerAccessDenied")


@pytest.mark.parametrize(("exit_code", "expected"), [(0, {"ok", "always"}), (1, {"bad", "always"})])
def test_output_files_by_condition(
    batch: BatchClient, aztk_local: LocalStack, job: str, container: ContainerClient, exit_code: int, expected: set[str]
) -> None:
    url = sas(aztk_local, container, "w")
    conditions = {"ok": "tasksuccess", "bad": "taskfailure", "always": "taskcompletion"}
    outputs = [output("../stdout.txt", url, path, condition) for path, condition in conditions.items()]
    run(batch, job, output_files=outputs, command_line=f"/bin/sh -c 'echo said; exit {exit_code}'")
    assert {blob.name for blob in container.list_blobs()} == expected
    assert container.download_blob("always").readall() == b"said\n"
    assert "Uploading" in read_file(batch, job, "t", "fileuploadout.txt")


def output(pattern: str, url: str, path: str | None, condition: str = "taskcompletion") -> m.OutputFile:
    """Describe an output file."""
    return m.OutputFile(
        file_pattern=pattern,
        destination=m.OutputFileDestination(
            container=m.OutputFileBlobContainerDestination(container_url=url, path=path)
        ),
        upload_options=m.OutputFileUploadConfiguration(upload_condition=condition),
    )


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("a.txt", None, ["a.txt"]),
        ("a.txt", "to/name", ["to/name"]),
        ("*.txt", "d", ["d/a.txt", "d/b.txt"]),
        ("**/*.txt", "d", ["d/a.txt", "d/b.txt", "d/sub/c.txt"]),
        ("sub/?.txt", None, ["c.txt"]),
        ("[!a].txt", "d", ["d/b.txt"]),
        ("[a-b].*", None, ["a.txt", "b.txt"]),
        (".*.txt", None, [".hidden.txt"]),
        ("../std*.txt", "logs", ["logs/stderr.txt", "logs/stdout.txt"]),
        ("nothing*", "d", []),
    ],
)
def test_output_files_by_pattern(
    batch: BatchClient,
    aztk_local: LocalStack,
    job: str,
    container: ContainerClient,
    pattern: str,
    path: str | None,
    expected: list[str],
) -> None:
    outputs = [output(pattern, sas(aztk_local, container, "w"), path)]
    line = "/bin/sh -c 'mkdir sub; touch a.txt b.txt .hidden.txt sub/c.txt'"
    run(batch, job, output_files=outputs, command_line=line)
    assert [blob.name for blob in container.list_blobs()] == expected


def test_an_upload_that_fails_fails_the_task_but_keeps_its_exit_code(
    batch: BatchClient, aztk_local: LocalStack, job: str, container: ContainerClient
) -> None:
    read_only = sas(aztk_local, container, "r")
    info = run(batch, job, output_files=[output("../stdout.txt", read_only, None)], command_line="true").execution_info
    assert (info.exit_code, info.result) == (0, "failure")
    assert info.failure_info.code == "FileUploadAccessDenied"


def test_append_blobs_ranges_and_conditions_work(container: ContainerClient) -> None:
    """What the node's log streaming builds on is Azurite's own, and must be there."""
    from azure.core.exceptions import HttpResponseError

    blob = container.get_blob_client("log")
    blob.create_append_blob()
    for part in (b"one\n", b"two\n"):
        blob.append_block(part)
    assert blob.download_blob(offset=4).readall() == b"two\n"
    with pytest.raises(HttpResponseError):
        blob.append_block(b"x", appendpos_condition=3)
    container.upload_blob("state", b"1")
    etag = container.get_blob_client("state").get_blob_properties().etag
    container.upload_blob("state", b"2", overwrite=True)
    from azure.core import MatchConditions

    with pytest.raises(HttpResponseError):
        container.upload_blob("state", b"3", overwrite=True, etag=etag, match_condition=MatchConditions.IfNotModified)
