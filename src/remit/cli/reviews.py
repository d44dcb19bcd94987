"""`remit reviews`: who broke the glass waits here until somebody else has looked at it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from remit.cli.opened import StoreOption, opened, whole_id
from remit.cli.operator_keys import KeyFile
from remit.cli.output import Output, emit, say, table
from remit.core.errors import BadInput
from remit.core.notice import instant, visible
from remit.store import control_reviews

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def reviews() -> None:
    """What one person did alone, until somebody else has looked at it."""


@app.command("ls")
def list_reviews(
    everything: Annotated[bool, typer.Option("--all", help="Also those that were reviewed.")] = False,
    store: StoreOption = None,
) -> int:
    """Break-glass acts, oldest first."""
    with opened(store) as at:
        found = at.store.read(lambda db: control_reviews.reviews(db, still_open=not everything))
    if Output.json:
        emit({"reviews": [asdict(one) for one in found]})
        return 0
    rows = [
        (r.id, instant(r.at), visible(r.by), visible(r.about), visible(r.reviewed_by or "-")) for r in found
    ]
    empty = (
        "nobody broke the glass"
        if everything
        else "nothing waits for a review; --all shows what was reviewed"
    )
    table("", ("id", "at (UTC)", "alone", "about", "reviewed by"), rows, empty=empty)
    return 0


@app.command()
def close(
    review_id: Annotated[
        str, typer.Argument(metavar="ID", help="Of the review, or its beginning.", show_default=False)
    ],
    note: Annotated[str, typer.Option("--note", help="What you found; kept.", show_default=False)],
    by: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="Who reviews.", show_default=False)
    ] = None,
    store: StoreOption = None,
) -> int:
    """Say that you have looked at it; signed with your key, and never by the one who acted alone."""
    with opened(store) as at:
        name = at.who(by)
        found = at.store.read(control_reviews.reviews)
        known = [one.id for one in found if one.id.startswith(review_id)]
        whole = whole_id(review_id, known, "review", "see `remit reviews ls`")
        key, single = KeyFile(at.settings.home_path, name), at.store.single_operator
        if not key.exists() and not single:
            raise BadInput("--as", f"this machine has no key of {name!r}", "name a reviewer who has one here")
        signature = key.signer()(control_reviews.review_message(whole, note)) if key.exists() else None
        at.store.transact_now(
            lambda tx: control_reviews.close_review(
                tx, whole, name, note, signature=signature, single_operator=single
            )
        )
    if Output.json:
        emit({"review": whole, "reviewed_by": name})
    else:
        say(f"Review {whole} is closed by {visible(name)}.")
    return 0
