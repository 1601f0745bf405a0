"""XComs of a deferred task, which its trigger reads and writes."""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["read_xcom", "write_xcom"]


async def read_xcom(ti: Any, key: str) -> Any:
    """Return an XCom of a task instance; None where there is none."""
    from airflow.providers.common.compat.sdk import XCom

    if hasattr(XCom, "aget_one"):
        return await XCom.aget_one(key=key, **_key_of(ti))
    # Airflow 3.2 has the call that blocks only, and in the event loop it would hold up all triggers of the process.
    return await asyncio.to_thread(XCom.get_one, key=key, **_key_of(ti))


async def write_xcom(ti: Any, key: str, value: Any) -> None:
    """Write an XCom of a task instance, over the one that is there."""
    from airflow.providers.common.compat.sdk import XCom

    if hasattr(XCom, "aset"):
        await XCom.aset(key=key, value=value, **_key_of(ti))
    else:  # as in read_xcom
        await asyncio.to_thread(XCom.set, key=key, value=value, **_key_of(ti))


def _key_of(ti: Any) -> dict[str, Any]:
    return {"dag_id": ti.dag_id, "task_id": ti.task_id, "run_id": ti.run_id, "map_index": ti.map_index}
