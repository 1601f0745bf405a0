"""Where a log lies: every byte is in exactly one place."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aztk.client import _log_blobs
from airflow_provider_aztk.node import contract


@given(st.integers(min_value=0, max_value=10 * contract.LOG_SEGMENT_BYTES), st.integers(min_value=1, max_value=2**30))
def test_a_read_stays_within_its_segment(offset: int, max_bytes: int) -> None:
    place = _log_blobs.part_at("app", offset, max_bytes)
    segment = int(place.blob.rsplit("/", 1)[1])
    assert segment * contract.LOG_SEGMENT_BYTES + place.offset == offset
    assert 0 < place.length <= min(max_bytes, contract.LOG_SEGMENT_BYTES - place.offset)


def test_what_is_kept_with_keep_logs() -> None:
    assert _log_blobs.is_log(contract.ApplicationBlobs("app").log_segment(3))
    assert _log_blobs.is_log(contract.ApplicationBlobs("app").result)
    for blob in (
        contract.ClusterBlobs.BUNDLE,
        contract.ClusterBlobs.SPARK_SECRET,
        contract.ApplicationBlobs("a").secrets,
        "apps/a/task/x",
        "files/a/log",
    ):
        assert not _log_blobs.is_log(blob)


def test_the_size_of_a_segment_tells_whether_the_log_goes_on() -> None:
    end = contract.LOG_SEGMENT_BYTES
    assert not _log_blobs.has_more(_log_blobs.part_at("app", 0, 100), b"x" * 7, 7)
    assert _log_blobs.has_more(_log_blobs.part_at("app", 0, 5), b"x" * 5, 7)
    assert _log_blobs.has_more(_log_blobs.part_at("app", end - 3, 100), b"x" * 3, end)


@given(st.text(min_size=1, max_size=20), st.data())
def test_a_read_never_ends_within_a_character(text: str, data: st.DataObject) -> None:
    whole = text.encode()
    cut = data.draw(st.integers(min_value=1, max_value=len(whole)))
    kept = _log_blobs.whole_characters(whole[:cut])
    if kept != whole[:cut] or cut >= 4:
        kept.decode()  # no error: what was left out is the beginning of one character
    assert 0 <= cut - len(kept) <= 3


def test_bytes_that_are_no_text_are_not_held_back() -> None:
    for data in (b"\xff\xff\xff\xff\xff", b"abc\x80\x80\x80\x80", b"", b"\xc3"):
        assert len(data) - len(_log_blobs.whole_characters(data)) <= 3
