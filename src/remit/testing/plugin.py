"""The pytest plugin: a test of an agent runs until its success rate is known, not once.

    @pytest.mark.reliability(p=0.95, alpha=0.05, max_runs=200)
    def test_refunds_what_is_due(remit_run):
        assert agent("refund A-1001", seed=remit_run.seed) == "refunded 40"

One run is one call of the test, with fresh fixtures of its own. The test passes when its success rate is shown to be at
least `p`, fails when it is shown to be below, and fails as INCONCLUSIVE when `max_runs` do not tell (or is skipped, with
`inconclusive="skip"`). Under xdist each test stays on one worker. This file is imported by every pytest run of a project
that has remit installed: what it needs is imported when a marked test is met.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from remit.testing.reliability_run import ReliabilityRun
    from remit.usecases.session import Session

MARKER = "reliability"
_LINE = (
    f"{MARKER}(p, aims_for=None, alpha=0.05, beta=0.1, max_runs=200, runs=None, retries=2, infrastructure=(), "
    "inconclusive='fail', envelope=None, facts=None, principal_kind=None, seed=0): run the test until its success rate "
    "is shown to be at least p, or not to be"
)
RUNS: pytest.StashKey[Any] = pytest.StashKey()
"""Of an item: the run that goes on."""
RAISED: pytest.StashKey[list[BaseException]] = pytest.StashKey()
"""Of an item: what its last run raised, while it was set up, called and torn down."""

TIMER: pytest.StashKey[Any] = pytest.StashKey()
"""Of an item: what pytest-timeout was told when it began to count."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("remit", "reliability of agents")
    group.addoption(
        "--reliability-max-runs",
        type=int,
        default=None,
        metavar="N",
        help="at most so many runs of each reliability test, whatever its marker says",
    )
    group.addoption(
        "--reliability-out",
        default=None,
        metavar="FOLDER",
        help="write the trials of each reliability test there, for `remit trial report`",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _LINE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A marker that cannot be meant stops the run before the first test, with the test's name."""
    if any(item.get_closest_marker(MARKER) for item in items):
        from remit.testing.reliability import check_markers

        check_markers(items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a marked test until enough is known."""
    if item.get_closest_marker(MARKER) is None:
        return None
    from remit.testing.reliability import protocol

    protocol(item, nextitem)
    return True


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> None:
    """Keep how long a marked test may take: each of its runs may."""
    if item.get_closest_marker(MARKER) is not None:
        item.stash[TIMER] = settings


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what a marked test raised: some of it says that the world failed, and not the agent."""
    if call.excinfo is not None and RAISED in item.stash:
        item.stash[RAISED].append(call.excinfo.value)
    return (yield)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line for each reliability test, passed or not."""
    found = [
        dict(report.user_properties)
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call" and "remit_sentence" in dict(report.user_properties)
    ]
    if not found:
        return
    terminalreporter.section("reliability")
    for told in sorted(found, key=lambda one: one["remit_test"]):
        terminalreporter.write_line(f"{told['remit_verdict']:<12} {told['remit_test']}")
        terminalreporter.write_line(f"{'':<12} {told['remit_sentence']}")
        if told["remit_would_change"] and told["remit_verdict"] != "PASS":
            terminalreporter.write_line(f"{'':<12} {told['remit_would_change']}")


@pytest.fixture
def remit_run(request: pytest.FixtureRequest) -> ReliabilityRun:
    """The run that goes on: its `seed` and `number`, and `answer(…)`, `usage(…)` for the report."""
    from remit.testing.reliability_run import run_of

    return run_of(request.node)


@pytest.fixture
def remit_session(request: pytest.FixtureRequest, tmp_path: Any) -> Generator[Session, None, None]:
    """A governed session under the marker's `envelope`, on a store of its own: a violation in any run fails at once."""
    from remit.testing.reliability_run import governed

    yield from governed(request.node, tmp_path)
