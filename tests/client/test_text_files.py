"""Text files of the user reach the nodes as a shell, Java and pip on Linux read them; the rest stays as it is."""

from __future__ import annotations

import codecs
import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aztk.client import _text_files, _uploads
from airflow_provider_aztk.client.errors import InvalidConfigurationError
from airflow_provider_aztk.client.models import (
    ApplicationConfiguration,
    ClusterConfiguration,
    CustomScript,
    SparkConfiguration,
)
from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.spark import properties

if TYPE_CHECKING:
    from pathlib import Path

BOM = codecs.BOM_UTF8


def script_as_uploaded(path: Path) -> bytes:
    conf = ClusterConfiguration(cluster_id="c", vm_count=1, custom_scripts=[CustomScript(script=str(path))])
    return _uploads.cluster_upload(conf, "cluster").documents[f"node/scripts/00-{path.name}"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (b"#!/bin/sh\r\nset -e\r\necho a\r\n", b"#!/bin/sh\nset -e\necho a\n"),
        (BOM + b"#!/bin/sh\necho a\n", b"#!/bin/sh\necho a\n"),
        (BOM + b"#!/bin/sh\r\necho a", b"#!/bin/sh\necho a"),
        (b"set -e\r\r\necho a\r\r\n", b"set -e\necho a\n"),
        (b"set -e\recho a\r", b"set -e\necho a\n"),
        (b"printf 'a\rb'\n", b"printf 'a\rb'\n"),
        (b"echo \xe4\xf6\r\n", b"echo \xe4\xf6\n"),
        ("echo ü中\r\n".encode(), "echo ü中\n".encode()),
        (b"\x7fELF\x02\x01\r\n\x00\r\n", b"\x7fELF\x02\x01\r\n\x00\r\n"),
        (b"#!/bin/sh\nexit\n\x1f\x8b\x08\xff\r\n", b"#!/bin/sh\nexit\n\x1f\x8b\x08\xff\r\n"),
        (b"", b""),
    ],
)
def test_a_script_has_linux_line_ends_and_no_byte_order_mark(tmp_path: Path, given: bytes, expected: bytes) -> None:
    path = tmp_path / "setup.sh"
    path.write_bytes(given)
    assert script_as_uploaded(path) == expected


def test_a_script_from_windows_runs(tmp_path: Path) -> None:
    path = tmp_path / "setup.sh"
    path.write_bytes(BOM + b"#!/bin/sh\r\nset -eu\r\nif true; then\r\n  echo it ran\r\nfi\r\n")
    ready = tmp_path / "ready.sh"
    ready.write_bytes(script_as_uploaded(path))
    ready.chmod(0o755)
    assert subprocess.run([ready], capture_output=True, check=True).stdout == b"it ran\n"


def test_sparks_files_have_linux_line_ends_and_no_byte_order_mark(tmp_path: Path) -> None:
    paths = {}
    for name in contract.SPARK_CONF_FILES:
        paths[name] = tmp_path / name
        paths[name].write_bytes(BOM + b"spark.first 1\r\nspark.second 2")
    spark = SparkConfiguration(
        spark_defaults_conf=str(paths["spark-defaults.conf"]),
        spark_env_sh=str(paths["spark-env.sh"]),
        core_site_xml=str(paths["core-site.xml"]),
    )
    conf = ClusterConfiguration(cluster_id="c", vm_count=1, spark_configuration=spark)
    documents = _uploads.cluster_upload(conf, "cluster").documents
    for name in contract.SPARK_CONF_FILES:
        assert documents[contract.ClusterBlobs.CONF_PREFIX + name] == b"spark.first 1\nspark.second 2"
    text = documents[contract.ClusterBlobs.CONF_PREFIX + "spark-defaults.conf"].decode()
    assert properties.parse(text) == {"spark.first": "1", "spark.second": "2"}


def test_requirements_are_uploaded_normalized_under_the_checksum_of_what_is_uploaded(
    tmp_path: Path, program: str
) -> None:
    listed = tmp_path / "requirements.txt"
    listed.write_bytes(BOM + b"numpy==2.1 \\\r\n  --hash=sha256:aa\r\n")
    upload = _uploads.application_upload(
        ApplicationConfiguration(name="a", application=program, requirements=str(listed))
    )
    document = json.loads(upload.documents[contract.ApplicationBlobs("a").definition])
    blob = document["requirements"]["blob"]
    plain = tmp_path / "plain" / "requirements.txt"
    plain.parent.mkdir()
    plain.write_bytes(b"numpy==2.1 \\\n  --hash=sha256:aa\n")
    assert upload.files[blob] == plain.read_bytes()
    assert blob == contract.ClusterBlobs.file(_uploads.sha256_of(plain), "requirements.txt")


def test_line_ends_do_not_make_another_definition(tmp_path: Path) -> None:
    path = tmp_path / "setup.sh"
    path.write_bytes(b"echo a\n")
    before = script_as_uploaded(path)
    path.write_bytes(BOM + b"echo a\r\n")
    assert script_as_uploaded(path) == before


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be-bom", "utf-16-le", "utf-32"])
def test_utf16_is_refused_with_all_other_faults_at_once(tmp_path: Path, encoding: str) -> None:
    text = "#!/bin/sh\r\necho a\r\n"
    data = codecs.BOM_UTF16_BE + text.encode("utf-16-be") if encoding == "utf-16-be-bom" else text.encode(encoding)
    script, defaults = tmp_path / "setup.sh", tmp_path / "d.conf"
    script.write_bytes(data)
    defaults.write_bytes(data)
    conf = ClusterConfiguration(
        cluster_id="c",
        vm_count=1,
        custom_scripts=[CustomScript(script=str(script))],
        spark_configuration=SparkConfiguration(spark_defaults_conf=str(defaults)),
    )
    with pytest.raises(InvalidConfigurationError) as error:
        _uploads.cluster_upload(conf, "cluster")
    faults = {fault.field: fault for fault in error.value.faults}
    assert set(faults) == {"custom_scripts[0].script", "spark_configuration.spark_defaults_conf"}
    assert all("UTF-16" in fault.fix and "UTF-8" in fault.fix for fault in faults.values())


def test_a_python_program_in_utf16_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    path.write_text("print(1)\n", encoding="utf-16")
    app = ApplicationConfiguration(name="a", application=str(path), py_files=[str(path)], requirements=str(path))
    with pytest.raises(InvalidConfigurationError) as error:
        _uploads.application_upload(app)
    assert [fault.field for fault in error.value.faults] == ["application", "py_files[0]", "requirements"]


def test_a_settings_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "core-site.xml"
    path.write_bytes(b"PK\x03\x04\x00\x00")
    conf = ClusterConfiguration(
        cluster_id="c", vm_count=1, spark_configuration=SparkConfiguration(core_site_xml=str(path))
    )
    with pytest.raises(InvalidConfigurationError, match=r"core_site_xml.*no text file"):
        _uploads.cluster_upload(conf, "cluster")


# -- a custom script that is a folder


def folder(tmp_path: Path, **files: bytes) -> Path:
    root = tmp_path / "setup"
    for name, data in files.items():
        path = root / name.replace("__", "/").replace("_sh", ".sh").replace("_txt", ".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def test_a_folder_is_uploaded_whole_and_run_by_its_first_script(tmp_path: Path) -> None:
    root = folder(
        tmp_path,
        README_txt=b"about\r\n",
        b_sh=b"#!/bin/sh\r\n. lib/words.sh\r\n",
        c_sh=b"echo c\n",
        lib__words_sh=b"echo words\r\n",
        model_txt=b"\x00\r\n",
    )
    (root / ".hidden").write_bytes(b"#!/bin/sh\n")
    conf = ClusterConfiguration(cluster_id="c", vm_count=1, custom_scripts=[CustomScript(script=f"{root}/")])
    documents = _uploads.cluster_upload(conf, "cluster").documents
    (script,) = json.loads(documents[contract.ClusterBlobs.DEFINITION])["scripts"]
    assert script == {"name": "setup", "file": "node/scripts/00-setup/b.sh", "run_on": "all-nodes"}
    uploaded = {name: data for name, data in documents.items() if name.startswith(contract.ClusterBlobs.SCRIPTS_PREFIX)}
    assert uploaded == {
        "node/scripts/00-setup/.hidden": b"#!/bin/sh\n",
        "node/scripts/00-setup/README.txt": b"about\n",
        "node/scripts/00-setup/b.sh": b"#!/bin/sh\n. lib/words.sh\n",
        "node/scripts/00-setup/c.sh": b"echo c\n",
        "node/scripts/00-setup/lib/words.sh": b"echo words\n",
        "node/scripts/00-setup/model.txt": b"\x00\r\n",
    }


def test_a_script_in_a_folder_is_known_by_its_first_line_too(tmp_path: Path) -> None:
    root = folder(tmp_path, install=BOM + b"#!/usr/bin/env python3\r\nprint(1)\r\n", data_txt=b"x")
    assert _text_files.entry_script(root) == root / "install"


def test_a_folder_without_a_script_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigurationError, match=r"script=.*the folder has no script.*\*\.sh"):
        CustomScript(script=str(folder(tmp_path, data_txt=b"x", lib__words_sh=b"echo")))


def test_a_folder_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_text_files, "MAX_FOLDER_FILES", 1)
    root = folder(tmp_path, a_sh=b"echo", b_sh=b"echo")
    conf = ClusterConfiguration(cluster_id="c", vm_count=1, custom_scripts=[CustomScript(script=str(root))])
    with pytest.raises(InvalidConfigurationError, match=r"custom_scripts\[0\]\.script=.*its 2 files"):
        _uploads.cluster_upload(conf, "cluster")
