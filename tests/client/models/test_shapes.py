"""Shapes that code written for the original AZTK uses."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_aztk.client import _batch_responses, errors, models
from airflow_provider_aztk.client.models import _record, cluster

HERE = str(Path(__file__))
NODE = {
    "id": "n1",
    "state": "idle",
    "ipAddress": "10.0.0.4",
    "isDedicated": True,
    "errors": [{"code": "x"}],
    "endpointConfiguration": {"inboundEndpoints": [{"frontendPort": 4000}]},
}


@pytest.mark.parametrize(
    "error",
    [
        errors.AztkError("m"),
        errors.ClusterNotFoundError("m", id="i"),
        errors.WaitTimeoutError("m"),
        errors.ServiceError("m", code="C"),
        errors.ClusterFailedError("m", id="i"),
        errors.AuthenticationError("m"),
        errors.ConnectionFailedError("m"),
    ],
)
def test_every_error_has_its_message(error: errors.AztkError) -> None:
    assert error.message == "m"
    assert pickle.loads(pickle.dumps(error)).message == "m"


def test_a_configuration_error_has_one_too() -> None:
    error = errors.InvalidConfigurationError("x", [errors.FieldError("a", "b", "c")])
    assert error.message == str(error)


@pytest.mark.parametrize(
    ("model", "given", "expected"),
    [
        (models.CustomScript, ("name", HERE, "master"), {"name": "name", "script": HERE, "run_on": "master"}),
        (models.SparkConfiguration, (HERE, None, None, [HERE]), {"spark_defaults_conf": HERE, "jars": (HERE,)}),
        (
            models.SharedKeyConfiguration,
            ("b", "QUJD", "https://b", "s", "QUJE", "core.windows.net"),
            {"storage_account_key": "QUJE"},
        ),
        (models.DockerConfiguration, ("r.io", "u", "p"), {"endpoint": "r.io", "username": "u", "password": "p"}),
        (
            models.ClusterConfiguration,
            ([], "c", 2, "standard_d2s_v5", None, "a/b:1", None),
            {"cluster_id": "c", "vm_count": 2, "docker_repo": "a/b:1"},
        ),
        (
            models.ApplicationConfiguration,
            ("a", HERE, ["x"], None, [], [], [], "-Dx", None, None, "1g", "2g", 1, 2, 3),
            {
                "name": "a",
                "driver_java_options": "-Dx",
                "driver_memory": "1g",
                "executor_memory": "2g",
                "executor_cores": 2,
                "max_retry_count": 3,
            },
        ),
        (models.RemoteLogin, ("1.2.3.4", 22), {"ip_address": "1.2.3.4", "port": 22}),
        (
            models.ApplicationLog,
            ("a", "c", "text", 4, models.ApplicationState.COMPLETED, 0),
            {"log": "text", "exit_code": 0},
        ),
    ],
)
def test_positional_arguments_in_aztks_order(model: Any, given: tuple[Any, ...], expected: dict[str, Any]) -> None:
    built = model(*given)
    assert {name: getattr(built, name) for name in expected} == expected


def test_secrets_in_aztks_order() -> None:
    key = models.SharedKeyConfiguration("b", "QUJD", "https://b", "s", "QUJD")
    secrets = models.SecretsConfiguration(None, key, None, "ssh-rsa A", None)
    assert (secrets.shared_key, secrets.ssh_pub_key) == (key, "ssh-rsa A")


@pytest.mark.parametrize(
    ("model", "field"), [(models.CustomScript, "script"), (models.ClusterConfiguration, "cluster_id")]
)
def test_what_is_needed_is_still_asked_for(model: Any, field: str) -> None:
    for build in (model, lambda: model.from_dict({})):
        with pytest.raises(errors.InvalidConfigurationError) as error:
            build()
        assert field in {fault.field for fault in error.value.faults}


class TestNodes:
    def cluster(self) -> models.Cluster:
        job = {"id": "c", "state": "active", "metadata": []}
        return _batch_responses.cluster(
            job, {"id": "p", "state": "active", "vmSize": "s", "allocationState": "steady"}, [NODE], None
        )

    def test_their_attributes(self) -> None:
        node = next(iter(self.cluster().nodes))
        assert (node.id, node.state, node.ip_address, node.ipAddress, node.is_dedicated) == (
            "n1",
            "idle",
            "10.0.0.4",
            "10.0.0.4",
            True,
        )
        assert node.endpoint_configuration.inbound_endpoints[0].frontend_port == 4000
        assert node.start_task_info is None if "startTaskInfo" in node else node.running_tasks_count is None

    def test_names_with_abbreviations(self) -> None:
        found = cluster.Node({"endpointConfiguration": {"inboundEndpoints": [{"publicIPAddress": "1.2.3.4"}]}})
        (endpoint,) = found.endpoint_configuration.inbound_endpoints
        assert endpoint.public_ip_address == endpoint.publicIPAddress == "1.2.3.4"
        pool = _record.Record({"virtualMachineConfiguration": {"nodeAgentSKUId": "batch.node.ubuntu 24.04"}})
        assert pool.virtual_machine_configuration.node_agent_sku_id == "batch.node.ubuntu 24.04"

    def test_they_are_mappings_as_well(self) -> None:
        node = self.cluster().nodes[0]
        assert (node["id"], node.get("nothing"), dict(node)) == ("n1", None, NODE)
        assert node == NODE
        assert pickle.loads(pickle.dumps(node)) == node

    def test_they_are_read_only_and_know_their_names(self) -> None:
        node = self.cluster().nodes[0]
        with pytest.raises(AttributeError, match="read only"):
            node.id = "x"
        with pytest.raises(AttributeError, match="colour"):
            _ = node.colour

    def test_the_pool(self) -> None:
        cluster = self.cluster()
        assert cluster.pool is not None
        assert (cluster.pool.id, cluster.pool.vm_size, cluster.pool["vmSize"]) == ("p", "s", "s")
