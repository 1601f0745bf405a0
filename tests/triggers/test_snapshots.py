"""Which waits share one poll."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client import SharedPoller
from airflow_provider_aztk.hooks.aztk import AztkHook
from airflow_provider_aztk.triggers.snapshots import SharedSnapshots

if TYPE_CHECKING:
    import pytest


def test_waits_share_a_poll_if_they_have_the_same_credentials(
    connection: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: list[str] = []
    monkeypatch.setattr(
        SharedPoller, "shared", lambda key, _: keys.append(key) or SimpleNamespace(watch=lambda *_, **__: None)
    )

    def key(**changes: Any) -> str:
        monkeypatch.setenv("AIRFLOW_CONN_AZTK_DEFAULT", json.dumps({**connection, **changes}))
        asyncio.run(SharedSnapshots(AztkHook("aztk_default")).watch("x", 1.0))
        return keys[-1]

    assert key() == key()
    assert key() != key(login="other"), "edited while the triggerer runs, or another team's"
    assert key() != key(password="b3RoZXI="), "a new key must be used, and not the one that was withdrawn"
    assert connection["password"] not in key()
