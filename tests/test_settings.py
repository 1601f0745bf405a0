"""The ``[aztk]`` options that the code reads are the ones that Airflow documents, with the same types and defaults."""

from __future__ import annotations

import ast
import inspect
from typing import Any

from airflow_provider_aztk import settings
from airflow_provider_aztk.get_provider_info import get_provider_info

OPTIONS = get_provider_info()["config"]["aztk"]["options"]
TYPES = {"get": "string", "getfloat": "float", "getint": "integer", "getboolean": "boolean"}


def options_in_the_code() -> dict[str, tuple[str, Any]]:
    """Return type and fallback of each option that is read with ``conf.get...("aztk", NAME, fallback=...)``."""
    return {
        ast.literal_eval(call.args[1]): (TYPES[call.func.attr], ast.literal_eval(call.keywords[0].value))
        for call in ast.walk(ast.parse(inspect.getsource(settings)))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and ast.unparse(call.func.value) == "conf"
        and ast.literal_eval(call.args[0]) == "aztk"
    }


def test_each_option_is_described_with_its_type_and_default() -> None:
    described = {name: (option["type"], option["default"]) for name, option in OPTIONS.items()}
    assert described == {name: (kind, str(default)) for name, (kind, default) in options_in_the_code().items()}


def test_each_option_has_a_description_a_version_and_an_example() -> None:
    for name, option in OPTIONS.items():
        assert option["description"].endswith("."), name
        assert option["version_added"] == "0.1.0", name
        assert option["example"] not in ("", option["default"]), name
