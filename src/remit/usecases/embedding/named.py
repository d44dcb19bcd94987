"""Which embedder a name means. Nothing is ever sent anywhere unless the name says `remote:`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from remit.core.errors import BadInput
from remit.ports import Embedder
from remit.usecases.embedding.cache import CachedEmbedder
from remit.usecases.embedding.remote import remote_named
from remit.usecases.embedding.semantic import SemanticEmbedder
from remit.usecases.lexical import LexicalEmbedder
from remit.usecases.opinions import plugged

FORMS = "lexical, semantic, remote:URL#MODEL or module:attribute"


def embedder_named(
    name: str, *, cache: Path | None = None, environ: Mapping[str, str] | None = None, where: str = "embedder"
) -> Embedder:
    """The embedder that a setting or an option names.

    Args:
        name: `lexical` (or empty): spelling, always there. `semantic`: MiniLM on this machine. `remote:URL#MODEL`: a
            service that answers like OpenAI's. `module:attribute`: your own.
        cache: file in which vectors are kept by content; None: nowhere. Lexical ones are made anew sooner than read.
        environ: where the key of a remote one is looked up; default: this process's.
        where: place of the name, for errors.

    Raises:
        BadInput: it names none, with the forms that are known.
        Unavailable: what it needs is not installed.

    >>> embedder_named("").name, embedder_named("lexical").version
    ('lexical', 'crc32-1024')
    """
    name = name.strip()
    if name in ("", "lexical"):
        return LexicalEmbedder()
    found = _made(name, os.environ if environ is None else environ, where)
    return found if cache is None else CachedEmbedder(found, cache)


def _made(name: str, environ: Mapping[str, str], where: str) -> Embedder:
    if name == "semantic":
        return SemanticEmbedder()
    if name.startswith("remote:"):
        return remote_named(name.removeprefix("remote:"), environ, where)
    if ":" not in name or "," in name:
        raise BadInput(where, f"found {name[:80]!r}", f"write {FORMS}")
    (own,) = plugged(name, where)
    if not callable(getattr(own, "embed", None)):
        raise BadInput(where, f"{type(own).__name__} has no embed()", "see docs/trials.md")
    made: Embedder = own
    return made
