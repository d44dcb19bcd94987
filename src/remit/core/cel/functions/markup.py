"""The types of text, as browsers sniff them."""

from __future__ import annotations

import re
from typing import Final

from remit.core.canonical import loads_strict
from remit.core.cel.errors import ConditionError
from remit.core.errors import BadInput

_TAGS: Final = (
    "html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p"  # WHATWG
    "|svg|math|img|object|embed|frameset|frame|form|link|meta|base|input|video|audio|template|noscript"
)
# What a browser takes for HTML at the start of a text of no or doubtful type.
_HTML: Final = re.compile(rf"\s*<(?:!doctype\s+html|!--|(?:{_TAGS})(?=[\s>/]))", re.IGNORECASE | re.ASCII)
# What makes a text HTML wherever it stands, and an image or archive a second file.
_ACTIVE: Final = r"<\s*(?:script|iframe|html|svg|object|embed|frameset|!doctype\s+html)\b|<\?php\b"
MARKUP: Final = re.compile((_ACTIVE + r"|javascript:").encode(), re.IGNORECASE)
_ANYWHERE: Final = re.compile(_ACTIVE, re.IGNORECASE)
_PHP: Final = re.compile(r"<\?(?:php\b|=)", re.IGNORECASE)
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_XML: Final = re.compile(r"\s*(?:<\?xml\s[^>]*\?>\s*)?(?:<!--(?:(?!--).)*-->\s*)*", re.DOTALL)
_SVG_DOCTYPE: Final = re.compile(
    r"<!DOCTYPE\s+svg(?:\s[^\[\]<>]*)?>\s*(?:<!--(?:(?!--).)*-->\s*)*", re.DOTALL
)
_SVG: Final = re.compile(r"<svg[\s>].*</svg\s*>\s*\Z", re.DOTALL)
_XHTML: Final = "http://www.w3.org/1999/xhtml"
_SVG_ACTS: Final = re.compile(
    r"<\s*(?:[\w.-]+:)?(?:script|foreignobject|iframe|object|embed|handler|html|body|!entity|!\[cdata|\?php)\b"
    r"|attributename\s*=\s*(?:[\x22']\s*)?(?:on|(?:xlink:)?href)"
    r"|<!(?:entity|\[cdata)|[\s\x22'/]on\w+\s*=|javascript\s*:|data\s*:\s*text|<\?xml-stylesheet|&#",
    re.IGNORECASE,
)
_PDF_WINDOW: Final = 1024


def text_type(text: str) -> str:
    """Return the type of *text*; refuse what is no text or could be two types."""
    if not text.strip():
        raise ConditionError("mime: nothing but white space")
    if _CONTROL.search(text):
        raise ConditionError("mime: control characters, so neither text nor a known type")
    if "%PDF-" in text[: _PDF_WINDOW + 5]:
        raise ConditionError("mime: a PDF header in a text")
    start = text.lstrip("\ufeff \t\r\n\f")
    for mark, found in _STARTS:
        if start.startswith(mark):
            return found
    if _PHP.search(text):
        return "application/x-httpd-php"
    if start[0] in "{[" and _json(start):
        return "application/json"
    return _marked_up(start)


_STARTS: Final = (
    ("#!", "text/x-shellscript"),
    ("{\\rtf", "application/rtf"),
    ("%!PS", "application/postscript"),
)


def _marked_up(text: str) -> str:
    prolog = _XML.match(text)
    rest = text[prolog.end() :] if prolog is not None else text
    doctype = _SVG_DOCTYPE.match(rest)
    if doctype is not None:
        rest = rest[doctype.end() :]
    if rest[:4].lower() == "<svg":
        return _svg(rest)
    if text.startswith("<?xml"):
        return "application/xhtml+xml" if _XHTML in text else "text/xml"
    return "text/html" if _HTML.match(text) or _ANYWHERE.search(text) else "text/plain"


def _svg(text: str) -> str:
    if not _SVG.match(text) or "http://www.w3.org/2000/svg" not in text:
        raise ConditionError("mime: SVG that does not end, or has no namespace")
    if _SVG_ACTS.search(text):
        raise ConditionError("mime: SVG that can act: a script, handler, foreign object or entity")
    return "image/svg+xml"


def _json(text: str) -> bool:
    try:
        loads_strict(text)
    except BadInput:
        return False
    return True
