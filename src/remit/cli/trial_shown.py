"""How every command of `remit trial` that has a report ends: files written, report printed, exit code by verdict."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from remit.cli.output import Output, console, emit_encoded, note, safe, say, table
from remit.core.errors import BadInput
from remit.core.trial.report import Report
from remit.core.trial.verdict import Verdict

if TYPE_CHECKING:
    from remit.usecases.trials.shown.terminal import ReportPart


@dataclass(frozen=True, slots=True)
class Outputs:
    """The files that a report is written to beside what is printed."""

    files: Mapping[str, Path] = field(default_factory=dict)
    """By form: `junit`, `markdown` or `html`."""
    summary: Path | None = None
    """Where GitHub shows the Markdown of a job's step; others write to it, too."""


def outputs_of(*, step_summary: bool = False, **given: Path | None) -> Outputs:
    """The files as they were asked for. Call it before the work, so that none of it is lost to a folder that is missing.

    Args:
        step_summary: whether a job's step shows the report.
        given: the file of each form.

    Raises:
        BadInput: a file cannot be written, or two are the same.
    """
    files = {form: path for form, path in given.items() if path is not None}
    named = {f"--{form}": path.resolve() for form, path in files.items()}
    for option, path in named.items():
        check_writable(option, path)
    if len(set(named.values())) < len(named):
        raise BadInput(" and ".join(named), "name the same file", "give each its own")
    return Outputs(files, _summary() if step_summary else None)


def show(report: Report, outputs: Outputs) -> int:
    """Write the files, print the report (with `--json` as an object), and return the exit code.

    A file that cannot be written any more is told on stderr; the report is printed all the same, and the exit code is 3.
    """
    failed = [
        told for path, data, adding in _files(report, outputs) if (told := _written(path, data, adding))
    ]
    _print(report)
    for told in failed:
        note(f"remit: {safe(told)}")
    return Verdict.ERROR.exit_code if failed else report.verdict.exit_code


def _print(report: Report) -> None:
    if Output.json:
        from remit.usecases.trials.shown.json import document

        emit_encoded(document(report))
        return
    from remit.usecases.trials.shown.terminal import parts

    say_parts(parts(report, console().width))


def say_parts(parts: Iterable[ReportPart]) -> None:
    """Print the parts of a report."""
    for part in parts:
        if isinstance(part, str):
            say(part)
        else:
            table(part.title, part.columns, part.rows, right=part.right)


def _files(report: Report, outputs: Outputs) -> Iterator[tuple[Path, bytes, bool]]:
    """Path, content, and whether it is added to what stands there."""
    from remit.usecases.trials.shown import html, junit, markdown

    forms = {"junit": junit.document, "markdown": markdown.document, "html": html.document}
    for form, path in outputs.files.items():
        yield path, forms[form](report), False
    if outputs.summary:
        held = outputs.summary.stat().st_size if outputs.summary.exists() else 0
        yield outputs.summary, markdown.document(report, markdown.MOST_BYTES - held), True


def _summary() -> Path:
    named = os.environ.get("GITHUB_STEP_SUMMARY", "")
    if not named:
        raise BadInput(
            "--step-summary", "GITHUB_STEP_SUMMARY is not set", "use it in a step of GitHub Actions"
        )
    path = Path(named)
    check_writable("GITHUB_STEP_SUMMARY", path)
    return path


def check_writable(option: str, path: Path) -> None:
    """Make and remove a file beside *path*: permissions, full disks and lost folders all show.

    Raises:
        BadInput: it cannot be written.
    """
    if path.name == "-" or (path.exists() and not path.is_file()):
        raise BadInput(option, f"{path} is no file", "name a file")
    draft = _draft(path)
    try:
        draft.write_bytes(b"")
        draft.unlink()
    except OSError as error:
        raise BadInput(option, f"{path} cannot be written: {error.strerror}", "name another file") from None


def _written(path: Path, data: bytes, adding: bool) -> str:
    """Write a file as a whole, so that nobody reads half of it; what went wrong, or nothing."""
    path = path.resolve()
    draft = _draft(path)
    if not data:
        return f"{path} is full: it holds 1 MiB, and more is not shown"
    try:
        if adding:
            with path.open("ab") as file:
                file.write(data)
            return ""
        draft.write_bytes(data)
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        return f"{path} could not be written: {error.strerror}"
    return ""


def _draft(path: Path) -> Path:
    return path.with_name(f".remit-{os.getpid()}.draft")
