"""Container names are legal for every legal id, and differ where the ids do."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aztk.client import _naming

LEGAL = re.compile(r"[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9]")
ids = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)


@given(ids)
def test_every_id_gives_a_legal_container_name(id: str) -> None:
    assert LEGAL.fullmatch(_naming.container_name(id))
    assert len(_naming.pool_prefix(id)) <= 20


@given(ids, ids)
def test_names_are_equal_only_for_ids_that_azure_takes_as_equal(one: str, other: str) -> None:
    assert (_naming.container_name(one) == _naming.container_name(other)) == (one.lower() == other.lower())


def test_metadata_round_trip() -> None:
    values = {"a": "1", "b": ""}
    assert _naming.from_metadata(_naming.to_metadata(values)) == values
    assert _naming.from_metadata(None) == {}
