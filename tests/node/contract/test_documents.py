"""The documents of the protocol: what is read, refused and written; each survives the way there and back."""

from __future__ import annotations

import dataclasses
import json
import typing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.contract import (
    Application,
    Cluster,
    ClusterStatus,
    Document,
    FileRef,
    InvalidDocumentError,
    JsonObject,
    Master,
)

SIGNATURE = "s3cr3t"
DOCUMENTS = [
    found
    for found in vars(contract).values()
    if isinstance(found, type) and issubclass(found, Document) and found is not Document
]
TEXT = st.text(max_size=20)
PLAIN_NAME = TEXT.filter(lambda text: text not in ("", ".", "..") and "/" not in text)
SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: st.integers(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    FileRef: st.one_of(
        st.builds(FileRef, blob=st.just("files/0af/x"), name=PLAIN_NAME, alias=st.one_of(st.just(""), PLAIN_NAME)),
        st.builds(FileRef, url=st.just("https://host/x?sig=y"), name=st.one_of(st.just(""), PLAIN_NAME)),
    ),
}


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Return values of a field's type."""
    arguments = typing.get_args(hint)
    if hint in SIMPLE:
        return SIMPLE[hint]
    if typing.get_origin(hint) is typing.Union:
        return st.none() | values(arguments[0])
    if typing.get_origin(hint) is list:
        return st.lists(values(arguments[0]), max_size=3)
    if typing.get_origin(hint) is dict:
        return st.dictionaries(TEXT, values(arguments[1]), max_size=3)
    hints = typing.get_type_hints(hint)
    return st.builds(hint, **{each.name: values(hints[each.name]) for each in dataclasses.fields(hint)})


def shown(value: JsonObject) -> dict[str, Any]:
    """Return all fields: those of a master that do not make it another master, too."""
    return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}  # type: ignore[arg-type]


def test_there_are_the_ten_documents_of_the_protocol() -> None:
    assert len(DOCUMENTS) == 10


@pytest.mark.parametrize("model", DOCUMENTS)
@settings(max_examples=30)  # each has many fields, and there are ten kinds
@given(data=st.data())
def test_a_document_survives_the_way_there_and_back(model: type[Document], data: st.DataObject) -> None:
    document = data.draw(values(model))
    again = model.from_bytes(document.to_bytes(), "it")
    assert shown(again) == shown(document)
    assert json.loads(document.to_bytes())["version"] == contract.PROTOCOL_VERSION


@pytest.mark.parametrize(
    ("document", "wire"),
    [
        (
            Master("2026-11-25T08:00:00.000Z", 2, "n", "10.0.0.4", 7077, 8080, 1, 2, False, []),
            {
                "started": "2026-11-25T08:00:00.000Z",
                "attempt": 2,
                "node_id": "n",
                "host": "10.0.0.4",
                "port": 7077,
                "web_port": 8080,
                "url": "spark://10.0.0.4:7077",
                "workers": 1,
                "target_workers": 2,
                "waiting_for_workers": False,
                "failed_workers": [],
            },
        ),
        (
            ClusterStatus(1, "alive", workers=2, cores=8, active_applications=0, idle_seconds=7),
            {
                "attempt": 1,
                "state": "alive",
                "reason": "",
                "workers": 2,
                "cores": 8,
                "active_applications": 0,
                "idle_seconds": 7,
            },
        ),
        (
            ClusterStatus(1, "failed", "why", exit_code=222, final=False),
            {"attempt": 1, "state": "failed", "reason": "why", "exit_code": 222, "final": False},
        ),
        (contract.Lease("n"), {"node_id": "n"}),
        (contract.Attempt(3, "n", 1), {"attempt": 3, "node_id": "n", "failures": 1}),
        (
            contract.Result("lost", 221, 1, "m"),
            {"outcome": "lost", "exit_code": 221, "attempt": 1, "message": "m", "final": False},
        ),
        (contract.Access("https://a/c?sas"), {"container_url": "https://a/c?sas"}),
        (contract.Secrets({"a": "b"}), {"conf": {"a": "b"}, "env": {}}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_document_has_its_shape_on_the_wire(document: Document, wire: dict[str, Any]) -> None:
    assert document.to_json() == {"version": 1, **wire}


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"version": 2}', b"{}"])
def test_a_document_that_is_not_ours_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidDocumentError):
        contract.Secrets.from_bytes(data, "it")


def test_a_document_with_something_missing_is_refused_by_name() -> None:
    with pytest.raises(InvalidDocumentError, match=r"cluster\.json.*gate_timeout_seconds"):
        Cluster.from_bytes(b'{"version": 1}', "cluster.json")


@pytest.mark.parametrize(
    "changes",
    [{"nodes": "many"}, {"reserves": {"disk_mb": 1}}, {"scripts": [{"name": "s"}]}, {"jars": ["x.jar"]}],
)
def test_a_document_with_a_wrong_value_is_refused(changes: dict[str, Any]) -> None:
    value = {"version": 1, "mode": "cluster", "nodes": 1, "gate_timeout_seconds": 1, **changes}
    with pytest.raises(InvalidDocumentError, match=r"cluster\.json does not match the protocol"):
        Cluster.from_bytes(json.dumps(value).encode(), "cluster.json")


def test_unknown_fields_of_a_document_are_ignored() -> None:
    found = Application.from_json({"name": "a", "application": {"url": "u", "x": 1}, "later": 1, "max_cores": None})
    assert found == Application("a", FileRef(url="u"))


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".."])
def test_a_file_cannot_leave_its_directory(name: str) -> None:
    with pytest.raises(InvalidDocumentError):
        FileRef.from_json({"blob": "files/0/x", "name": name})


@pytest.mark.parametrize(
    "value", [{"url": f"https://h/x?sig={SIGNATURE}", "name": "../x"}, {"blob": "b", "name": "x", "alias": "a/b"}]
)
def test_names_that_leave_their_folder_are_refused_without_the_signature(value: dict[str, str]) -> None:
    with pytest.raises(InvalidDocumentError) as raised:
        FileRef.from_json(value)
    assert SIGNATURE not in str(raised.value)


def test_masters_with_other_workers_are_the_same_master() -> None:
    where = Master("t", 1, "n", "10.0.0.4", 7077, 8080)
    assert dataclasses.replace(where, workers=3, waiting_for_workers=True) == where
    assert dataclasses.replace(where, started="later") != where


def test_a_property_that_is_a_boolean_is_read_as_spark_writes_it() -> None:
    raw = {"name": "a", "application": {"url": "u"}, "conf": {"a": True, "b": 2}}
    assert Application.from_json(raw).conf == {"a": "true", "b": "2"}


def test_secrets_and_the_sas_are_in_no_repr() -> None:
    secrets = contract.Secrets(conf={"a": SIGNATURE}, env={"B": SIGNATURE})
    assert SIGNATURE not in repr([secrets, contract.Access(f"https://a/c?{SIGNATURE}")])
