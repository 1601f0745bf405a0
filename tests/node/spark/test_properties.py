"""Spark's properties files are written and read as Java does it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aztk.node.spark import properties

KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
# Spark trims its values, so spaces at the ends cannot survive.
VALUES = st.text(st.characters(exclude_categories=["Cs"])).map(lambda text: text.strip(" \t\f"))


@given(st.dictionaries(KEYS, VALUES))
def test_properties_round_trip(values: dict[str, str]) -> None:
    assert properties.parse(properties.dump(values)) == values


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("spark.a 1", {"spark.a": "1"}),
        ("  spark.a=  1  ", {"spark.a": "1"}),
        ("spark.a : x=y", {"spark.a": "x=y"}),
        ("# no\n! no\n\nspark.a=1", {"spark.a": "1"}),
        ("spark.a=1\nspark.a=2", {"spark.a": "2"}),
        ("spark.a=one \\\n   two", {"spark.a": "one two"}),
        ("spark.a=c:\\\\dir\\\\", {"spark.a": "c:\\dir\\"}),
        ("spark.a=\\u00fc", {"spark.a": "ü"}),
        ("spark.a", {"spark.a": ""}),
        ("spark.a=1\\", {"spark.a": "1"}),
        ("spark.a\t-Dx=1 -Dy=2\r\nspark.b 2", {"spark.a": "-Dx=1 -Dy=2", "spark.b": "2"}),
    ],
)
def test_properties_are_read_as_java_reads_them(text: str, found: dict[str, str]) -> None:
    assert properties.parse(text) == found


def test_lists_are_merged_in_order_without_doubles() -> None:
    assert properties.merge_lists("", "a, b", "b,c") == "a,b,c"
