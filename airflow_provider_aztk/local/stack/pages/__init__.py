"""Read-only web pages of the local stack, for people: what the links in Airflow's UI open."""

from __future__ import annotations
