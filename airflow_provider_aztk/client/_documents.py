"""What a cluster's container gets: documents and the user's files. Pure but for reading local files."""

from __future__ import annotations

import hashlib
import json
import secrets as secret_tokens
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client.errors import Fault, InvalidConfigurationError
from airflow_provider_aztk.client.models.configuration import DEFAULT_RESERVES, is_remote, local_path
from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_aztk.client.models import (
        ApplicationConfiguration,
        ClusterConfiguration,
        CustomScript,
        SparkConfiguration,
    )

#: How long the gate lets applications wait for workers that do not come, in seconds.
GATE_TIMEOUT = 300
#: Hadoop's connector for Azure storage, of the version that the default image's Spark was built with
#: (hadoop.apache.org/docs/stable/hadoop-azure/abfs.html).
HADOOP_AZURE = "org.apache.hadoop:hadoop-azure:3.4.2"
HADOOP_AZURE_CONF = {
    "spark.hadoop.fs.abfs.impl": "org.apache.hadoop.fs.azurebfs.AzureBlobFileSystem",
    "spark.hadoop.fs.abfss.impl": "org.apache.hadoop.fs.azurebfs.SecureAzureBlobFileSystem",
    "spark.hadoop.fs.AbstractFileSystem.abfs.impl": "org.apache.hadoop.fs.azurebfs.Abfs",
    "spark.hadoop.fs.AbstractFileSystem.abfss.impl": "org.apache.hadoop.fs.azurebfs.Abfss",
    "spark.hadoop.fs.wasb.impl": "org.apache.hadoop.fs.azure.NativeAzureFileSystem",
    "spark.hadoop.fs.wasbs.impl": "org.apache.hadoop.fs.azure.NativeAzureFileSystem$Secure",
    "spark.hadoop.fs.AbstractFileSystem.wasb.impl": "org.apache.hadoop.fs.azure.Wasb",
    "spark.hadoop.fs.AbstractFileSystem.wasbs.impl": "org.apache.hadoop.fs.azure.Wasbs",
}
#: The configuration as it was submitted; read by the client only.
CONFIGURATION_BLOB = "client/configuration.json"
_CHUNK = 1024 * 1024


@dataclass
class Upload:
    """What to write into a container.

    :param documents: small blobs by name, written anew each time.
    :param files: local files by the name of their blob, which says their content: written once.
    """

    documents: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)

    def file(self, path: str) -> dict[str, str]:
        """Note a file of the user and give its FILE entry of the contract."""
        if is_remote(path):
            return {"url": path}
        source = Path(local_path(path)).expanduser()
        try:
            blob = contract.file_blob(sha256_of(source), source.name)
        except OSError as error:  # it was there when the configuration was made
            raise _unreadable(path, error) from error
        self.files[blob] = source
        return {"blob": blob, "name": source.name}


def _unreadable(path: str, error: OSError) -> InvalidConfigurationError:
    fault = Fault("file", repr(path), f"it cannot be read ({error.strerror}): give the path of an existing file")
    return InvalidConfigurationError("submission", [fault])


def _content(path: str) -> bytes:
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def sha256_of(path: Path) -> str:
    """Hash a file in constant memory."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def to_json(document: Any) -> bytes:
    """Write a document so that equal documents are equal bytes."""
    return json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def fingerprint(documents: Iterable[tuple[str, bytes]]) -> str:
    """Give a short hash that is equal for equal definitions."""
    digest = hashlib.sha256()
    for name, data in sorted(documents):
        digest.update(name.encode() + b"\0" + hashlib.sha256(data).digest())
    return digest.hexdigest()[:32]


def access_document(container_url: str) -> bytes:
    """Give the one credential that a node gets: the container's URL with its SAS."""
    return to_json({"version": contract.PROTOCOL_VERSION, "container_url": container_url})


def new_spark_secret() -> bytes:
    """Make the secret that closes a cluster's Spark (spark.apache.org/docs/latest/security.html)."""
    return secret_tokens.token_hex(32).encode()


def cluster_upload(conf: ClusterConfiguration, mode: str) -> Upload:
    """Plan what a cluster's container gets, but for secrets, the SAS and the bundle."""
    upload = Upload()
    scripts = [_script(upload, index, script) for index, script in enumerate(conf.custom_scripts)]
    jars = [upload.file(jar) for jar in (conf.spark_configuration.jars if conf.spark_configuration else ())]
    document = {
        "version": contract.PROTOCOL_VERSION,
        "cluster_id": conf.cluster_id,
        "mode": mode,
        "nodes": conf.nodes,
        "worker_on_master": conf.worker_on_master,
        "default_cores": conf.default_cores,
        "idle_timeout_seconds": int(conf.idle_timeout.total_seconds()) if conf.idle_timeout else None,
        "incomplete_timeout_seconds": int(conf.incomplete_timeout.total_seconds()),
        "gate_timeout_seconds": GATE_TIMEOUT,
        "reserves": {**DEFAULT_RESERVES, **conf.reserves},
        "scripts": scripts,
        "jars": jars,
        "conf": {},
    }
    upload.documents[contract.CLUSTER_BLOB] = to_json(document)
    upload.documents[CONFIGURATION_BLOB] = to_json(conf.to_dict())
    _spark_files(upload, conf.spark_configuration)
    return upload


def _script(upload: Upload, index: int, script: CustomScript) -> dict[str, str]:
    path = Path(script.script).expanduser()
    blob = f"{contract.SCRIPTS_PREFIX}{index:02d}-{path.name}"
    upload.documents[blob] = _content(script.script)
    return {"name": script.name or path.name, "file": blob, "run_on": script.run_on}


def _spark_files(upload: Upload, spark: SparkConfiguration | None) -> None:
    if spark is None:
        return
    paths = (spark.spark_defaults_conf, spark.spark_env_sh, spark.core_site_xml)
    for name, path in zip(contract.SPARK_CONF_FILES, paths, strict=True):
        if path:
            upload.documents[contract.CONF_PREFIX + name] = _content(path)


def application_upload(app: ApplicationConfiguration) -> Upload:
    """Plan what the container gets for one application, but for its SAS."""
    upload = Upload()
    document = {
        "version": contract.PROTOCOL_VERSION,
        "name": app.name,
        "application": upload.file(app.application),
        "args": list(app.application_args),
        "jars": [upload.file(path) for path in app.jars],
        "py_files": [upload.file(path) for path in app.py_files],
        "files": [upload.file(path) for path in app.files],
        "requirements": upload.file(app.requirements) if app.requirements else None,
        "packages": [*app.packages, *([HADOOP_AZURE] if app.hadoop_azure else [])],
        "conf": {**(HADOOP_AZURE_CONF if app.hadoop_azure else {}), **app.conf},
        "env": dict(app.env),
        **{name: getattr(app, name) for name in _PLAIN_FIELDS},
    }
    upload.documents[contract.app_definition_blob(app.name)] = to_json(document)
    if app.secret_conf or app.secret_env:
        secret = {"version": contract.PROTOCOL_VERSION, "conf": dict(app.secret_conf), "env": dict(app.secret_env)}
        upload.documents[contract.app_secrets_blob(app.name)] = to_json(secret)
    return upload


_PLAIN_FIELDS = (
    "main_class",
    "driver_memory",
    "driver_cores",
    "driver_java_options",
    "driver_library_path",
    "driver_class_path",
    "executor_memory",
    "executor_cores",
    "max_cores",
)
