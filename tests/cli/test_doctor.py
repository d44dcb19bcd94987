"""`remit doctor`: its canaries fail when enforcement does, and it says what it does not protect against."""

from __future__ import annotations

import socket

import pytest

import remit
from remit.cli import canaries
from remit.core import lifecycle
from remit.core.types import Outcome
from remit.usecases.answers import CallAnswers
from remit.usecases.driver import Driver


def checks(line):
    return {check["name"]: check for check in line.told["checks"]}


def test_where_enforcement_works_every_canary_holds_and_the_exit_code_is_0(run, place, hire):
    place.guard().close()
    hire("ann", "finance")

    line = run("doctor", "--envelope", "envelope.yaml", "--json")

    assert line.code == 0, line.out
    found = checks(line)
    for name in (
        "a refused call does not run",
        "a held call does not run",
        "a crash inside a condition denies",
        "an effect does not run where it cannot be recorded",
        "an answer to another call than was shown is refused",
        "an approval lets one call run once",
        "durability",
        "clock",
    ):
        assert found[name]["ok"], found[name]
    assert "synchronous=2" in found["durability"]["told"]
    assert line.told["ok"] is True


def test_it_prints_a_table_for_people_and_counts_what_to_look_at(run, place):
    place.guard().close()

    line = run("doctor")

    assert line.code == 0
    assert "0 failed" in line.out
    assert "FAILED" not in line.out


def test_without_a_store_the_canaries_run_all_the_same(run, place):
    line = run("doctor", "--json")

    assert line.code == 0
    assert checks(line)["store"]["level"] == "warn"


def test_the_envelopes_own_refusals_are_tried_through_the_real_guard(run, place):
    tests = "  tests:\n    - {call: {tool: pay, args: {to: ann, amount: 900}}, expect: {result: deny}}\n"
    tests += "    - {call: {tool: pay, args: {to: ann, amount: 9}}, expect: {result: hold}}\n"
    (place.folder / "own.yaml").write_text((_envelope(place)).rstrip() + "\n" + tests)

    found = checks(run("doctor", "--envelope", "own.yaml", "--json"))

    assert found["test 1 of the envelope does not run: pay, deny"]["ok"]
    assert found["test 2 of the envelope does not run: pay, hold"]["ok"]


def test_a_test_that_tells_earlier_calls_is_left_to_envelope_test_and_a_withheld_result_is_tried(run, place):
    text = _envelope(place).replace(
        "  tools:\n",
        """  tools:
    look:
      effect: read
      args: {type: object, additionalProperties: false, properties: {}}
      ensure: [{id: known, expr: "output == 'x'"}]
      history: [{id: once, never: {tool: look, within: 1h}}]
""",
        1,
    )
    tests = """  tests:
    - {call: {tool: look, args: {}, earlier: [{tool: look, args: {}}]}, expect: {result: deny, clause: once}}
    - {call: {tool: look, args: {}, output: y}, expect: {result: withheld, clause: known}}
"""
    (place.folder / "own.yaml").write_text(text.rstrip() + "\n" + tests)

    ran = run("doctor", "--envelope", "own.yaml", "--json")
    found = checks(ran)

    assert found["test 1 of the envelope keeps its result back: look, withheld"]["ok"]
    assert (
        found["tests of the envelope"]["level"] == "info"
        and "1 of them" in found["tests of the envelope"]["told"]
    )
    assert not any(check["level"] == "fail" and not check["ok"] for check in found.values())


def _envelope(place):
    place.guard().close()
    return (place.folder / "envelope.yaml").read_text()


def _runs_anyway(self, script):
    """A driver that runs the tool whatever the guard says."""
    self.run()
    raise remit.CallDenied(lifecycle.decide(*_nothing(self.answers)))


def _nothing(answers):
    from remit.core.past import look_back
    from remit.core.prepare import prepare

    prepared = prepare(answers.call, answers.envelope, answers.session.facts)
    return prepared, answers.envelope, answers.session.facts, look_back(prepared, answers.session.text, ())


def test_a_guard_that_runs_refused_calls_fails_the_canaries(run, monkeypatch):
    monkeypatch.setattr(Driver, "drive", _runs_anyway)

    line = run("doctor", "--json")

    assert line.code == 1
    assert not checks(line)["a refused call does not run"]["ok"]
    assert not checks(line)["a crash inside a condition denies"]["ok"]


def test_a_guard_that_runs_without_a_record_fails_the_canary(run, monkeypatch):
    from concurrent.futures import Future

    from remit.core.admission import Admission
    from remit.core.types import Mode

    def admitted(self, decision, approval_id, *, enforced):
        return Admission("admitted", Mode.AUTONOMOUS, 0, 0)

    def settled(self, decision, admission, outcome: Outcome, *, enforced):
        done: Future[None] = Future()
        done.set_result(None)
        return done

    monkeypatch.setattr(CallAnswers, "admit", admitted)
    monkeypatch.setattr(CallAnswers, "settle", settled)

    line = run("doctor", "--json")

    assert line.code == 1
    assert not checks(line)["an effect does not run where it cannot be recorded"]["ok"]


def test_a_canary_that_crashes_has_not_shown_anything(run, monkeypatch):
    def broken(guard):
        raise ZeroDivisionError

    monkeypatch.setattr(canaries, "_held", broken)

    line = run("doctor", "--json")

    assert line.code == 1
    assert "crashed" in checks(line)["a held call does not run"]["told"]


def test_an_envelope_that_only_monitors_is_pointed_out(run, place):
    text = _envelope(place).replace("enforcement: enforce", "enforcement: monitor")
    (place.folder / "monitor.yaml").write_text(text)

    found = checks(run("doctor", "--envelope", "monitor.yaml", "--json"))

    assert not found["enforcement"]["ok"]
    assert found["a refused call does not run"]["ok"]


def test_a_single_operator_store_and_nobody_who_may_answer_are_pointed_out(run, place, tmp_path):
    place.guard().close()
    assert "nobody may answer" in checks(run("doctor", "--json"))["operators"]["told"]
    address = f"sqlite:///{tmp_path / 'single.db'}"
    place.guard().close()
    remit.open(tmp_path / "envelope.yaml", store=address, single_operator=True).close()

    found = checks(run("doctor", "--store", address, "--json"))["operators"]
    assert not found["ok"]
    assert "without a signature" in found["told"]


def test_a_database_that_others_may_read_is_pointed_out(run, place):
    place.guard().close()
    (place.folder / "remit.db").chmod(0o644)

    told = [check["told"] for check in run("doctor", "--json").told["checks"]]

    assert any("others than its owner may read" in one for one in told)


def test_a_role_that_nobody_has_is_pointed_out(run, place, hire):
    place.guard().close()
    hire("ann", "support")

    found = checks(run("doctor", "--envelope", "envelope.yaml", "--json"))
    assert "finance" in found["roles"]["told"]


def test_sessions_that_do_not_say_whose_words_the_users_are_are_pointed_out(run, place):
    flow = "      flow:\n        - {id: payee, arg: to, from: [user]}\n      approve:"
    text = _envelope(place).replace("      approve:", flow)
    with place.guard(text) as guard, guard.session(user_input="hello"):
        pass

    found = checks(run("doctor", "--envelope", "envelope.yaml", "--json"))["principal kind"]
    assert not found["ok"]
    assert "1 of the last 1" in found["told"]


def test_checkpoints_beside_the_database_are_pointed_out_with_what_they_do_not_protect_against(run, place):
    place.guard().close()

    found = checks(run("doctor", "--json"))
    assert not found["checkpoints"]["ok"]
    assert "false one" in found["tamper evidence"]["told"]


def test_a_webhook_that_cannot_be_reached_fails_and_one_that_can_is_named(run, place, monkeypatch):
    monkeypatch.setenv("REMIT_WEBHOOK_ALLOW_LOCAL", "1")
    monkeypatch.setenv("REMIT_WEBHOOK_SECRET", "short")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/secret-path"
        monkeypatch.setenv("REMIT_WEBHOOK_URL", url)
        line = run("doctor", "--json")
        assert checks(line)["webhook"]["ok"]
        assert "secret-path" not in line.out
        assert not checks(line)["webhook secret"]["ok"]

    line = run("doctor", "--json")
    assert line.code == 1
    assert not checks(line)["webhook"]["ok"]


def test_a_webhook_at_a_private_address_fails(run, place, monkeypatch):
    monkeypatch.setenv("REMIT_WEBHOOK_SECRET", "x" * 32)
    monkeypatch.setenv("REMIT_WEBHOOK_URL", "https://169.254.169.254/latest")

    line = run("doctor", "--json")

    assert line.code == 1
    assert "not a public address" in checks(line)["webhook"]["told"]


def test_a_store_that_cannot_be_opened_fails(run, place):
    (place.folder / "remit.db").write_bytes(b"no database at all" * 100)

    line = run("doctor", "--json")

    assert line.code == 1
    assert not checks(line)["store"]["ok"]


def test_notices_that_could_not_be_delivered_are_pointed_out(run, place, hold):
    hold()
    import apsw

    altered = apsw.Connection(str(place.folder / "remit.db"))
    altered.execute("UPDATE outbox SET state = 'dead', last_error = 'refused'")
    altered.close()

    found = checks(run("doctor", "--json"))["notices"]
    assert not found["ok"]
    assert "refused" in found["told"]


@pytest.mark.parametrize("name", ["nowhere.yaml"])
def test_an_envelope_that_is_not_there_is_bad_input(run, place, name):
    assert run("doctor", "--envelope", name).code == 3
