"""XComs that triggers read and write: with Airflow's async calls, and without them, as on Airflow 3.2."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_aztk.triggers.xcoms import read_xcom, write_xcom

TI = SimpleNamespace(dag_id="d", task_id="t", run_id="r", map_index=3)
KEY = {"dag_id": "d", "task_id": "t", "run_id": "r", "map_index": 3, "key": "k"}


def note(seen: list[Any], values: dict[str, Any]) -> None:
    """Note a call, and whether it holds up the event loop."""
    seen.append((values, threading.current_thread() is threading.main_thread()))


def make_xcom(seen: list[Any], *, with_async: bool) -> type:
    """Make the XCom class of an Airflow that has the async calls, or has not."""

    class Blocking:
        @classmethod
        def get_one(cls, **values: Any) -> Any:
            note(seen, values)
            return {"a": 7}

        @classmethod
        def set(cls, **values: Any) -> None:
            note(seen, values)

    class Async(Blocking):
        @classmethod
        async def aget_one(cls, **values: Any) -> Any:
            note(seen, values)
            return {"a": 7}

        @classmethod
        async def aset(cls, **values: Any) -> None:
            note(seen, values)

    return Async if with_async else Blocking


@pytest.mark.parametrize("with_async", [True, False], ids=["Airflow 3.3", "Airflow 3.2"])
def test_the_loop_is_never_held_up(monkeypatch: pytest.MonkeyPatch, with_async: bool) -> None:
    seen: list[Any] = []
    xcom = make_xcom(seen, with_async=with_async)
    monkeypatch.setattr("airflow.providers.common.compat.sdk.XCom", xcom, raising=False)

    assert asyncio.run(read_xcom(TI, "k")) == {"a": 7}
    asyncio.run(write_xcom(TI, "k", "v"))

    assert seen == [(KEY, with_async), ({**KEY, "value": "v"}, with_async)]
