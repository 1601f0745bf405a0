"""Files of the user: which are paths and which URLs, under what name they are placed, and what Spark cannot take."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from airflow_provider_aztk.client.models._readers import is_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aztk.client.models._faults import Faults

ARCHIVES = (".zip", ".tar.gz", ".tgz", ".tar", ".jar")
_SCHEME = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9+.-]+):/")
# Spark splits its lists at commas, takes what stands before a colon for a scheme and what follows a # for a fragment,
# and reads the rest as patterns of names.
_UNFIT = re.compile(r"[,:#?*\[\]{}\\\x00-\x1f\x7f]")
# What java.net.URI does not read; Spark then takes the whole for the path of a local file.
_NO_URI = re.compile(r"[\s\"<>\\^`{|}\[\]\x00-\x1f\x7f]|%(?![0-9A-Fa-f]{2})")
_ODD = re.compile(r"[^\w.+-]")
_FOLDER = re.compile(r"[\w.-]+")
_BY_NODE = ("http", "https")


class UserFile(NamedTuple):
    """A file that a configuration names.

    :param path: the path or URL, without the alias.
    :param alias: the name it gets (behind ``#``), or empty.
    :param remote: it is a URL.
    """

    path: str
    alias: str
    remote: bool

    @property
    def name(self) -> str:
        """The name under which it is placed."""
        if self.alias:
            return self.alias
        path = unquote(url_path(self.path)) if self.remote else self.path
        return path.rstrip("/").rpartition("/")[2]

    @property
    def whole(self) -> str:
        """Its URL or whole path; two that differ are two files."""
        return self.path if self.remote else os.path.abspath(self.path)  # realpath would follow links

    @property
    def fetchable(self) -> bool:
        """Whether the node can fetch it."""
        return self.remote and _scheme(self.path) in _BY_NODE

    @property
    def by_node(self) -> bool:
        """Whether the node fetches it, and not Spark: Spark would take the query for a part of the name, and show it.

        The query of an Azure URL holds a signature. And what is not encoded is a local path to Spark.
        """
        return self.fetchable and ("?" in self.path or bool(self.alias) or not self.is_uri)

    @property
    def is_uri(self) -> bool:
        """Whether Spark can read this URL."""
        return _NO_URI.search(self.path) is None


def _scheme(path: str) -> str:
    match = _SCHEME.match(path)
    return match["name"].lower() if match else ""


def is_remote(path: str) -> bool:
    """Return whether this is a URL (https:, abfss:, local:...), and no file that the client uploads."""
    return _scheme(path) not in ("", "file")


def url_path(url: str) -> str:
    """Return the path of a URL, or nothing where it is none."""
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def local_path(path: str) -> str:
    """Return the path of a local file, with ``file:`` taken off; it may be encoded, as ``Path.as_uri`` does."""
    plain = path.removeprefix("file://").removeprefix("file:")
    return plain if plain == path or is_file(plain) else unquote(plain)


def user_file(path: str) -> UserFile:
    """Return a file and its alias; a local file whose name has a ``#`` is no alias."""
    remote = is_remote(path)
    before, mark, alias = path.rpartition("#")
    if not mark or (not remote and is_file(local_path(path))):
        before, alias = path, ""
    if remote:  # Spark knows schemes in lower case only
        scheme = _scheme(before)
        return UserFile(scheme + before[len(scheme) :], alias, remote=True)
    return UserFile(local_path(before), alias, remote=False)


def kind_of(path: str) -> str:
    """Return what a program is by the end of its path, not of its query: ``py``, ``jar``, or something else."""
    return user_file(path).name.rpartition(".")[2].lower()


def fit_name(name: str) -> str:
    """Return a name that Spark can take, for a file whose name counts for nothing but its ending."""
    stem, dot, ending = _ODD.sub("_", name).rpartition(".")
    return f"{stem}{dot}{ending.lower()}"


NO_URI = "Spark takes this for a local path: write what no URL holds as %XX, such as %20 for a blank"


def check_files(faults: Faults, name: str, paths: Sequence[str]) -> None:
    """Check the files of a list."""
    seen: dict[str, tuple[str, str]] = {}
    for index, path in enumerate(paths):
        field = f"{name}[{index}]"
        file = user_file(path)
        if "#" in path and not path.rpartition("#")[2]:
            faults.add(field, path, "give a name behind '#', or leave '#' out")
        elif not file.remote and not is_file(file.path):
            fix = "no such file: give the path of an existing file" if file.path else "give the path of a file"
            faults.add(field, file.path, fix)
        else:
            _check_name(faults, name, field, path, file)
            first, other = seen.setdefault(file.name, (field, file.whole))
            if other != file.whole:
                fix = f"{first} has the same file name, and Spark takes one of each: rename one"
                faults.add(field, path, fix + (", or give it another with '#NAME'" if name in _ALIASED else ""))


_ALIASED = ("files", "archives")


def _check_name(faults: Faults, name: str, field: str, path: str, file: UserFile) -> None:
    fix = _wrong_alias(name, file) if file.alias else _wrong_name(name, path, file)
    if fix:
        faults.add(field, path, fix)
    elif name == "archives" and not file._replace(alias="").name.lower().endswith(ARCHIVES):
        faults.add(field, path, "give one of " + ", ".join(ARCHIVES))


def _wrong_alias(name: str, file: UserFile) -> str:
    if name not in _ALIASED:
        return "leave out what begins with '#': only files and archives may have another name"
    if not _FOLDER.fullmatch(file.alias) or file.alias in (".", ".."):
        return "give a plain name behind '#': letters, digits, '.', '-' and '_'"
    if name == "files" and file.remote and not file.by_node:
        return "leave out what begins with '#': Spark fetches this URL, and knows it by its own name"
    return ""


def _wrong_name(name: str, path: str, file: UserFile) -> str:
    if not file.name:
        return "give the address of a file: its path ends in the file's name"
    unfit = not _FOLDER.fullmatch(file.name) if name == "archives" else _UNFIT.search(file.name)
    if name in _ALIASED and unfit:
        return "Spark cannot take this name: rename the file, or give it another with '#NAME'"
    if file.remote and not file.by_node and ("," in path or "?" in path):
        return "Spark cannot take a comma or a query in this URL: give another"
    if file.remote and not file.by_node and not file.is_uri:
        return NO_URI
    return ""
