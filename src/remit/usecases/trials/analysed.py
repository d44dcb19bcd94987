"""A run analysed, with its answers embedded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remit.core.trial.report import Report
from remit.core.trial.run import Run
from remit.ports import Embedder
from remit.settings import Settings

if TYPE_CHECKING:
    from remit.core.trial.analysis.vectors import Vectors

NONE = "none"


def analysed(
    run: Run, embedder: str, settings: Settings, *, methods: bool = False, margin: float | None = None
) -> Report:
    """What a run says.

    Args:
        run: of one arm or more.
        embedder: as `embedder_named` takes it, or `none`.
        settings: say where vectors are kept.
        methods: whether its two arms are compared by other published methods, too.
        margin: of those; by default that of the deciding gate.

    Raises:
        BadInput: no such embedder, a gate of the run is none, or *methods* are asked for without two arms.
        Unavailable: what the embedder needs is missing.
    """
    from remit.core.trial.analysis.analyse import analyse

    vectors, made = vectors_of(run, embedder, settings)
    return analyse(run, vectors=vectors, embedder=made, methods=methods, margin=margin)


def made_embedder(embedder: str, settings: Settings) -> Embedder | None:
    """What embeds answers, with nothing embedded yet; None for `none`. A run asks for it before its first trial.

    Raises:
        BadInput: no such embedder.
        Unavailable: what it needs is missing.
    """
    from remit.usecases.embedding.cache import FILE
    from remit.usecases.embedding.named import embedder_named

    if embedder.strip() == NONE:
        return None
    return embedder_named(embedder, where="--embedder", cache=settings.home_path / FILE)


def vectors_of(run: Run, embedder: str, settings: Settings) -> tuple[Vectors | None, str]:
    """The answers' vectors, by their text, and what made them; None where nothing is to be embedded.

    Raises:
        BadInput: no such embedder.
        Unavailable: what it needs is missing.
    """
    from remit.core.trial.analysis.vectors import texts
    from remit.usecases.embedding.texts import embed_texts

    made = made_embedder(embedder, settings)
    if made is None:
        return None, ""
    found = embed_texts(texts(run.trials), made)
    return found.vectors, f"{found.embedder} {found.version}"
