"""A driver's log in lines, however it arrives."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_aztk.logs.lines import MAX_LINE_BYTES, LogLines


class TestLines:
    @given(st.lists(st.binary(max_size=200)))
    @example(pieces=[b"\r"])
    def test_no_byte_is_lost_however_it_is_cut(self, pieces: list[bytes]) -> None:
        lines = LogLines()
        found: list[str] = []
        for piece in pieces:
            found += lines.feed(piece)
            assert lines.resume_offset <= lines.read_offset
        found += lines.flush()
        whole = b"".join(pieces)
        assert lines.resume_offset == len(whole)
        parts = re.split(rb"(\r*\n|\r+)", whole)
        ended = [text for text, end in zip(parts[::2], [*parts[1::2], b""], strict=True) if text or b"\n" in end]
        assert found == [text.decode(errors="replace").replace("\0", "\ufffd") for text in ended]

    @given(st.text(alphabet=st.sampled_from("a中😀\r\n"), max_size=60), st.lists(st.integers(1, 7), max_size=30))
    def test_the_lines_do_not_depend_on_how_the_log_arrives(self, text: str, sizes: list[int]) -> None:
        whole = text.encode()
        at_once, in_pieces = LogLines(), LogLines()
        expected = [*at_once.feed(whole), *at_once.flush()]
        found: list[str] = []
        rest = whole
        for size in [*sizes, len(whole) + 1]:
            found += in_pieces.feed(rest[:size])
            rest = rest[size:]
        assert [*found, *in_pieces.flush()] == expected

    def test_going_on_gives_the_whole_line_again(self) -> None:
        first = LogLines()
        assert list(first.feed(b"one\ntw")) == ["one"]
        second = LogLines(first.resume_offset)
        assert list(second.feed(b"one\ntwo\n"[second.read_offset :])) == ["two"]

    def test_an_endless_line_is_cut(self) -> None:
        found = list(LogLines().feed(b"x" * (2 * MAX_LINE_BYTES + 5)))
        assert [len(line) for line in found] == [MAX_LINE_BYTES, MAX_LINE_BYTES]

    @pytest.mark.parametrize("first", ["", "a", "ab"])
    @pytest.mark.parametrize("character", ["中", "😀", "ü", "e\u0301"])
    def test_a_long_line_is_cut_between_characters(self, first: str, character: str) -> None:
        text = first + character * 20_000
        lines = LogLines()
        found = [*lines.feed(text.encode() + b"\n"), *lines.flush()]
        assert "".join(found) == text
        assert max(len(line.encode()) for line in found) <= MAX_LINE_BYTES
        assert len(found) <= len(text.encode()) // (MAX_LINE_BYTES - 3) + 1

    def test_bytes_that_are_no_text_are_cut_all_the_same(self) -> None:
        lines = LogLines()
        found = [*lines.feed(b"\x80" * (MAX_LINE_BYTES + 10)), *lines.flush()]
        assert [len(line) for line in found] == [MAX_LINE_BYTES, 10]

    def test_a_line_that_just_fits_is_not_cut(self) -> None:
        for end in (b"\n", b"\r\n"):
            assert [len(line) for line in LogLines().feed(b"x" * MAX_LINE_BYTES + end)] == [MAX_LINE_BYTES]

    def test_a_progress_bar_is_seen_while_it_grows(self) -> None:
        lines = LogLines()
        assert list(lines.feed(b"start\r\n\r 10%\r 20%")) == ["start", " 10%"]
        assert list(lines.feed(b"\r 30%\r")) == [" 20%"]
        assert list(lines.feed(b"\n\r\nend\r")) == [" 30%", ""]
        assert list(lines.flush()) == ["end"]

    def test_what_is_no_text_is_marked(self) -> None:
        assert list(LogLines().feed(b"a\x00b\xffc\xe4\xb8\n")) == ["a\ufffdb\ufffdc\ufffd"]
