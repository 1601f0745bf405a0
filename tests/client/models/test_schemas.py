"""JSON Schemas of the models and of AZTK's YAML files: valid, current, and of one mind with the models."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from airflow_provider_aztk.client import models
from airflow_provider_aztk.client.errors import InvalidConfigurationError
from scripts.schemas import FILES, SECTIONS, rendered

ROOT = Path(__file__).resolve().parents[3]
HERE = str(Path(__file__))
EXAMPLES = sorted((ROOT / "example_dags").rglob("*.yaml"))
SCHEMA_LINE = re.compile(r"# yaml-language-server: \$schema=(\S+)\n")
KEY = "QUJD"
SHARED_KEY = f"""
  batch_account_name: b
  batch_account_key: {KEY}
  batch_service_url: https://b.westeurope.batch.azure.com
  storage_account_name: s
  storage_account_key: {KEY}
"""
GOOD = [
    (models.ClusterConfiguration, "id: c\nsize: 2\nwait:\nplugins: []\n"),
    (models.ClusterConfiguration, "cluster_id: c\nsize_low_pri: '2'\ntoolkit: {software: spark, version: 4.0.1}\n"),
    (
        models.ClusterConfiguration,
        "id: 7\nsize: 1\ngpu_enabled: on\nvm_size: standard_nc4as_t4_v3\n"
        f"custom_scripts: [{{script: {HERE}, runOn: master}}]",
    ),
    (models.ClusterConfiguration, "id: c\nvm_count: 1\nidle_timeout: 90\nmax_lifetime: PT3H\nreserves: {cores: 1}\n"),
    (models.ApplicationConfiguration, f"name: a\napplication: {HERE}\napplication_args: [010, 1.5, on]\nenv: {{A: 1}}"),
    (
        models.JobConfiguration,
        f"job:\n  id: j\n  cluster_configuration: {{size: 2, toolkit: {{docker_repo: 'a/b:1'}}}}\n"
        f"  spark_configuration:\n  applications:\n  - {{name: a, application: {HERE}, driver_cores: 1}}\n",
    ),
    (models.SecretsConfiguration, f"shared_key:{SHARED_KEY}service_principal:\n  tenant_id:\n  client_id:\n"),
]
BAD = [
    (models.ClusterConfiguration, "id: c\nsize: two\n"),
    (models.ClusterConfiguration, "id: c\nsize: -1\n"),
    (models.ClusterConfiguration, "id: a b\nsize: 1\n"),
    (models.ClusterConfiguration, "id: c\nsize: 1\ncolour: red\n"),
    (models.ClusterConfiguration, "id: c\nsize: 1\nplugins: [jupyter]\n"),
    (models.ClusterConfiguration, "id: c\nsize: 1\ncustom_scripts: [{runOn: master}]\n"),
    (models.ClusterConfiguration, "id: c\nsize: 1\ntask_slots_per_node: 2\n"),
    (models.ClusterConfiguration, "id: c\nsize: 1\ntoolkit: {software: dask}\n"),
    (models.ApplicationConfiguration, "name: a\n"),
    (models.ApplicationConfiguration, f"name: a\napplication: {HERE}\njars: x.jar\n"),
    (models.JobConfiguration, "job: {id: j, applications: [{name: a}]}\n"),
    (models.SecretsConfiguration, "docker: {username: u, password: p}\n"),
    (models.SecretsConfiguration, f"shared_key: {KEY}\n"),
]


def validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("model", SECTIONS, ids=lambda model: model.__name__)
def test_every_schema_is_valid_and_describes_each_field(model: Any) -> None:
    for schema in (model.json_schema(), model.yaml_schema()):
        jsonschema.Draft202012Validator.check_schema(schema)
    properties = model.json_schema()["properties"]
    assert properties.keys() == {field.name for field in fields(model)}
    assert all(value["description"] for value in properties.values())


@pytest.mark.parametrize("path", list(rendered()), ids=lambda path: path.name)
def test_written_files_are_current(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == rendered()[path], "run `make schemas`"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_example_files_name_their_schema_and_fit_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    line = SCHEMA_LINE.match(text)
    assert line, "the first line names the schema"
    schema = (path.parent / line[1]).resolve()
    assert schema in rendered()
    validator(FILES[schema.stem].yaml_schema()).validate(yaml.safe_load(text))


def test_there_are_examples() -> None:
    assert {path.name for path in EXAMPLES} == {"cluster.yaml", "pi.yaml"}


@pytest.mark.parametrize(("model", "text"), GOOD)
def test_a_file_that_the_model_takes_fits_its_schema(model: Any, text: str) -> None:
    built = model.from_yaml(text)
    validator(model.yaml_schema()).validate(yaml.safe_load(text))
    validator(model.json_schema()).validate(built.to_dict())
    validator(model.yaml_schema()).validate(yaml.safe_load(built.to_yaml()))


@pytest.mark.parametrize(("model", "text"), BAD)
def test_a_bad_file_is_refused_by_the_model_and_by_its_schema(model: Any, text: str) -> None:
    with pytest.raises(InvalidConfigurationError):
        model.from_yaml(text)
    assert list(validator(model.yaml_schema()).iter_errors(yaml.safe_load(text)))


@pytest.mark.parametrize("name", FILES)
def test_templates_fit_everywhere(name: str) -> None:
    text = {
        "application": "name: '{{ x }}'\napplication: '{{ x }}'\ndriver_cores: '{{ x }}'\nhadoop_azure: '{{ x }}'\n",
        "cluster": "id: '{{ x }}'\nsize: '{{ x }}'\nidle_timeout: '{{ x }}'\nworker_on_master: '{% if x %}true'\n",
        "job": "job: {id: '{{ x }}', max_low_pri_nodes: '{{ x }}', applications: []}\n",
        "secrets": "shared_key: {batch_account_name: x, batch_account_key: x, batch_service_url: x, "
        "storage_account_name: x, storage_account_key: x}\n",
    }[name]
    validator(FILES[name].yaml_schema()).validate(yaml.safe_load(text))
