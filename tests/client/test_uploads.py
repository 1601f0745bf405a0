"""What a cluster's container gets."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

from airflow_provider_aztk.client import _uploads
from airflow_provider_aztk.client.models import (
    ApplicationConfiguration,
    ClusterConfiguration,
    CustomScript,
    SparkConfiguration,
)
from airflow_provider_aztk.node import contract


def test_application_document_names_files_by_content(program: str) -> None:
    args = ["plain", "with blank", 'quo"te', "$HOME", "ünïcode", ""]
    app = ApplicationConfiguration(
        name="a",
        application=program,
        application_args=args,
        jars=["https://host/x.jar"],
        secret_conf={"spark.k": "hush-hush"},
    )
    upload = _uploads.application_upload(app)
    document = json.loads(upload.documents[contract.ApplicationBlobs("a").definition])
    assert document["args"] == args
    assert document["jars"] == [{"url": "https://host/x.jar"}]
    (blob,) = upload.files
    assert document["application"] == {"blob": blob, "name": "pi.py"}
    assert b"hush-hush" not in upload.documents[contract.ApplicationBlobs("a").definition]
    assert json.loads(upload.documents[contract.ApplicationBlobs("a").secrets])["conf"] == {"spark.k": "hush-hush"}


def test_no_secrets_blob_without_secrets(program: str) -> None:
    upload = _uploads.application_upload(ApplicationConfiguration(name="a", application=program))
    assert set(upload.documents) == {contract.ApplicationBlobs("a").definition}


def test_a_cluster_document_has_the_configuration_and_the_files(tmp_path: Path) -> None:
    script, defaults, jar = tmp_path / "s.sh", tmp_path / "d.conf", tmp_path / "x.jar"
    for path in (script, defaults, jar):
        path.write_text(path.name)
    conf = ClusterConfiguration(
        cluster_id="c",
        vm_count=3,
        idle_timeout="10m",
        custom_scripts=[CustomScript(script=str(script), run_on="worker")],
        spark_configuration=SparkConfiguration(spark_defaults_conf=str(defaults), jars=[str(jar)]),
        reserves={"cores": 1},
    )
    upload = _uploads.cluster_upload(conf, "cluster")
    document = json.loads(upload.documents[contract.ClusterBlobs.DEFINITION])
    assert (document["nodes"], document["idle_timeout_seconds"], document["reserves"]["cores"]) == (3, 600, 1)
    assert document["scripts"] == [{"name": "s.sh", "file": "node/scripts/00-s.sh", "run_on": "worker"}]
    assert upload.documents["node/scripts/00-s.sh"] == b"s.sh"
    assert upload.documents["node/conf/spark-defaults.conf"] == b"d.conf"
    assert list(upload.files.values()) == [jar]


def test_equal_definitions_have_equal_fingerprints() -> None:
    one = _uploads.fingerprint([("a", b"1"), ("b", b"2")])
    assert one == _uploads.fingerprint([("b", b"2"), ("a", b"1")])
    assert one != _uploads.fingerprint([("a", b"1"), ("b", b"3")])


def test_each_cluster_has_a_secret_of_its_own() -> None:
    assert _uploads.new_spark_secret() != _uploads.new_spark_secret()


def test_one_switch_brings_the_connector_for_azure_storage(program: str) -> None:
    given = {"spark.hadoop.fs.abfss.impl": "my.own", "spark.a": "b"}
    app = ApplicationConfiguration(name="a", application=program, packages=["g:a:1"], conf=given, hadoop_azure=True)
    document = json.loads(_uploads.application_upload(app).documents[contract.ApplicationBlobs("a").definition])
    assert document["packages"] == ["g:a:1", _uploads.HADOOP_AZURE]
    assert document["conf"] == {**_uploads.HADOOP_AZURE_CONF, **given}


def test_the_connector_fits_the_spark_of_the_local_stack() -> None:
    spec = find_spec("pyspark")
    assert spec is not None
    assert spec.origin is not None
    version = _uploads.HADOOP_AZURE.rpartition(":")[2]
    assert (Path(spec.origin).parent / "jars" / f"hadoop-client-api-{version}.jar").exists()
