"""Write a blob: at once, or in blocks where it is large."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from airflow_provider_aztk.client._azure import codes
from airflow_provider_aztk.client._azure.blocks import BLOCK_SIZE, SIDE_BY_SIDE, Block, Content, Progress
from airflow_provider_aztk.client._azure.storage import BlobExists, CommitBlocks, StageBlock, UploadBlob
from airflow_provider_aztk.client._requests import Action, LocalWork, SideBySide
from airflow_provider_aztk.client.errors import ServiceError

if TYPE_CHECKING:
    from pathlib import Path


def put_blob(
    container: str, name: str, data: bytes | str | Path, *, overwrite: bool = True, sha256: str | None = None
) -> Action[bool]:
    """Write a blob; False where it exists and ``overwrite`` is not wanted.

    :param sha256: refuse a file that does not have this hash any more.
    """
    content = yield from LocalWork(partial(Content, data, sha256))
    try:
        if content.size > BLOCK_SIZE:
            if not overwrite and (yield from BlobExists(container, name)):
                return False
            yield from _put_blocks(container, name, content, overwrite=overwrite)
        else:
            body = yield from LocalWork(content.whole)
            yield from UploadBlob(container, name, body, overwrite)
    except ServiceError as error:
        if not overwrite and _is_there(error):
            return False
        raise
    return True


def _put_blocks(container: str, name: str, content: Content, *, overwrite: bool) -> Action[None]:
    progress = Progress(content.name, content.size)
    ids: list[str] = []
    blocks = content.blocks()

    def stage(block: Block) -> Action[None]:
        yield from StageBlock(container, name, block)
        progress.add(len(block.data))

    while some := (yield from LocalWork(lambda: list(islice(blocks, SIDE_BY_SIDE)))):
        ids += [block.id for block in some]
        yield from SideBySide([stage(block) for block in some])
    yield from LocalWork(content.check)
    yield from CommitBlocks(container, name, ids, overwrite)
    progress.end()


def _is_there(error: ServiceError) -> bool:
    """Return whether a blob was not written because there is one.

    Only a commit takes uncommitted blocks away: where ours are missing, somebody else has made the blob.
    """
    return error.code in (codes.BLOB_EXISTS, codes.INVALID_BLOCK_LIST) or error.status == 412
