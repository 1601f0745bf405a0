"""What is kept of a process's output."""

from __future__ import annotations

import pytest

from airflow_provider_aztk.node.log import last_lines


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("one\n\ntwo\n", ["one", "two"]),
        ("cause\n\tat a.b(C.java)\n\t... 12 more\nCaused by: x\n    at y\n", ["cause", "Caused by: x"]),
        ("the s3cret is\n", ["the *** is"]),
        ("x" * 1000, ["x" * last_lines.WIDTH]),
        ("", []),
    ],
)
def test_an_excerpt_is_the_last_lines_without_frames_and_secrets(text: str, found: list[str]) -> None:
    assert last_lines.excerpt(text, ["s3cret", ""]) == found
    assert last_lines.excerpt("a\n" * 100, lines=3) == ["a"] * 3
