"""A container in docker's own network is recognised, and nothing else."""

from __future__ import annotations

import pytest

from airflow_provider_aztk.node.contract import EXIT_NO_HOST_NETWORK
from airflow_provider_aztk.node.errors import NoHostNetworkError
from airflow_provider_aztk.node.network import check_host_network


def test_a_container_in_dockers_own_network_is_refused() -> None:
    with pytest.raises(NoHostNetworkError, match=r"host networking was not applied: .* 172\.17\.0\.2 ") as caught:
        check_host_network("172.17.0.2", ["lo", "eth0"])
    assert caught.value.exit_code == EXIT_NO_HOST_NETWORK


@pytest.mark.parametrize(
    ("host", "interfaces"),
    [
        ("10.0.0.4", ["lo", "eth0", "docker0"]),
        ("172.17.0.4", ["lo", "eth0", "docker0"]),  # a subnet of these addresses, seen from the host
        ("172.18.0.4", ["lo", "eth0"]),
        ("127.3.4.5", ["lo"]),
        ("a-name", ["lo"]),
    ],
)
def test_what_other_nodes_reach_is_taken(host: str, interfaces: list[str]) -> None:
    check_host_network(host, interfaces)
