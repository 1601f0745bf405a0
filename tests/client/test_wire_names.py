"""Every property that we send is one that the official SDK knows: a misspelt one would be lost or refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from azure.batch import models as sdk

from airflow_provider_aztk.client import _batch_requests
from airflow_provider_aztk.client.models import (
    ApplicationConfiguration,
    ClusterConfiguration,
    DockerConfiguration,
    _sizes,
)

IMAGE = _sizes.VmImage("microsoft-dsvm", "ubuntu-hpc", "2404", "latest", "batch.node.ubuntu 24.04")
URL = "https://store.blob.core.windows.net/aztk-c-1?sig=SIGNATURE"


def unknown_names(model: Any, sent: dict[str, Any], path: str = "") -> list[str]:
    attributes = {field._rest_name: name for name, field in type(model)._attr_to_rest_field.items()}
    found = []
    for name, value in sent.items():
        where = f"{path}.{name}"
        if name not in attributes:
            found.append(where)
            continue
        read = getattr(model, attributes[name])
        pairs = zip(read, value, strict=True) if isinstance(value, list) else [(read, value)]
        for item, raw in pairs:
            if isinstance(raw, dict):
                found += unknown_names(item, raw, where)
    return found


def test_the_check_finds_a_misspelt_name() -> None:
    sent = {"id": "x", "poolInfo": {"autoPoolSpecification": {"keepalive": True}}}
    assert unknown_names(sdk.BatchJobCreateOptions(sent), sent) == [".poolInfo.autoPoolSpecification.keepalive"]


def test_jobs() -> None:
    conf = ClusterConfiguration(
        cluster_id="c",
        vm_count=2,
        subnet_id="/subscriptions/x",
        ssh_allowed_sources=["203.0.113.0/24"],
        max_lifetime=timedelta(hours=1),
        metadata={"a": "b"},
    )
    docker = DockerConfiguration(username="u", password="p")
    body = _batch_requests.job_body(conf, mode="job", container_url=URL, image=IMAGE, docker=docker, definition="d")
    assert unknown_names(sdk.BatchJobCreateOptions(body), body) == []


def test_tasks(program: str) -> None:
    conf = ClusterConfiguration(cluster_id="c", vm_count=2)
    app = ApplicationConfiguration(name="a", application=program, max_wall_clock=60)  # type: ignore[arg-type]
    tasks = [
        *_batch_requests.cluster_tasks(conf, URL),
        _batch_requests.application_task(app, {"imageName": "x", "containerRunOptions": ""}, URL),
        *_batch_requests.finish_tasks(["a"], {"imageName": "x"}, URL),
    ]
    for task in tasks:
        assert unknown_names(sdk.BatchTaskCreateOptions(task), task) == []
