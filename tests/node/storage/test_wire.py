"""The responses of Azure Storage are read."""

from __future__ import annotations

import pytest

from airflow_provider_aztk.node.storage.blobs import Policy
from airflow_provider_aztk.node.storage.http_blobs import HttpBlobs
from airflow_provider_aztk.node.storage.wire import BlobInfo, listing, retry_after
from tests.support.hierarchical import hierarchical


def test_a_listing_is_read() -> None:
    body = (
        "<?xml version='1.0'?><EnumerationResults><Blobs><Blob><Name>a/ü</Name><Properties>"
        "<Last-Modified>Sun, 22 Nov 2026 10:00:00 GMT</Last-Modified><Content-Length>7</Content-Length>"
        "</Properties></Blob></Blobs><NextMarker>more</NextMarker></EnumerationResults>"
    ).encode()
    found, marker = listing(body, {"Date": "Sun, 22 Nov 2026 10:01:30 GMT"})
    assert found == [BlobInfo("a/ü", 7, 90.0)]
    assert marker == "more"


@pytest.mark.parametrize(("text", "seconds"), [("3", 3.0), (None, None), ("soon", None), ("99999", 120.0), ("-1", 0.0)])
def test_retry_after_is_honoured_within_reason(text: str | None, seconds: float | None) -> None:
    assert retry_after({} if text is None else {"Retry-After": text}) == seconds


def test_the_directories_of_a_hierarchical_namespace_are_no_blobs() -> None:
    with hierarchical("cluster/leases/app", "cluster/leases/deep/x") as container:
        blobs = HttpBlobs(f"{container.url}/c?sig=x", Policy(patience=0.0))
        assert [blob.name for blob in blobs.list("cluster/leases/")] == ["cluster/leases/app", "cluster/leases/deep/x"]


def test_a_directory_is_known_by_its_resource_type_as_well() -> None:
    body = (
        b"<?xml version='1.0'?><EnumerationResults><Blobs><Blob><Name>d</Name><Properties>"
        b"<ResourceType>directory</ResourceType></Properties></Blob><Blob><Name>f</Name><Properties>"
        b"<ResourceType>file</ResourceType></Properties></Blob></Blobs><NextMarker/></EnumerationResults>"
    )
    assert [blob.name for blob in listing(body, {})[0]] == ["f"]
