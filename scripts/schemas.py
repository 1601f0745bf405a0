"""Write the JSON Schemas of AZTK's YAML files and docs/configuration.md from the client's models (``make schemas``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from airflow_provider_aztk.client import models

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS = ROOT / "airflow_provider_aztk" / "schemas"
REFERENCE = ROOT / "docs" / "configuration.md"
#: The YAML files, by the name of their schema.
FILES: dict[str, Any] = {
    "application": models.ApplicationConfiguration,
    "cluster": models.ClusterConfiguration,
    "job": models.JobConfiguration,
    "secrets": models.SecretsConfiguration,
}
SECTIONS: tuple[Any, ...] = (
    models.ClusterConfiguration,
    models.ApplicationConfiguration,
    models.JobConfiguration,
    models.CustomScript,
    models.SparkConfiguration,
    models.SecretsConfiguration,
    models.SharedKeyConfiguration,
    models.ServicePrincipalConfiguration,
    models.DockerConfiguration,
)
INTRODUCTION = """\
# Fields of configurations

<!-- Made by `make schemas` from airflow_provider_aztk/client/models. Change the models, not this file. -->

Every model takes these fields as keyword arguments, in `from_dict`, and in YAML files. Whole numbers, switches and
durations may be given as text, as templates render to text. A duration is a `timedelta`, a number of seconds, `"90m"`,
`"2h"`, or ISO 8601 (`"PT2H"`); it is above zero and at most 180 days.

For an editor that checks and completes YAML files, the package has JSON Schemas of `cluster.yaml`, `job.yaml`,
`secrets.yaml` and of an application's file in the folder `airflow_provider_aztk/schemas`. Name one in the first line of
a file: `# yaml-language-server: $schema=PATH/cluster.json`. `json_schema()` of each model returns the schema of its
dict, `yaml_schema()` that of its file.
"""
_NAMES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": ""}


def rendered() -> dict[Path, str]:
    """Return the text of each file that is made from the models, by its path."""
    found = {SCHEMAS / f"{name}.json": _json(model.yaml_schema()) for name, model in FILES.items()}
    return {**found, REFERENCE: INTRODUCTION + "".join(_section(model.json_schema()) for model in SECTIONS)}


def _json(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _section(schema: dict[str, Any]) -> str:
    rows = [_row(name, value, name in schema["required"]) for name, value in schema["properties"].items()]
    head = f"\n## {schema['title']}\n\n{schema['description']}\n\n"
    head += "| field | type | default | meaning |\n|---|---|---|---|\n"
    return head + "".join(rows)


def _row(name: str, schema: dict[str, Any], required: bool) -> str:
    default = "required" if required else f"`{json.dumps(schema['default'])}`" if "default" in schema else "none"
    meaning = schema["description"].replace("|", "\\|")
    return f"| `{name}` | {_type(schema)} | {default} | {meaning[:1].upper()}{meaning[1:]} |\n"


def _type(schema: dict[str, Any]) -> str:
    if schema.get("title"):
        return str(schema["title"])
    if "anyOf" in schema:
        return " or ".join(filter(None, map(_type, schema["anyOf"])))
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema["type"] == "array":
        return f"list of {_type(schema['items'])}"
    if schema["type"] == "object":
        return f"mapping of names to {_type(schema['additionalProperties'])}"
    limits = [f"{sign} {schema[key]}" for key, sign in (("minimum", "≥"), ("maximum", "≤")) if key in schema]
    return " ".join([_NAMES[schema["type"]], ", ".join(limits)]).strip()


if __name__ == "__main__":
    SCHEMAS.mkdir(exist_ok=True)
    for path, text in rendered().items():
        path.write_text(text, encoding="utf-8")
