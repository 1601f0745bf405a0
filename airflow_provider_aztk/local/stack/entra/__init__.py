"""Microsoft Entra ID and Azure Resource Manager for one stack, and https in front of its blobs."""

from __future__ import annotations
