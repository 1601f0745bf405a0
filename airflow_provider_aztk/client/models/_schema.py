"""JSON Schemas of the models, from the types and docstrings of their fields, and of AZTK's YAML files."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client.models import _yaml
from airflow_provider_aztk.client.models._fields import adapters, default_of, is_required, model_fields, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PARAM = re.compile(r"^:param (\w+): (.*?)(?=^:param |^$|\Z)", re.M | re.S)
_ROLE = re.compile(r":\w+:`~?(?:[\w.]+\.)?(\w+)`")
_TEMPLATE = r"\{[{%]"
_WHOLE_OR_TEMPLATE = rf"^\s*[+-]?[0-9]{{1,18}}\s*$|{_TEMPLATE}"
_SWITCH_OR_TEMPLATE = rf"^(true|True|TRUE|false|False|FALSE|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF)$|{_TEMPLATE}"
_PATTERNS = {"integer": _WHOLE_OR_TEMPLATE, "boolean": _SWITCH_OR_TEMPLATE}
# YAML has no quotes around most texts, so an editor takes some for numbers; the reader takes all of them as texts.
_TYPES = {"integer": ("string",), "boolean": ("string",), "string": ("number", "boolean")}
_NOTHING: dict[str, Any] = {"enum": [None, False, "", [], {}]}


def document(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema as a document of its own."""
    return {"$schema": DIALECT, **schema}


def descriptions(model: type[Any]) -> dict[str, str]:
    """Return what the docstrings of a model and its bases say of each field, as plain text."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        for name, text in _PARAM.findall(inspect.cleandoc(one.__dict__.get("__doc__") or "")):
            plain_text = _ROLE.sub(r"\1", text).replace("``", "")
            found[name] = " ".join(plain_text.split())
    return found


def of_model(model: type[Any]) -> dict[str, Any]:
    """Return the schema of what a model's ``from_dict`` takes; nested models stand where they are used."""
    fields = model_fields(model)
    summary = inspect.cleandoc(model.__doc__ or "").partition("\n")[0]
    return {
        "title": model.__name__,
        "description": _ROLE.sub(r"\1", summary),
        "type": "object",
        "properties": {field.name: _property(model, field) for field in fields},
        "required": [field.name for field in fields if is_required(field)],
        "additionalProperties": False,
        **model.schema_extra,
    }


def _property(model: type[Any], field: Any) -> dict[str, Any]:
    schema = adapters(model)[field.name].json_schema()
    schema["description"] = descriptions(model)[field.name]
    if not is_required(field) and default_of(field) is not None:
        schema["default"] = plain(default_of(field))
    return schema


def of_yaml_file(model: type[Any]) -> dict[str, Any]:
    """Return the schema of a YAML file of AZTK: its names beside the fields', texts as YAML writes them, blanks."""
    schema = _lenient(of_model(model))
    properties = schema["properties"]
    schema["required"] = [name for name in schema["required"] if name not in ("id", "cluster_id")]  # operators give one
    if "custom_scripts" in properties:
        _add_aliases(_items(properties["custom_scripts"]), _yaml.SCRIPT_KEYS)
        properties["toolkit"] = _toolkit()
        properties.update(dict.fromkeys(("plugins", "file_shares", *_yaml.CLI_ONLY), _NOTHING))
    if model.__name__ == "CustomScript":
        _add_aliases(schema, _yaml.SCRIPT_KEYS)
    if model.__name__ == "ClusterConfiguration":
        _add_aliases(schema, _yaml.CLUSTER_KEYS)
    if model.__name__ == "SecretsConfiguration":
        for name in ("service_principal", "shared_key", "docker"):  # one whose values are all blank is not set
            properties[name].pop("required")
        keys = {name: properties[name] for name in ("ssh_pub_key", "ssh_priv_key")}
        properties["default"] = {"type": ["object", "null"], "properties": keys, "additionalProperties": False}
    return _job_file(schema) if model.__name__ == "JobConfiguration" else schema


def _job_file(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of job.yaml: all stands under ``job``, and what is the cluster's may stand apart."""
    properties = schema["properties"]
    inner = {name: value for name, value in properties.items() if name not in ("id", "applications")}
    cluster = {"type": ["object", "null"], "properties": inner, "additionalProperties": False}
    _add_aliases(cluster, _yaml.JOB_CLUSTER_KEYS)
    body = {**schema, "properties": {**properties, "cluster_configuration": cluster}}
    return {
        "title": schema["title"],
        "description": schema["description"],
        "type": "object",
        "properties": {"job": {name: value for name, value in body.items() if name not in ("title", "description")}},
        "required": ["job"],
        "additionalProperties": False,
    }


def _add_aliases(schema: dict[str, Any], names: Mapping[str, str]) -> None:
    properties = schema["properties"]
    for alias, name in names.items():
        properties.setdefault(alias, {**properties[name], "description": f"The same as {name}."})


def _toolkit() -> dict[str, Any]:
    text = {"type": ["string", "number", "null"]}
    properties: dict[str, Any] = dict.fromkeys(_yaml.TOOLKIT_KEYS, _NOTHING)
    properties.update(software={"enum": ["spark", None]}, version=text, docker_repo=text)
    return {
        "type": ["object", "null"],
        "description": "AZTK's own: a version of Spark from 3.3.0 on, or docker_repo.",
        "properties": properties,
        "additionalProperties": False,
    }


def _items(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema["items"]
    return found


def _lenient(schema: dict[str, Any]) -> dict[str, Any]:
    """Take every scalar as YAML may write it, templates, and blanks."""
    result = dict(schema)
    for name in ("items", "additionalProperties"):
        if isinstance(result.get(name), dict):
            result[name] = _lenient(result[name])
    if "properties" in result:
        result["properties"] = {name: _lenient(value) for name, value in result["properties"].items()}
    if "anyOf" in result and "type" not in result:
        options = [one for one in result.pop("anyOf") if one != {"type": "null"}]
        return (
            {**result, **_lenient(options[0])} if len(options) == 1 else {**result, "anyOf": [*map(_lenient, options)]}
        )
    if "enum" in result:
        given = {"enum": [*result.pop("enum"), None]}
        return {**result, "type": ["string", "null"], "anyOf": [given, {"pattern": _TEMPLATE}]}
    pattern = f"{result['pattern']}|{_TEMPLATE}" if "pattern" in result else _PATTERNS.get(result.get("type", ""))
    if pattern:
        result["pattern"] = pattern
    if isinstance(result.get("type"), str):
        result["type"] = sorted({result["type"], *_TYPES.get(result["type"], ()), "null"})
    return result
