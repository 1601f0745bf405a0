"""Two who create the same id at once: one wins, and what it gets is its own."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.client import Client, errors, models
from airflow_provider_aztk.client._azure.storage import GetBlob
from airflow_provider_aztk.client._naming import container_name
from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aztk.client._runners import Runner

pytestmark = pytest.mark.slow  # whole clusters, several at once


def test_the_winner_of_two_definitions_keeps_its_own(client: Client, runner: Runner, cluster_id: str) -> None:
    def create(cores: int) -> int | None:
        try:
            client.create_cluster(models.ClusterConfiguration(cluster_id=id, vm_count=1, default_cores=cores))
        except errors.ClusterExistsError:
            return None
        return cores

    for attempt in range(3):
        id = f"{cluster_id}-{attempt}"
        with ThreadPoolExecutor(3) as pool:
            winners = [cores for cores in pool.map(create, (1, 2, 3)) if cores]
        written = runner.run(GetBlob(container_name(id), contract.ClusterBlobs.DEFINITION))
        assert winners == [json.loads(written or b"{}")["default_cores"]]


def test_kept_logs_do_not_hold_up_the_next_of_this_id(
    client: Client, two_nodes: str, write_program: Callable[..., str]
) -> None:
    client.delete_cluster(two_nodes, keep_logs=True, wait=True)
    conf = models.ClusterConfiguration(cluster_id=two_nodes, vm_count=1)
    assert client.create_cluster(conf, wait=True, timeout=20, poll_interval=0.5).is_ready


@pytest.mark.parametrize("place", [{"offset": -1}, {"offset": None}, {"offset": "5"}, {"max_bytes": 0}])
def test_a_place_that_no_log_has_is_refused(client: Client, place: dict[str, int]) -> None:
    with pytest.raises(errors.InvalidConfigurationError, match=next(iter(place))):
        client.read_log("c", "a", **place)


def test_a_text_is_no_list_of_ids(client: Client) -> None:
    with pytest.raises(errors.InvalidConfigurationError, match="give a list"):
        client.wait_until_all_clusters_are_ready("abc", timeout=1)


def test_a_dict_or_a_file_that_is_gone_is_refused_clearly(
    client: Client, two_nodes: str, write_program: Callable[..., str]
) -> None:
    with pytest.raises(errors.InvalidConfigurationError, match="from_dict"):
        client.create_cluster({"cluster_id": "x"})  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidConfigurationError, match="from_dict"):
        client.submit(two_nodes, {"name": "x"})  # type: ignore[arg-type]
    program = Path(write_program("pass\n"))
    app = models.ApplicationConfiguration(name="a", application=str(program))
    program.unlink()
    with pytest.raises(errors.InvalidConfigurationError, match=r"program\.py.*cannot be read"):
        client.submit(two_nodes, app)
    assert client.list_cluster_applications(two_nodes) == []
