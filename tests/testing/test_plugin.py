"""The pytest plugin, in projects of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from remit.testing import HEADER, SMALL_REFUNDS


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project whose pytest has the plugin, whether remit is installed with its entry point or not."""
    return pytester


def run(project: pytest.Pytester, test: str, *options: str) -> pytest.RunResult:
    project.makepyfile(test_agent=test)
    return project.runpytest_subprocess(
        "-p", "no:remit", "-p", "remit.testing.plugin", "-p", "no:cacheprovider", *options
    )


SURE = """
    import pytest

    @pytest.mark.reliability(p=0.9, aims_for=0.99)
    def test_agent(remit_run):
        assert remit_run.seed >= 0
"""
COIN = """
    import random
    import pytest

    @pytest.mark.reliability(p=0.9, aims_for=0.99, {more})
    def test_agent(remit_run):
        assert random.Random(remit_run.seed).random() < {rate}
"""


def test_an_agent_that_never_fails_passes_before_the_cap(project: pytest.Pytester):
    result = run(project, SURE, "--reliability-out", "out")

    result.assert_outcomes(passed=1)
    runs = next(Path(project.path, "out").iterdir()).read_bytes().splitlines()[1:]
    assert 20 < len(runs) < 100 and len({json.loads(line)["seed"] for line in runs}) == len(runs)


def test_an_agent_below_the_bar_fails_and_says_how_far(project: pytest.Pytester):
    result = run(project, COIN.format(rate=0.5, more=""))

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*BLOCK*test_agent*"])


def test_what_so_few_runs_do_not_tell_is_no_pass(project: pytest.Pytester):
    result = run(project, SURE, "--reliability-max-runs", "5")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*INCONCLUSIVE*"])
    result.stdout.no_fnmatch_line("*A run that failed*")


def test_where_it_is_asked_for_it_is_a_skip(project: pytest.Pytester):
    test = SURE.replace("aims_for=0.99", "aims_for=0.99, inconclusive='skip'")

    run(project, test, "--reliability-max-runs", "5").assert_outcomes(skipped=1)


def test_a_world_that_fails_now_and_then_counts_for_nothing(project: pytest.Pytester):
    test = """
        import itertools
        import pytest
        import remit

        turns = itertools.count()

        @pytest.mark.reliability(p=0.9, aims_for=0.99, retries=1)
        def test_agent():
            if next(turns) % 10 == 0:
                raise remit.Unavailable("503")
    """
    run(project, test).assert_outcomes(passed=1)


def test_a_world_that_is_down_is_an_error_and_no_verdict_on_the_agent(project: pytest.Pytester):
    test = """
        import pytest

        @pytest.mark.reliability(p=0.9, retries=0, max_runs=20)
        def test_agent():
            raise ConnectionError("refused")
    """
    result = run(project, test)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*ERROR*the world failed in 10 of 10 runs*refused*", "Mend what failed, and run the test again."]
    )


def test_what_a_client_of_models_raises_says_whether_the_world_failed(project: pytest.Pytester):
    test = """
        import itertools

        import pytest

        turns = itertools.count()

        class RateLimited(Exception):
            status_code = 429

        class Disconnected(Exception):
            pass

        @pytest.mark.reliability(p=0.9, aims_for=0.99)
        def test_agent():
            turn = next(turns)
            if turn % 10 == 0:
                raise RateLimited("slow down")
            if turn % 10 == 5:
                raise Disconnected("no answer") from ConnectionRefusedError("refused")
    """
    run(project, test).assert_outcomes(passed=1)


def test_fixtures_are_made_anew_for_each_run_and_torn_down_before_the_next(project: pytest.Pytester):
    test = """
        import pytest

        alive, made = [], []

        @pytest.fixture(scope="module")
        def once():
            made.append("module")
            yield

        @pytest.fixture
        def each(once):
            assert not alive
            alive.append(1)
            yield
            alive.pop()

        @pytest.mark.reliability(p=0.5, runs=20)
        def test_agent(each):
            made.append("run")

        def test_after():
            assert made.count("module") == 1 and made.count("run") == 20 and not alive
    """
    run(project, test).assert_outcomes(passed=2)


def test_a_broken_invariant_ends_the_test_at_once(project: pytest.Pytester):
    test = """
        import pytest
        from remit.testing import InvariantBroken

        @pytest.mark.reliability(p=0.5)
        def test_agent(remit_run):
            if remit_run.number == 3:
                raise InvariantBroken("it paid twice")
    """
    result = run(project, test)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*run 4 of 4 broke an invariant: it paid twice*",
            "No breach in any run: mend it, and run the test again.",
        ]
    )


def test_a_violation_of_the_envelope_is_one_even_where_the_agent_goes_on(project: pytest.Pytester):
    Path(project.path, "agent.yaml").write_text(HEADER % ("refunds", "1") + SMALL_REFUNDS.lstrip("\n"))
    test = """
        import pytest
        import remit

        @pytest.mark.reliability(p=0.5, envelope="agent.yaml")
        def test_agent(remit_session):
            try:
                remit_session.call("refund", {"amount": 90}, run=lambda amount: {"refund_id": "R"})
            except remit.Refused:
                pass
    """
    result = run(project, test)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*broke an invariant: refund: denied*ceiling*"])


def test_a_marker_that_cannot_be_meant_stops_everything_and_names_its_test(project: pytest.Pytester):
    result = run(project, SURE.replace("p=0.9, aims_for=0.99", "p=0.9, max_run=3"))

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*test_agent.py::test_agent*unknown argument 'max_run'*"])


def test_tests_that_are_skipped_or_unmarked_are_as_ever(project: pytest.Pytester):
    test = """
        import pytest

        @pytest.mark.skip(reason="not here")
        @pytest.mark.reliability(p=0.9)
        def test_skipped():
            raise AssertionError

        def test_plain(remit_run):
            assert remit_run.number == 0
    """
    run(project, test).assert_outcomes(passed=1, skipped=1)


def test_under_xdist_each_test_has_all_its_runs_and_the_summary_names_it(project: pytest.Pytester):
    pytest.importorskip("xdist")
    test = """
        import pytest

        @pytest.mark.parametrize("case", ["a", "b", "c"])
        @pytest.mark.reliability(p=0.5, runs=15)
        def test_agent(case):
            assert case != "c"
    """
    result = run(project, test, "-n", "2")

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*PASS*test_agent?a?*", "*PASS*test_agent?b?*", "*BLOCK*test_agent?c?*"])


def test_the_plugin_costs_a_project_without_such_tests_nothing(project: pytest.Pytester):
    test = """
        import sys

        def test_plain():
            heavy = {"numpy", "apsw", "remit.testing.reliability", "remit.testing.reliability_run"}
            assert not heavy & set(sys.modules)
    """
    project.makepyfile(test_plain=test)
    options = ("-p", "no:remit", "-p", "remit.testing.plugin", "-p", "no:cacheprovider")
    project.runpytest_subprocess(*options).assert_outcomes(passed=1)


TORN = """
    import pytest
    from remit import Unavailable
    from remit.testing import InvariantBroken

    @pytest.fixture
    def torn(remit_run):
        yield
        if remit_run.number == 1:
            raise {error}

    @pytest.mark.reliability(p=0.5, runs=11)
    {also}
    def test_agent(torn):
        {body}
"""


def test_an_error_while_tearing_down_is_a_failure_and_not_the_worlds(project: pytest.Pytester):
    result = run(project, TORN.format(error="AssertionError('it left a mess')", also="", body="pass"))

    result.stdout.fnmatch_lines(["*With 10 of 11 right*"])


def test_what_a_run_raised_first_says_what_it_was(project: pytest.Pytester):
    result = run(project, TORN.format(error="Unavailable('the shop')", also="", body="assert 0"))

    result.stdout.fnmatch_lines(["*BLOCK*test_agent*", "*With 0 of 11 right*"])


@pytest.mark.parametrize(
    ("also", "body"),
    [("@pytest.mark.xfail", "raise InvariantBroken('it paid twice')"), ("", "pytest.skip('no')")],
)
def test_no_marker_and_no_skip_hides_a_broken_invariant(project: pytest.Pytester, also: str, body: str):
    error = "InvariantBroken('it paid twice')" if not also else "ValueError"
    result = run(
        project, TORN.format(error=error, also=also, body=body).replace("number == 1", "number == 0")
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*broke an invariant: it paid twice*"])


def test_numbers_that_are_none_are_refused(project: pytest.Pytester):
    test = SURE.replace("assert remit_run.seed >= 0", "remit_run.usage(cost=10**400)")
    result = run(project, test, "--reliability-out", "out")

    result.stdout.fnmatch_lines(["*BadInput: answer.cost*"])


RESEEDS = """
    import random

    def pytest_addoption(parser):
        parser.addoption("--dont-reset", dest="randomly_reset_seed", action="store_false", default=True)

    def pytest_runtest_setup(item):
        if item.config.getoption("randomly_reset_seed"):
            random.seed(1)

    def pytest_runtest_call(item):
        if item.config.getoption("randomly_reset_seed"):
            random.seed(1)
"""
"""What pytest-randomly does: each test begins with the same numbers."""
REPEATED = """
    import random
    import pytest

    seen, made = [], []

    @pytest.fixture
    def made_of():
        made.append(random.random())

    @pytest.mark.reliability(p=0.5, runs=10)
    def test_agent(made_of):
        seen.append(random.random())

    def test_each_run_had_its_own():
        assert len(set(seen)) == len(set(made)) == 10
        print("FIRST", seen[0])

    def test_others_are_seeded_as_ever():
        assert random.random() == random.Random(1).random()
"""


def test_runs_are_not_one_and_the_same_where_every_test_begins_with_the_same_numbers(
    project: pytest.Pytester,
):
    project.makeconftest(RESEEDS)

    first, again = (run(project, REPEATED, "-s") for _ in range(2))

    first.assert_outcomes(passed=3)
    told = [
        next(line for line in one.outlines if "FIRST" in line).split("FIRST")[1] for one in (first, again)
    ]
    assert told[0].split() == told[1].split()


TIMER = """
    import pytest

    ticks = []

    class Hooks:
        @pytest.hookspec(firstresult=True)
        def pytest_timeout_set_timer(self, item, settings): ...
        @pytest.hookspec(firstresult=True)
        def pytest_timeout_cancel_timer(self, item): ...

    def pytest_addhooks(pluginmanager):
        pluginmanager.add_hookspecs(Hooks)

    def pytest_timeout_set_timer(item, settings):
        ticks.append(("set", item.name, settings))
        return True

    def pytest_timeout_cancel_timer(item):
        ticks.append(("cancel", item.name))
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(item):
        item.ihook.pytest_timeout_set_timer(item=item, settings=5)
        try:
            return (yield)
        finally:
            item.ihook.pytest_timeout_cancel_timer(item=item)

    def pytest_unconfigure():
        for name in ("test_agent", "test_once"):
            print("TICKS", name, [tick[0] for tick in ticks if tick[1] == name], ticks[0][2])
"""
"""What pytest-timeout does: one timer around all of a test."""


def test_each_run_has_the_time_that_a_test_has(project: pytest.Pytester):
    project.makeconftest(TIMER)
    test = """
        import pytest

        @pytest.mark.reliability(p=0.2, runs=3)
        def test_agent(): pass

        def test_once(): pass
    """
    result = run(project, test, "-s")

    result.assert_outcomes(passed=2)
    each = "'set', 'cancel', " * 3 + "'set', 'cancel'"
    result.stdout.fnmatch_lines([f"*TICKS test_agent [[]{each}] 5", "*TICKS test_once [[]'set', 'cancel'] 5"])
