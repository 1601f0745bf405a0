"""What a DAG pays for that names a YAML file, and that the reader's lists of keys agree with the models."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import Any, get_args, get_origin, get_type_hints

from airflow_provider_aztk.client import models
from airflow_provider_aztk.client.models import _read
from airflow_provider_aztk.client.models._fields import model_fields
from airflow_provider_aztk.client.models._types import FilePath
from airflow_provider_aztk.configuration import paths

CODE = """
import sys
from airflow_provider_aztk.configuration.build import as_template, parsed_template
assert parsed_template("id: c\\nsize: 1\\n") == {"id": "c", "size": "1"}
print(sorted({name.split(".")[0] for name in sys.modules} & {"pydantic", "azure", "airflow", "isodate"}))
"""
CONFIGURATIONS = (
    models.ApplicationConfiguration,
    models.ClusterConfiguration,
    models.CustomScript,
    models.JobConfiguration,
    models.SparkConfiguration,
)


def test_reading_yaml_while_a_dag_is_parsed_loads_no_models() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def kinds() -> dict[str, Any]:
    """Return the types of all fields, without Annotated and None."""
    found: dict[str, Any] = {}
    for model in CONFIGURATIONS:
        hints = get_type_hints(model)
        for field in model_fields(model):
            kind = hints[field.name]
            found[field.name] = next(iter(set(get_args(kind)) - {type(None)}), kind) if "None" in str(kind) else kind
    return found


def test_the_reader_knows_every_switch_and_every_mapping_of_texts() -> None:
    switches = {name for name, kind in kinds().items() if kind is bool}
    assert switches | {"wait"} == _read.SWITCHES
    maps = {name for name, kind in kinds().items() if get_origin(kind) is Mapping and get_args(kind) == (str, str)}
    assert maps == _read.TEXT_MAPS


def test_every_path_is_looked_for_beside_the_dag() -> None:
    hints = {
        name: str(kind) for model in CONFIGURATIONS for name, kind in get_type_hints(model, include_extras=True).items()
    }
    files = {name for name, kind in hints.items() if str(FilePath) in kind}
    assert files <= paths.PATHS
    assert paths.PATHS - files == {"application", "script"}
    assert hints.keys() >= paths.PATH_LISTS
