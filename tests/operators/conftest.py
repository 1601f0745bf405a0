"""Fixtures of the tests in this folder."""

from __future__ import annotations

from tests.support.fake_client import app, client, create  # noqa: F401
