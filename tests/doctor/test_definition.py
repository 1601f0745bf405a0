"""The definition that doctor checks for: in all forms that operators take, and wrong ones."""

from __future__ import annotations

import argparse
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.client import errors, models
from airflow_provider_aztk.doctor.command import main
from airflow_provider_aztk.doctor.definition import read_cluster
from tests.hooks.test_hook import ENTRA_ID
from tests.support.airflow_home import KEY

if TYPE_CHECKING:
    from pathlib import Path

KEYS = models.SecretsConfiguration(
    shared_key=models.SharedKeyConfiguration(
        batch_account_name="acc",
        batch_account_key=KEY,
        batch_service_url="http://127.0.0.1:1",
        storage_account_name="store",
        storage_account_key=KEY,
        storage_service_url="http://127.0.0.1:1/store",
    )
)
ENTRA = models.SecretsConfiguration(service_principal=models.ServicePrincipalConfiguration(**ENTRA_ID))
JOB = """
job:
  id: nightly
  cluster_configuration:
    vm_size: standard_e4ds_v5
    size: 3
  applications:
    - name: pi
      application: pi.py
"""


@pytest.mark.parametrize(
    ("text", "size", "nodes"),
    [
        ("vm_size: standard_e4ds_v5\nvm_count: 3", "standard_e4ds_v5", 3),
        ("id: pi\nvm_size: standard_d8ds_v5\nsize: 1\n", "standard_d8ds_v5", 1),
        (json.dumps({"cluster_id": "pi", "vm_low_pri_count": 4}), "standard_d4ds_v5", 4),
        (JOB, "standard_e4ds_v5", 3),
    ],
    ids=["ours", "aztk", "json", "job"],
)
def test_forms(text: str, size: str, nodes: int, tmp_path: Path) -> None:
    file = tmp_path / "definition.yaml"
    file.write_text(text)
    (tmp_path / "pi.py").write_text("")
    found = read_cluster(str(file), KEYS)
    assert (found.vm_size, found.nodes) == (size, nodes)


def test_without_a_file() -> None:
    assert read_cluster(None, KEYS).max_lifetime is None
    assert read_cluster(None, ENTRA).max_lifetime == timedelta(days=1)


@pytest.mark.parametrize("text", ["vm_count: many", "[1]", "vm_count: 1\nvm_sise: x", "{", "vm_count: 0"])
def test_a_wrong_file_is_one_error(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "definition.yaml"
    file.write_text(text)
    for path in (file, tmp_path / "missing.yaml"):
        with pytest.raises((ValueError, errors.AztkError)):
            read_cluster(str(path), KEYS)
        args = argparse.Namespace(conn_id="aztk_default", cluster=str(path), json=True)
        assert main(args, lambda: KEYS) == 1
        findings = json.loads(capsys.readouterr().out)["findings"]
        assert [(finding["check"], finding["status"]) for finding in findings] == [
            ("connection", "ok"),
            ("definition", "error"),
        ]
