"""A connection read without Airflow is the one that Airflow reads."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from airflow_provider_aztk.hooks.aztk import AztkHook
from airflow_provider_aztk.hooks.connection import environment_secrets
from tests.support.airflow_home import CONNECTION, KEY

_EXTRA = f"storage_account_name=store&storage_access_key={quote(KEY, safe='')}"
_LOGIN = f"acc:{quote(KEY, safe='')}"
_URL = "https://acc.westeurope.batch.azure.com"


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(CONNECTION),
        json.dumps({**CONNECTION, "extra": json.dumps(CONNECTION["extra"])}),
        json.dumps({**CONNECTION, "host": "acc.westeurope.batch.azure.com", "port": "443"}),
        f"aztk://{_LOGIN}@{quote(_URL, safe='')}/?{_EXTRA}",
        f"aztk://{_LOGIN}@acc.westeurope.batch.azure.com:443/?{_EXTRA}",
        f"aztk://{_LOGIN}@acc.westeurope.batch.azure.com/?__extra__={quote(json.dumps(CONNECTION['extra']), safe='')}",
        f"aztk://{_LOGIN}@{quote('http://127.0.0.1:1234', safe='')}/?{_EXTRA}",
    ],
)
def test_it_is_airflows(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AZTK_DEFAULT", text)
    read = environment_secrets("aztk_default")
    assert read == AztkHook().secrets
    assert read.shared_key is not None
    assert read.shared_key.storage_account_key == KEY
