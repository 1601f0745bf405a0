"""Data to models: configurations of operators, checked and built into the models of the client.

What is needed only when a task runs is imported then: a DAG pays for what its parsing uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.configuration.references import refuse_secrets
from airflow_provider_aztk.configuration.rendering import as_template, parsed_template, refuse_nothing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["as_template", "load", "parsed_template", "to_model"]


def load(value: Any, what: str) -> dict[str, Any]:
    """Read a rendered configuration into plain values; secrets in clear text are refused.

    :param value: a mapping, a model, or the text of a YAML or JSON file.
    :param what: what it is, for the error.
    :raises ValueError: where it is something else, holds what cannot be written as JSON, is no application where one
        must be, or has a secret in clear text. The message names the field, and never repeats a secret.
    """
    from airflow_provider_aztk.configuration.read import parsed, plain

    found = plain(parsed(value, what) if isinstance(value, str) else value, what)
    if not isinstance(found, dict):
        raise ValueError(f"{what}: give a dict, a model, or a .yaml, .yml or .json file; got {type(value).__name__}")
    refuse_nothing(found, what)
    _check_applications(found, what)
    try:
        refuse_secrets(found, rendered=True)
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from None
    return found


def to_model(model: type[Any], data: Mapping[str, Any], folders: Iterable[Path]) -> Any:
    """Build a model of the client from a loaded configuration, in the models' names or in those of AZTK's files.

    Templates render to text, so the models read numbers, truth values and durations from text as well.

    :param model: ``ClusterConfiguration``, ``JobConfiguration`` or ``ApplicationConfiguration``.
    :param data: the configuration.
    :param folders: where relative paths are looked for.
    :raises ValueError: for a value of a kind that no configuration has, naming its field.
    :raises InvalidConfigurationError: (a ValueError) with every other fault.
    """
    from airflow_provider_aztk.configuration.paths import prepared
    from airflow_provider_aztk.configuration.read import plain

    return model.from_aztk(prepared(plain(data, model.__name__), list(folders)))


def _check_applications(data: dict[str, Any], what: str) -> None:
    """Check that an AZTK job's applications are a list of dicts, before an operator looks into them."""
    job = data.get("job", data)
    if not isinstance(job, dict):
        raise ValueError(f"{what}.job: give a dict; got {type(job).__name__}")
    path = f"{what}.job.applications" if job is not data else f"{what}.applications"
    found = job.get("applications")
    if found is not None and not isinstance(found, list):
        raise ValueError(f"{path}: give a list of applications, each a dict or a model; got {type(found).__name__}")
    for index, application in enumerate(found or ()):
        if not isinstance(application, dict):
            given = type(application).__name__
            raise ValueError(f"{path}[{index}]: give a dict of an application's fields, or a model; got {given}")
