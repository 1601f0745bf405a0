"""Blobs are listed and deleted on an account with a hierarchical namespace, whose directories are no blobs."""

from __future__ import annotations

import base64

import pytest

from airflow_provider_aztk.client import models
from airflow_provider_aztk.client._azure.listings import DeleteBlob, blob_names, delete_blobs_but
from airflow_provider_aztk.client._runners import Runner
from airflow_provider_aztk.client.errors import ServiceError
from tests.support.hierarchical import Hierarchical, hierarchical

BLOBS = ("apps/one/log/000000", "apps/one/stop", "files/0af/app.py", "node/conf/spark-env.sh", "node/cluster.json")


def runner(container: Hierarchical) -> Runner:
    key = base64.b64encode(b"k" * 64).decode()
    return Runner(
        models.SecretsConfiguration(
            shared_key=models.SharedKeyConfiguration(
                batch_account_name="b",
                batch_account_key=key,
                batch_service_url="http://127.0.0.1:9",
                storage_account_name="a",
                storage_account_key=key,
                storage_service_url=container.url,
            )
        )
    )


def test_directories_are_no_blobs() -> None:
    with hierarchical(*BLOBS) as container:
        blobs, directories = runner(container).run(blob_names("c"))
    assert blobs == sorted(BLOBS)
    assert directories == ["apps", "apps/one", "apps/one/log", "files", "files/0af", "node", "node/conf"]


def test_directories_go_deepest_first_and_those_that_hold_what_is_kept_stay() -> None:
    with hierarchical(*BLOBS) as container:
        runner(container).run(delete_blobs_but("c", lambda name: name.startswith("files/")))
    assert container.blobs == {"files/0af/app.py"}
    assert container.directories == {"files", "files/0af"}
    assert container.deleted[-5:] == ["apps/one/log", "apps/one", "node/conf", "apps", "node"]


def test_a_directory_that_holds_something_is_no_error_and_another_conflict_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with hierarchical(*BLOBS) as container:
        client = runner(container)
        client.run(DeleteBlob("c", "files"))
        assert "files" in container.directories
        monkeypatch.setattr(container, "delete", lambda name: (409, "LeaseIdMissing"))
        with pytest.raises(ServiceError) as caught:
            client.run(DeleteBlob("c", "files"))
    assert caught.value.code == "LeaseIdMissing"
