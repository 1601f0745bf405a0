"""What a node offers, within the limits of its container."""

from __future__ import annotations

import socket

import pytest

from airflow_provider_aztk.node import machine
from airflow_provider_aztk.node.contract import EXIT_NO_ADDRESS, Reserves
from airflow_provider_aztk.node.errors import NoAddressError


def test_the_limits_of_containers_count() -> None:
    two = {"/sys/fs/cgroup/cpu.max": "150000 100000\n", "/sys/fs/cgroup/memory.max": "1073741824\n"}
    one = {
        "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000\n",
        "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes": "2147483648\n",
    }
    none = {
        "/sys/fs/cgroup/cpu.max": "max 100000\n",
        "/sys/fs/cgroup/memory.max": "max\n",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    }
    unlimited_one = {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}
    read = [lambda path, files=files: files.get(path, "") for files in (two, one, none, unlimited_one, {})]
    assert [machine.cpu_quota(each) for each in read] == [1.5, 2.0, None, None, None]
    assert [machine.memory_limit_mb(each) for each in read] == [1024, 2048, None, None, None]


def test_a_worker_offers_what_is_left() -> None:
    reserves = Reserves(system_memory_mb=500, master_memory_mb=1000, driver_memory_mb=2000, cores=1)
    assert machine.memory_offered_mb(machine.Capacity(4, 16000), reserves, beside_master=True) == 12500
    assert machine.memory_offered_mb(machine.Capacity(4, 16000), reserves, beside_master=False) == 13500
    assert machine.memory_offered_mb(machine.Capacity(1, 1000), reserves, beside_master=True) == 512
    assert machine.cores_offered(machine.Capacity(4, 1), reserves) == 3
    assert machine.cores_offered(machine.Capacity(1, 1), reserves) == 1


def test_a_port_that_is_taken_is_not_used() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = taken.getsockname()[1]
        assert machine.free_port("127.0.0.1", wanted) != wanted


def test_a_name_that_is_not_resolved_at_first_is_asked_for_again() -> None:
    answers: list[object] = [
        socket.gaierror(-3, "Temporary failure in name resolution"),
        OSError(101, "no route"),
        "10.0.0.4",
    ]

    def look(host: str, port: int) -> str:
        assert (host, port) == ("account.blob.core.windows.net", 443)
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return str(answer)

    pauses: list[float] = []
    assert machine.own_address({}, "account.blob.core.windows.net", 443, pauses.append, look) == "10.0.0.4"
    assert len(pauses) == 2
    assert machine.own_address({"SPARK_LOCAL_IP": "10.0.0.5"}, "account", 443, pauses.append, look) == "10.0.0.5"


def test_a_name_that_is_never_resolved_is_a_failure_with_its_own_text() -> None:
    def look(host: str, port: int) -> str:
        raise socket.gaierror(-2, "Name or service not known")

    pauses: list[float] = []
    with pytest.raises(NoAddressError, match=r"no way to account.blob .*Name or service not known") as caught:
        machine.own_address({}, "account.blob", 443, pauses.append, look)
    assert sum(pauses) == 60
    assert caught.value.exit_code == EXIT_NO_ADDRESS
