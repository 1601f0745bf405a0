"""Templates that render to None, and signatures in rendered texts: both are noticed when a field is rendered.

``"{{ params.nothing }}"`` becomes the text "None", which a program would take for an argument, and Azure Batch for an
id. So None is rendered to :data:`NOTHING`, which looks the same and which no configuration and no id may hold.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from airflow_provider_aztk.configuration.references import mask

if TYPE_CHECKING:
    from collections.abc import Iterator

    import jinja2

__all__ = [
    "NOTHING",
    "as_template",
    "mask_signatures",
    "noticing_nothing",
    "parsed_template",
    "refuse_nothing",
    "rendered",
]

#: "None", and a separator that is not seen.
NOTHING = "None\u2063"
_SIGNATURE = re.compile(r"(?i)[?&]sig=([^&\s'\"<>#]+)")
_FIX = "a template renders to None here: give a default, as in {{ x or 'y' }}, or leave the field out"


def as_template(value: Any) -> Any:
    """Turn models, also those inside, into dicts that Airflow can render and serialise; the rest stays as it is."""
    if isinstance(value, list | tuple):
        return [as_template(item) for item in value]
    if isinstance(value, dict):
        return {name: as_template(item) for name, item in value.items()}
    to_dict = getattr(value, "to_dict", None)
    return to_dict() if callable(to_dict) and not isinstance(value, type) else value


def parsed_template(text: str) -> Any:
    """Read YAML or JSON that is not rendered yet, or return None where Jinja's marks or other faults prevent that."""
    if ":" not in text:  # a name, and no reason to load a parser while a DAG is parsed
        return None
    from airflow_provider_aztk.client.models._read import readings

    found = readings(text)
    return found[0] if len(found) == 1 else found


def noticing_nothing(environment: jinja2.Environment) -> jinja2.Environment:
    """Return an environment in which None is rendered to :data:`NOTHING`."""
    return environment.overlay(finalize=lambda value: NOTHING if value is None else value)


def rendered(value: Any, environment: jinja2.Environment) -> Any:
    """Return what a template became: where values are kept as they are, one that is None altogether is None."""
    from jinja2.nativetypes import NativeEnvironment

    return None if value == NOTHING and isinstance(environment, NativeEnvironment) else value


def refuse_nothing(value: Any, path: str) -> None:
    """Refuse a configuration in which a template rendered to None.

    :raises ValueError: naming every place.
    """
    wrong = list(_nothing(value, path))
    if wrong:
        raise ValueError("; ".join(f"{place}='None': {_FIX}" for place in wrong))


def _nothing(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            if isinstance(name, str) and NOTHING in name:
                yield f"{path}.{name.replace(NOTHING, 'None')}"
            yield from _nothing(item, f"{path}.{name}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _nothing(item, f"{path}[{index}]")
    elif isinstance(value, str) and NOTHING in value:
        yield path


def mask_signatures(text: Any) -> None:
    """Mask the signatures of SAS URLs in this process's logs, and in what Airflow keeps of the rendered fields."""
    if isinstance(text, str) and "sig=" in text.lower():
        for signature in _SIGNATURE.findall(text):
            for shown in {signature, unquote(signature)}:
                mask(shown)
