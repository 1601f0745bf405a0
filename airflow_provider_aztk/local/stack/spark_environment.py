"""What a Spark image brings into the environment of a task's process."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SparkEnvironment"]


@dataclass(frozen=True, kw_only=True)
class SparkEnvironment:
    """Gives container tasks Spark, Java and a python3 that has pyspark; every task gets its node's address.

    :param spark_home: None: there is no Spark.
    :param java_home: None: Java was not found.
    :param ca_file: the certificates that an image trusts; None: the machine's.
    """

    spark_home: str | None
    java_home: str | None
    ca_file: str | None = None

    def __call__(self, *, address: str, path: str, in_container: bool) -> Mapping[str, str]:
        """Return the variables of a task's process."""
        found = {"SPARK_LOCAL_IP": address}
        if self.ca_file:
            found["SSL_CERT_FILE"] = self.ca_file
        if in_container:
            found["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), path])
            homes = {"SPARK_HOME": self.spark_home, "JAVA_HOME": self.java_home}
            found |= {name: home for name, home in homes.items() if home}
        return found
