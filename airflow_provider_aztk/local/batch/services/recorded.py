"""Behave as a real account has: what a recording's answers mean for the emulator.

Each answer that differs from what the emulator assumes is an order that stays, also when all faults are cleared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from airflow_provider_aztk.local.batch.common.values import Json
from airflow_provider_aztk.local.batch.execution.environment import BRIDGE_ADDRESS, NodeEnvironment
from airflow_provider_aztk.local.batch.services.faults import FaultInjector, HttpFault
from airflow_provider_aztk.local.batch.services.orders import PoolOrder

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.common.recording import Recording

__all__ = ["EFFECTS", "apply_recorded", "describe_recording"]

Effect: TypeAlias = Callable[[FaultInjector, Json], bool]


def _remote_login(faults: FaultInjector, answer: Json) -> bool:
    status = answer.get("status")
    if not isinstance(status, int) or not 400 <= status <= 599:
        return False
    code = str(answer.get("code") or "")
    fault = HttpFault(operation="get_node_remote_login_settings", status=status, code=code, count=-1)
    faults.http.append(fault)
    return True


def _auto_pool_id(faults: FaultInjector, answer: Json) -> bool:
    between = answer.get("between")
    if not isinstance(between, str):
        return False
    faults.pool_id_separator = between
    return True


def _terminated_condition(faults: FaultInjector, answer: Json) -> bool:
    faults.orders.terminated_blocks = "blocks" in (answer.get("running"), answer.get("waiting"))
    return faults.orders.terminated_blocks


def _exit_code_zero(faults: FaultInjector, answer: Json) -> bool:
    faults.orders.zero_never_acts = answer.get("job_ends") is False
    return faults.orders.zero_never_acts


def _early_deletion(faults: FaultInjector, answer: Json) -> bool:
    survives = answer.get("pool_gone") is False
    if survives:
        faults.orders.surviving_pools.append(PoolOrder(count=-1))
    return survives


def _network_host(faults: FaultInjector, answer: Json) -> bool:
    ignored = answer.get("taken") is True and answer.get("address") != "the node's"
    if ignored:
        faults.orders.environments.append(("*", NodeEnvironment(address=BRIDGE_ADDRESS)))
    return ignored


def _run_options(faults: FaultInjector, answer: Json) -> bool:
    """Refuse the options, each recorded with its value, that Azure has refused; ``--gpus`` is refused anyway."""
    refused = {str(option).split()[0] for option, end in answer.items() if end == "ContainerInvalidSettings"}
    refused -= {"--gpus"}
    faults.orders.refused_options |= refused
    return bool(refused)


def _retry_node(faults: FaultInjector, answer: Json) -> bool:
    faults.orders.retries_move = answer.get("node") == "another"
    return faults.orders.retries_move


#: By the id of the question: gives the order that an answer means, and returns whether there is one.
EFFECTS: Mapping[str, Effect] = {
    "remote-login": _remote_login,
    "auto-pool-id": _auto_pool_id,
    "terminated-condition": _terminated_condition,
    "exit-code-zero": _exit_code_zero,
    "early-deletion": _early_deletion,
    "network-host": _network_host,
    "retry-node": _retry_node,
    "run-options": _run_options,
}


def apply_recorded(answers: Mapping[str, Json], faults: FaultInjector) -> list[str]:
    """Give the orders that answers mean, and return the ids of those that the emulator takes over."""
    return [id for id, answer in answers.items() if id in EFFECTS and EFFECTS[id](faults, answer)]


def describe_recording(recording: Recording) -> list[str]:
    """Say, for people, what of a recording the emulator takes over, and what it cannot."""
    taken = sorted(apply_recorded(recording.answers, FaultInjector()))
    left = sorted(recording.answers.keys() - {"images", *taken})
    return [
        f"{len(recording.images)} images of the account",
        f"as the emulator assumes: {', '.join(recording.same) or 'nothing'}",
        f"taken over: {', '.join(taken) or 'nothing'}",
        f"different on Azure, and not taken over: {', '.join(left) or 'nothing'}",
    ]
