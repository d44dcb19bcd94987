"""The demo: a real small model as refund agent, unguarded, then under guard, and the account of both."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from remit.core.errors import BadInput
from remit.demo.account import (
    ENVELOPE,
    UNGUARDED,
    Account,
    anomalies_of,
    calls_of,
    held_of,
    incidents_of,
    total,
    trips_of,
)
from remit.demo.agent import Episode
from remit.demo.model import MODEL_NAME, LocalModel, Model, ModelMissing
from remit.demo.printed import print_account, printable
from remit.demo.recordings import (
    DEMO_SESSIONS,
    RecordingModel,
    ReplayedModel,
    measured_rates,
    recorded,
    session_line,
    write,
)
from remit.demo.sessions import demo_pairs, guarded, run_arm, unguarded
from remit.demo.shop import ShopRequest
from remit.settings import Settings
from remit.wiring import desk_of, open_guard, open_store

if TYPE_CHECKING:
    from remit.usecases.guard import Guard

UNGUARDED_S, GUARDED_S = 50.0, 80.0
"""Wall time after which an arm starts no further session. The second has more, so that it gets through."""
_FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
DEMO_FOLDER = Path(".demo")
MARK = "remit.toml"
"""Says that a folder is a demo's, so that a new run may replace it."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Who speaks for the agent in this run."""

    model: Model
    name: str
    note: str = ""
    """Why it is a recording, where it is one."""


def main(
    once: bool = False, json_output: bool = False, folder: Path | None = None, picture: Path | None = None
) -> int:
    """Run the demo and print its account.

    Args:
        once: the first case only, in both arms: a few seconds instead of a minute and a half.
        json_output: print one JSON object instead of the account for people.
        folder: for the store and its keys; a demo found there is replaced.
        picture: write what was printed to this SVG file, too.

    Returns:
        The exit code, 0.

    Raises:
        BadInput: *folder* holds something else.
    """
    started = time.monotonic()
    width = 130 if picture is not None else None
    out = sys.stderr if json_output else sys.stdout
    console = Console(file=out, highlight=False, record=picture is not None, width=width)
    settings = prepared(folder or DEMO_FOLDER)
    with speaking() as voice:
        console.print(_introduction(voice))
        pairs = demo_pairs()[: 1 if once else None]
        before = unguarded_arm(voice.model, pairs, settings, console)
        after = guarded_arm(voice.model, pairs[: len(before)], settings, console)
    account = read_account(voice, before, after, settings, time.monotonic() - started)
    if json_output:
        sys.stdout.write(json.dumps(account.to_json()) + "\n")
    else:
        print_account(account, console)
    if picture is not None:
        drawn = console.export_svg(title="make demo")
        picture.write_text(_FONT_FACE.sub("", drawn), encoding="utf-8")  # a picture that fetches nothing
    return 0


@contextmanager
def speaking() -> Iterator[Voice]:
    """The local model, or the recording of it where it cannot run."""
    local = LocalModel()
    try:
        local.start()
    except ModelMissing as missing:
        note = f"{missing}. So these sessions are re-enacted: this project recorded them from the model."
        yield Voice(ReplayedModel(recorded(DEMO_SESSIONS)), f"{MODEL_NAME} (recorded)", note)
        return
    with local:
        yield Voice(local, MODEL_NAME)


def unguarded_arm(
    model: Model, pairs: Sequence[tuple[ShopRequest, int]], settings: Settings, console: Console
) -> list[Episode]:
    """The sessions with nothing in the way, told one by one and kept in the demo's folder."""
    console.print(Text("\nUnguarded", style="bold"))
    recording, lines = RecordingModel(model), []

    def session(case: ShopRequest, seed: int) -> Episode:
        episode = unguarded(recording, case, seed)
        lines.append(session_line(episode, "unguarded", recording.taken()))
        return episode

    episodes = run_arm(pairs, session, UNGUARDED_S, _teller(console))
    write(folder_of(settings) / UNGUARDED, lines)
    return episodes


def guarded_arm(
    model: Model, pairs: Sequence[tuple[ShopRequest, int]], settings: Settings, console: Console
) -> list[Episode]:
    """The same sessions under guard."""
    console.print(Text("\nThe same cases and seeds, under guard", style="bold"))
    with demo_guard(settings) as guard:
        return run_arm(
            pairs, lambda case, seed: guarded(model, case, seed, guard), GUARDED_S, _teller(console)
        )


@contextmanager
def demo_guard(settings: Settings) -> Iterator[Guard]:
    """The demo's envelope over a fresh store; nobody waits for a person here."""
    envelope = folder_of(settings) / ENVELOPE
    with open_guard(envelope, approval_wait_s=0, single_operator=True, settings=settings) as guard:
        yield guard


def read_account(
    voice: Voice, before: list[Episode], after: list[Episode], settings: Settings, seconds: float
) -> Account:
    """Both arms compared, as far as both ran; the guarded half from the journal."""
    before = before[: len(after)]
    with open_store(settings.store, settings, create=False) as store:
        deque(desk_of(store, settings).once(), maxlen=0)  # behind capture: the sessions are over
        events = list(store.events())
    planted = [(b, a) for b, a in zip(before, after, strict=True) if b.case.planted is not None]
    return Account(
        model=voice.name,
        pairs=len(before),
        unguarded=total(before),
        guarded=total(after),
        planted=(
            len(planted),
            sum(b.effects.followed_planted for b, _ in planted),
            sum(a.effects.followed_planted for _, a in planted),
        ),
        calls=calls_of(events),
        anomalies=anomalies_of(events),
        incidents=incidents_of(events),
        trips=trips_of(events),
        held=held_of(events),
        rates=measured_rates(),
        folder=_short(folder_of(settings)),
        program=_program(folder_of(settings)),
        seconds=round(seconds, 1),
        stopped=tuple(
            f"{e.case.case_id} (seed {e.seed}): {e.stopped}" for e in (*before, *after) if e.no_reply
        ),
    )


def prepared(folder: Path) -> Settings:
    """A fresh folder for the store, with a `remit.toml` so that commands run there find it.

    Raises:
        BadInput: the folder holds something other than an earlier demo, or cannot be written.
    """
    folder = folder.absolute()
    try:
        if folder.exists() and any(folder.iterdir()):
            if not (folder / MARK).is_file():
                raise BadInput(str(folder), "is not empty and no earlier demo", "name another folder")
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        told = f"cannot be written: {error.strerror or error}"
        raise BadInput(str(folder), told, "name another folder") from None
    settings = Settings(store=f"sqlite:///{folder / 'remit.db'}", home=str(folder / "keys"))
    lines = [f"store = {json.dumps(settings.store)}", f"home = {json.dumps(settings.home)}"]
    (folder / MARK).write_text("\n".join(lines) + "\n", "utf-8")
    (folder / ENVELOPE).write_bytes(files("remit.demo").joinpath(ENVELOPE).read_bytes())
    return settings


def folder_of(settings: Settings) -> Path:
    """The demo's folder."""
    return settings.home_path.parent


def _introduction(voice: Voice) -> Text:
    runs = "was recorded" if voice.note else "runs here, without network or key"
    return Text.assemble(
        "A refund agent in a small shop: real tools, a real database, and a language model of 135 million"
        f" parameters that {runs}. Some customers' mails plant instructions.",
        (f"\n{voice.note}" if voice.note else "", "yellow"),
    )


def _teller(console: Console) -> Callable[[Episode], None]:
    def told(episode: Episode) -> None:
        steps = " → ".join(step.tool + _told_result(step.result) for step in episode.steps) or episode.stopped
        console.print(
            Text.assemble((f"  {episode.case.case_id:<15}", "cyan"), printable(steps)), soft_wrap=True
        )

    return told


def _told_result(result: str) -> str:
    """How the guard answered, in one mark; nothing where the tool did."""
    return (
        " (refused)" if result.startswith('{"refused"') else " (held)" if result.startswith('{"held"') else ""
    )


def _short(folder: Path) -> str:
    """The folder as a person here would type it."""
    here = Path.cwd()
    return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)


def _program(folder: Path) -> str:
    """The command line's program as it is called in *folder*: by name where the shell finds it."""
    beside = Path(sys.executable).with_name("remit")
    return "remit" if shutil.which("remit") or not beside.exists() else os.path.relpath(beside, folder)
