"""Types by content, over the files of the corpus: what each is, and that nothing can be hung on to them."""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.core.cel import STRING, ConditionError, compile_condition, record
from remit.core.cel.functions.mime import MAX, mime, text_mime
from remit.core.errors import BadInput

LINES = (Path(__file__).parent / "corpus" / "mime.jsonl").read_text("utf-8").splitlines()
BY_REASON = {line["why"]: line["input"] for line in map(json.loads, LINES)}
OOXML = "application/vnd.openxmlformats-officedocument."
TYPES = {
    "a PNG": "image/png",
    "a GIF": "image/gif",
    "a JPEG": "image/jpeg",
    "a WebP": "image/webp",
    "a BMP": "image/bmp",
    "a WAV": "audio/wav",
    "a PDF": "application/pdf",
    "a ZIP": "application/zip",
    "a gzip": "application/gzip",
    "a text document": OOXML + "wordprocessingml.document",
    "a sheet": OOXML + "spreadsheetml.sheet",
    "a text document with macros": "application/vnd.ms-word.document.macroEnabled.12",
    "a Java archive": "application/java-archive",
    "JSON": "application/json",
    "text": "text/plain",
    "an SVG": "image/svg+xml",
    "HTML": "text/html",
    "text with a script": "text/html",
    "XML": "text/xml",
    "XHTML": "application/xhtml+xml",
    "PHP": "application/x-httpd-php",
    "a shell script": "text/x-shellscript",
    "rich text": "application/rtf",
    "PostScript": "application/postscript",
}
BINARY = [
    base64.b64decode(BY_REASON[why])
    for why in ("a PNG", "a GIF", "a JPEG", "a WebP", "a BMP", "a WAV", "a PDF", "a ZIP", "a gzip", "a sheet")
]


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize("why", TYPES)
def test_each_type_is_told(why):
    assert mime(BY_REASON[why]) == TYPES[why]


@given(st.sampled_from(BINARY), st.binary(min_size=1, max_size=40).filter(lambda b: b.strip(b"\r\n")))
def test_nothing_stands_behind_the_end_of_a_file(data, more):
    with pytest.raises(ConditionError):
        mime(encoded(data + more))


@given(st.sampled_from(BINARY), st.sampled_from(BINARY))
def test_two_files_in_one_have_no_type(one, other):
    with pytest.raises(ConditionError):
        mime(encoded(one + other))


@given(st.sampled_from(BINARY), st.data())
@settings(deadline=None)
def test_a_broken_file_has_its_type_or_none(data, draw):
    at = draw.draw(st.integers(0, len(data) - 1))
    broken = data[:at] + draw.draw(st.binary(max_size=4)) + data[at + draw.draw(st.integers(0, 4)) :]
    with contextlib.suppress(ConditionError):
        assert mime(encoded(broken)) == mime(encoded(broken))


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
@settings(deadline=None)
def test_any_bytes_have_a_type_or_none(data):
    with contextlib.suppress(ConditionError):
        assert "/" in mime(encoded(data))


@given(st.text(max_size=100) | st.text(alphabet="<>/!?-= scriptsvghtml\"'{}[]\n", max_size=60))
def test_any_text_has_a_type_or_none(text):
    with contextlib.suppress(ConditionError):
        assert "/" in text_mime(text)


def test_the_size_is_bounded():
    assert text_mime("x" * MAX) == "text/plain"
    for reader in (mime, text_mime):
        with pytest.raises(ConditionError, match="more than 1,000,000 characters"):
            reader("x" * (MAX + 1))


def test_without_the_second_reader_a_condition_does_not_load(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("remit.core.cel.functions.mime.find_spec", lambda name: None)

    with pytest.raises(BadInput, match=r"pip install 'remit\[mime\]'"):
        compile_condition("mime(args.x) == 'image/png'", {"args": record(x=STRING)}, where="w")
