"""What is uploaded into a cluster's container: documents and the user's files. The only I/O is to read local files."""

from __future__ import annotations

import hashlib
import json
import secrets as secret_tokens
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client._text_files import (
    TextFileError,
    entry_script,
    folder_files,
    is_utf16,
    read_script,
    read_text,
)
from airflow_provider_aztk.client.errors import FieldError, InvalidConfigurationError
from airflow_provider_aztk.client.models._files import fit_name, is_remote, local_path, user_file
from airflow_provider_aztk.client.models.spark_configuration import NO_ENTRY_SCRIPT
from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.contract import ApplicationBlobs, ClusterBlobs, FileRef

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow_provider_aztk.client.models import (
        ApplicationConfiguration,
        ClusterConfiguration,
        CustomScript,
        SparkConfiguration,
    )

#: How long the gate lets applications wait for workers that do not come, in seconds.
GATE_TIMEOUT = 300
#: How long an application may go without any executor where no worker can hold one.
EXECUTOR_TIMEOUT = timedelta(minutes=5)
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
    :param files: local files, or the text of one, by the name of their blob, which says their content: written once.
    :param errors: what is wrong with the user's files.
    """

    documents: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, Path | bytes] = field(default_factory=dict)
    errors: list[FieldError] = field(default_factory=list)

    def file(self, field: str, path: str, *, keep_name: bool = False) -> FileRef:
        """Add a file of the user, and return how the node finds it.

        :param field: what names it, for an error.
        :param keep_name: the program opens it under its name; otherwise Spark gets a name that it can take.
        """
        file = user_file(path)
        name = file.name if keep_name else fit_name(file.name)
        if file.remote:
            fetch = file.by_node or (file.fetchable and name != file.path.rpartition("/")[2] and not keep_name)
            return FileRef(url=file.path, name=name if fetch else "")
        source = Path(file.path).expanduser()
        try:
            checksum = sha256_of(source)
            if source.suffix == ".py":
                self._refuse_utf16(field, source)
        except OSError as error:  # it was there when the configuration was made
            self.unreadable(field, path, error)
            return FileRef()
        blob = ClusterBlobs.file(checksum, fit_name(source.name))
        self.files[blob] = source
        return FileRef(blob, name)

    def archive(self, field: str, path: str) -> FileRef:
        """Add an archive, and return how the node finds it, with the folder in which Spark unpacks it."""
        file = user_file(path)
        return replace(self.file(field, file.path), alias=file.name)

    def text_file(self, name: str, path: str) -> FileRef:
        """Add a text file of the user, with Linux line ends, and return how the node finds it."""
        if is_remote(path):
            return FileRef(url=path)
        source = Path(local_path(path)).expanduser()
        data = self.content(name, path, source, read_text)
        blob = ClusterBlobs.file(hashlib.sha256(data).hexdigest(), fit_name(source.name))
        self.files[blob] = data
        return FileRef(blob, fit_name(source.name))

    def content(self, name: str, path: str, source: Path, read: Callable[[Path], bytes]) -> bytes:
        """Read a text file of the user; note the error and return nothing where it cannot be read."""
        try:
            return read(source)
        except OSError as error:
            self.unreadable(name, path, error)
        except TextFileError as error:
            self.errors.append(FieldError(name, repr(path), str(error)))
        return b""

    def raise_if_any(self) -> None:
        """Raise all errors of the user's files at once."""
        if self.errors:
            raise InvalidConfigurationError("submission", self.errors)

    def _refuse_utf16(self, name: str, source: Path) -> None:
        with source.open("rb") as stream:
            if is_utf16(stream.read(4)):
                self.errors.append(
                    FieldError(name, repr(str(source)), "it is UTF-16, which Python refuses: save it as UTF-8")
                )

    def unreadable(self, name: str, path: str, error: OSError) -> None:
        """Note that a file cannot be read."""
        fix = f"it cannot be read ({error.strerror}): give the path of an existing file"
        self.errors.append(FieldError(name, repr(path), fix))


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
    """Return a short hash that is equal for equal definitions."""
    digest = hashlib.sha256()
    for name, data in sorted(documents):
        digest.update(name.encode() + b"\0" + hashlib.sha256(data).digest())
    return digest.hexdigest()[:32]


def access_document(container_url: str) -> bytes:
    """Return the one credential that a node gets: the container's URL with its SAS."""
    return to_json(contract.Access(container_url).to_json())


def new_spark_secret() -> bytes:
    """Return a new secret that closes a cluster's Spark (spark.apache.org/docs/latest/security.html)."""
    return secret_tokens.token_hex(32).encode()


def cluster_upload(conf: ClusterConfiguration, mode: str) -> Upload:
    """Return what to upload for a cluster, apart from secrets, the SAS and the bundle."""
    upload = Upload()
    scripts = [_script(upload, index, script) for index, script in enumerate(conf.custom_scripts)]
    spark = conf.spark_configuration
    jars = _files(upload, "spark_configuration.jars", spark.jars if spark else ())
    document = contract.Cluster(
        mode=mode,
        nodes=conf.nodes,
        gate_timeout_seconds=GATE_TIMEOUT,
        worker_on_master=conf.worker_on_master,
        min_workers=conf.min_workers,
        default_cores=conf.default_cores,
        idle_timeout_seconds=int(conf.idle_timeout.total_seconds()) if conf.idle_timeout else None,
        incomplete_timeout_seconds=int(conf.incomplete_timeout.total_seconds()),
        reserves=contract.Reserves(**conf.reserves),
        scripts=scripts,
        jars=jars,
    )
    upload.documents[ClusterBlobs.DEFINITION] = to_json(document.to_json())
    upload.documents[CONFIGURATION_BLOB] = to_json(conf.to_dict())
    _spark_files(upload, spark)
    upload.raise_if_any()
    return upload


def _files(upload: Upload, name: str, paths: Iterable[str], *, keep_name: bool = False) -> list[FileRef]:
    return [upload.file(f"{name}[{index}]", path, keep_name=keep_name) for index, path in enumerate(paths)]


def _script(upload: Upload, index: int, script: CustomScript) -> contract.Script:
    path = Path(local_path(script.script)).expanduser()
    name = f"custom_scripts[{index}].script"
    blob = f"{ClusterBlobs.SCRIPTS_PREFIX}{index:02d}-{path.name or 'scripts'}"
    if path.is_dir():
        entry = _script_folder(upload, name, blob, script.script, path)
    else:
        entry = blob
        upload.documents[blob] = upload.content(name, script.script, path, read_script)
    return contract.Script(script.name or path.name, entry, script.run_on)


def _script_folder(upload: Upload, name: str, blob: str, given: str, folder: Path) -> str:
    """Add all files of a folder, and return the blob of the script that runs."""
    try:
        files, entry = folder_files(folder), entry_script(folder)
    except OSError as error:
        upload.unreadable(name, given, error)
        return blob
    except TextFileError as error:
        upload.errors.append(FieldError(name, repr(given), str(error)))
        return blob
    for path in files:
        inside = f"{blob}/{path.relative_to(folder).as_posix()}"
        upload.documents[inside] = upload.content(name, str(path), path, read_script)
    if entry is None:
        upload.errors.append(FieldError(name, repr(given), NO_ENTRY_SCRIPT))
        return blob
    return f"{blob}/{entry.name}"


def _spark_files(upload: Upload, spark: SparkConfiguration | None) -> None:
    if spark is None:
        return
    fields = ("spark_defaults_conf", "spark_env_sh", "core_site_xml")
    for name, file in zip(fields, contract.SPARK_CONF_FILES, strict=True):
        path = getattr(spark, name)
        if path:
            source = Path(local_path(path)).expanduser()
            data = upload.content(f"spark_configuration.{name}", path, source, read_text)
            upload.documents[ClusterBlobs.CONF_PREFIX + file] = data


def application_upload(app: ApplicationConfiguration) -> Upload:
    """Return what to upload for one application, apart from its SAS."""
    upload = Upload()
    given: dict[str, Any] = {
        "application": upload.file("application", app.application),
        "args": list(app.application_args),
        "jars": _files(upload, "jars", app.jars),
        "py_files": _files(upload, "py_files", app.py_files),
        "files": _files(upload, "files", app.files, keep_name=True),
        "archives": [upload.archive(f"archives[{index}]", path) for index, path in enumerate(app.archives)],
        "requirements": upload.text_file("requirements", app.requirements) if app.requirements else None,
        "packages": [*app.packages, *([HADOOP_AZURE] if app.hadoop_azure else [])],
        "conf": {**(HADOOP_AZURE_CONF if app.hadoop_azure else {}), **app.conf},
        "env": dict(app.env),
        "executor_timeout_seconds": (app.executor_timeout or EXECUTOR_TIMEOUT).total_seconds(),
    }
    names = (each.name for each in fields(contract.Application))
    same = {name: getattr(app, name) for name in names if name not in given}  # the model has them under the same names
    document = contract.Application(**given, **same)
    upload.raise_if_any()
    upload.documents[ApplicationBlobs(app.name).definition] = to_json(document.to_json())
    if app.secret_conf or app.secret_env:
        secrets = contract.Secrets(dict(app.secret_conf), dict(app.secret_env))
        upload.documents[ApplicationBlobs(app.name).secrets] = to_json(secrets.to_json())
    return upload
