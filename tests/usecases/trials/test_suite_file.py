import gzip
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from remit.core.errors import BadInput
from remit.core.trial.suite import AgentSpec, Question, Rule, Suite
from remit.core.types import PrincipalKind
from remit.usecases.trials.suite_file import read_suite

EXAMPLE = Path(__file__).parents[3] / "examples/trials/refunds"
MINIMAL = """\
apiVersion: remit/v1
kind: TrialSuite
metadata: {name: greets}
spec:
  agent: {python: "json:dumps"}
  tasks: [{id: hello, input: Say hello.}]
"""
FULL = """\
apiVersion: remit/v1
kind: TrialSuite
metadata: {name: full, version: 2, owner: us, description: everything}
spec:
  arms:
    baseline: {command: [python, agent.py], environ: {MODE: old}, settings: {prompt: old}, fingerprint: {model: m}}
    candidate: {http: "http://127.0.0.1:8080/run", headers: {Authorization: $TOKEN}}
  world: {answers: [{tool: look, result: {price: 45}}, {tool: refund, args: {id: A-1}, error: declined, times: 1}]}
  defaults:
    deadline: 60s
    principal: "17"
    principal_kind: customer
    facts: {customer_id: "17", tier: gold}
    checks: [{id: polite, answer: {not_contains: damn}}]
  tasks:
    - id: a
      input: {text: hi}
      user_input: hi
      facts: {tier: silver}
      weight: 3
      stratum: greetings
      deadline: 5s
      principal_kind: operator
      world: {answers: [{tool: look, result: none}]}
      checks: [{called: look}, {id: no-more, cel: "size(calls) <= 1"}, {id: kept, state: {json_schema: {}}}]
    - {id: b, input: "and b"}
  tasks_from: tasks.jsonl
  design: {sequential: {max_trials: 50}, seed: 9, question: population}
  gates: [{id: good, success: {at_least: 0.5, aims_for: 0.9, arm: candidate}}]
  invariants: [known_tools, {id: quick, deadline: {within: 5s}}]
  run: {concurrency: 3, retries: 1, max_infrastructure: 0.2, holds: grant}
  coverage: {sessions: 10}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "suite.yaml"
    path.write_text(text)
    return path


@pytest.fixture
def full(tmp_path: Path) -> Suite:
    (tmp_path / "tasks.jsonl").write_text(
        '{"id": "c", "input": "see"}\n\n{"id": "d", "input": 4, "weight": 0.5}\n'
    )
    return read_suite(written(tmp_path, FULL))


def test_a_suite_is_read_with_its_defaults(tmp_path: Path):
    suite = read_suite(written(tmp_path, MINIMAL))

    assert (suite.name, suite.version, list(suite.tasks), list(suite.arms)) == (
        "greets",
        "",
        ["hello"],
        ["agent"],
    )
    task = suite.tasks["hello"]
    assert (task.input, task.user_input, task.weight, task.deadline_s) == (
        "Say hello.",
        "Say hello.",
        1.0,
        120.0,
    )
    assert (suite.design.kind, suite.design.epochs, suite.concurrency, suite.retries) == ("fixed", 5, 8, 2)
    assert suite.folder == str(tmp_path) and len(suite.hash) == 64


def test_every_key_of_a_suite_is_read(full: Suite):
    assert list(full.tasks) == ["a", "b", "c", "d"]
    a, b, d = full.tasks["a"], full.tasks["b"], full.tasks["d"]
    assert a.input == {"text": "hi"} and a.user_input == "hi" and a.weight == 3 and a.stratum == "greetings"
    assert a.facts == {"customer_id": "17", "tier": "silver"} and b.facts["tier"] == "gold"
    assert (a.deadline_s, b.deadline_s) == (5.0, 60.0) and a.principal == "17"
    assert (a.principal_kind, b.principal_kind) == (PrincipalKind.OPERATOR, PrincipalKind.CUSTOMER)
    assert [rule.id for rule in a.checks] == ["polite", "called", "no-more", "kept"]
    assert a.checks[1].settings == {"is": "look"} and a.checks[0] is b.checks[0]
    assert d.input == 4 and d.user_input == "" and d.weight == 0.5
    baseline, candidate = full.arms["baseline"], full.arms["candidate"]
    assert baseline == AgentSpec(
        command=("python", "agent.py"),
        environ={"MODE": "old"},
        settings={"prompt": "old"},
        fingerprint={"model": "m"},
    )
    assert candidate.http.endswith("/run") and candidate.headers == {"Authorization": "$TOKEN"}
    design = full.design
    assert (design.kind, design.max_trials, design.seed, design.question) == (
        "sequential",
        50,
        9,
        Question.POPULATION,
    )
    assert design.max_infrastructure == 0.2 and (full.concurrency, full.retries, full.holds) == (
        3,
        1,
        "grant",
    )
    assert design.gates[0].settings["aims_for"] == 0.9 and full.coverage == {"sessions": 10}
    assert [(rule.id, rule.kind) for rule in full.invariants] == [("known_tools",) * 2, ("quick", "deadline")]
    assert full.world is not None and full.world.kind == "answers" and full.version == "2"


def test_rules_know_their_place(full: Suite):
    assert re.search(r"suite.yaml:25: spec.tasks\[0\].checks\[0\].called$", full.tasks["a"].checks[1].where)


def test_tasks_may_be_packed(tmp_path: Path):
    (tmp_path / "tasks.jsonl.gz").write_bytes(gzip.compress(b'{"id": "a", "input": "x"}\n'))
    suite = read_suite(
        written(
            tmp_path, MINIMAL.replace("tasks: [{id: hello, input: Say hello.}]", "tasks_from: tasks.jsonl.gz")
        )
    )

    assert list(suite.tasks) == ["a"]


WRONG: list[tuple[str, str, str]] = [
    ("kind: TrialSuite", "kind: Suite", "suite.yaml:2: kind: found 'Suite'"),
    ("name: greets", "name: ''", "suite.yaml:3: metadata.name: found ''"),
    ("name: greets", "title: x", "unknown key 'title'"),
    ("  agent:", "  agnt:", "suite.yaml:5: spec.agnt: unknown key 'agnt'; did you mean 'agent'"),
    ('{python: "json:dumps"}', "{}", "found none of python, command, http"),
    ('{python: "json:dumps"}', "{python: 'a:b', http: 'http://x'}", "found python, http"),
    ('{python: "json:dumps"}', "{python: dumps}", "module:function"),
    ('{python: "json:dumps"}', "{python: 'nope.py:f'}", "no file"),
    ('{python: "json:dumps"}', "{python: '../:f'}", "module:function"),
    ('{python: "json:dumps"}', "{command: python agent.py}", "write a list"),
    ('{python: "json:dumps"}', "{command: []}", "no command"),
    ('{python: "json:dumps"}', "{http: 'ftp://x/y'}", "write http://"),
    ('{python: "json:dumps"}', "{http: 'http://u:p@x/y'}", "carries a name or a password"),
    (
        '{python: "json:dumps"}',
        "{http: 'http://x/y', headers: {Authorization: Bearer abc}}",
        "with its secret",
    ),
    ('{python: "json:dumps"}', "{http: 'http://x:abc/y'}", "write http://"),
    ('{python: "json:dumps"}', "{python: 'json:dumps', headers: {a: b}}", "'headers' belongs to an agent"),
    ('agent: {python: "json:dumps"}', "arms: {}", "0 arms"),
    ('agent: {python: "json:dumps"}', "arms: {'a b': {python: 'json:dumps'}}", "found arm 'a b'"),
    ("agent:", "arms: {a: {http: 'http://x'}}\n  agent:", "needs one of agent, arms"),
    ("[{id: hello, input: Say hello.}]", "[]", "no task"),
    ("{id: hello, input: Say hello.}", "{id: hello}", "suite.yaml:6: spec.tasks[0]: 'input' is missing"),
    ("{id: hello, input: Say hello.}", "{id: 7, input: x}", "spec.tasks[0].id: found an integer 7"),
    ("{id: hello, input: Say hello.}", "{id: ' x', input: x}", "printable"),
    ("{id: hello, input: Say hello.}", "{id: a, input: x}, {id: a, input: y}", "two tasks have the id 'a'"),
    (
        "{id: hello, input: Say hello.}",
        "{id: a, input: x, weight: 0}",
        "spec.tasks[0].weight: found 0; write a number above 0",
    ),
    ("{id: hello, input: Say hello.}", "{id: a, input: x, weight: true}", "write a number"),
    ("{id: hello, input: Say hello.}", "{id: a, input: x, weight: 1.0e+300}", "from 1e-09 to 1e+09"),
    ("{id: hello, input: Say hello.}", "{id: a, input: x, deadline: 0s}", "duration"),
    (
        "{id: hello, input: Say hello.}",
        "{id: a, input: x, principal_kind: boss}",
        "use one of operator, customer",
    ),
    ("{id: hello, input: Say hello.}", "{id: a, input: x, facts: [a]}", "write a mapping"),
    ("{id: hello, input: Say hello.}", "{id: a, input: x, world: 1}", "the suite has none"),
    (
        "{id: hello, input: Say hello.}",
        "{id: a, input: x, checks: [{called: x}, {called: y}]}",
        "two checks have the id 'called'",
    ),
    ("{id: hello, input: Say hello.}", "{id: a, input: x, checks: [{call: x}]}", "did you mean 'called'"),
    ("{id: hello, input: Say hello.}", "{id: a, input: x, checks: [{id: x}]}", "found no kind"),
    (
        "{id: hello, input: Say hello.}",
        "{id: a, input: x, checks: [{cel: 'a b'}]}",
        "spec.tasks[0].checks[0].cel: ",
    ),
    (
        "{id: hello, input: Say hello.}",
        "{id: a, input: x, checks: [{cel: '1 < 2'}]}",
        "spec.tasks[0].checks[0].cel: reads nothing of the trial",
    ),
    ("{id: hello, input: Say hello.}", "{id: a, input: x, checks: [{python: 'no.py:f'}]}", "no file"),
    ("{id: hello, input: Say hello.}", "{id: a, input: x, checks: [answer]}", "found nothing"),
    ("tasks:", "tasks_from: no.jsonl\n  tasks:", "spec.tasks_from: no file"),
    ("tasks:", "tasks_from: .\n  tasks:", "is no file"),
    ("tasks:", "envelope: no.yaml\n  tasks:", "spec.envelope: no file"),
    ("tasks:", "design: {fixed: {epochs: 0}}\n  tasks:", "of at least 1"),
    ("tasks:", "design: {fixed: {epochs: 1}, sequential: {}}\n  tasks:", "write one of them"),
    ("tasks:", "design: {sequential: {max_trials: 9999999}}\n  tasks:", "at most 1,000,000"),
    ("tasks:", "design: {question: all}\n  tasks:", "use one of suite, population"),
    ("tasks:", "design: {seed: -1}\n  tasks:", "of at least 0"),
    ("tasks:", "gates: [{id: g, succes: {}}]\n  tasks:", "did you mean 'success'"),
    (
        "tasks:",
        "gates: [{id: g, success: {at_least: 1.5}}]\n  tasks:",
        "spec.gates[0].success.at_least: found 1.5",
    ),
    ("tasks:", "gates: [{id: g, success: {at_least: 0.9, alpha: 0.7}}]\n  tasks:", "alpha: found 0.7"),
    (
        "tasks:",
        "defaults: {checks: [{id: form, called: x}]}\n  gates: [{success: {at_least: 0.9, check: from}}]\n  tasks:",
        "spec.gates[0].success.check: no task has a check 'from'; did you mean 'form'? checks are: form",
    ),
    ("tasks:", "gates: [success]\n  tasks:", "'at_least' is missing"),
    ("tasks:", "invariants: [safety]\n  tasks:", "spec.invariants[0]: the suite has no envelope"),
    ("tasks:", "invariants: [safty]\n  tasks:", "did you mean 'safety'"),
    ("tasks:", "invariants: [{deadline: {within: 5m}}]\n  tasks:", "longer than task 'hello' may take"),
    ("tasks:", "run: {concurrency: 0}\n  tasks:", "of at least 1"),
    ("tasks:", "run: {max_infrastructure: 2}\n  tasks:", "share from 0 to 1"),
    ("tasks:", "coverage: 3\n  tasks:", "write a mapping"),
    ("tasks:", "world: {}\n  tasks:", "found none of python, answers"),
    ("tasks:", "world: {answers: []}\n  tasks:", "no answer"),
    ("tasks:", "world: {answers: [{tool: x}]}\n  tasks:", "needs one of result, error"),
    ("tasks:", "world: {answers: [{tool: x, result: 1, times: 0}]}\n  tasks:", "of at least 1"),
    ("tasks:", "world: {python: 'no.py:make'}\n  tasks:", "spec.world.python: no file"),
    ("tasks:", "defaults: {weight: 2}\n  tasks:", "unknown key 'weight'"),
]


@pytest.mark.parametrize(("old", "new", "told"), WRONG)
def test_what_is_wrong_is_told_with_file_line_and_key(tmp_path: Path, old: str, new: str, told: str):
    assert old in MINIMAL

    with pytest.raises(BadInput, match=re.escape(told)) as found:
        read_suite(written(tmp_path, MINIMAL.replace(old, new, 1)))

    assert re.match(rf"{re.escape(str(tmp_path))}/suite.yaml:\d+: ", str(found.value))


def test_a_task_may_not_name_a_check_of_the_defaults_again(tmp_path: Path):
    text = MINIMAL.replace("tasks:", "defaults: {checks: [{called: x}]}\n  tasks:").replace(
        "hello.}", "x, checks: [{called: y}]}"
    )

    with pytest.raises(BadInput, match="'called' is the id of a check of the defaults"):
        read_suite(written(tmp_path, text))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "tasks.jsonl:2: task: not JSON"),
        ('{"id": "x"}', "tasks.jsonl:2: task: 'input' is missing"),
        ('{"id": "x", "input": 1, "input": 2}', "tasks.jsonl:2: task: the key 'input' stands twice"),
        ('{"id": "a", "input": 1}', "tasks.jsonl:2: task: two tasks have the id 'a'"),
        ('{"id": "x", "input": NaN}', "NaN"),
        (
            '{"id": "x", "input": 1, "checks": [{"called": {"tool": ""}}]}',
            "tasks.jsonl:2: task.checks[0].called.tool",
        ),
        ('["x"]', "found a list"),
        ("\xff", "tasks.jsonl:2"),
    ],
)
def test_a_wrong_line_of_tasks_is_told_with_its_place(tmp_path: Path, line: str, told: str):
    (tmp_path / "tasks.jsonl").write_bytes(b'{"id": "a", "input": "x"}\n' + line.encode("latin-1"))

    with pytest.raises(BadInput, match=re.escape(told)):
        read_suite(written(tmp_path, MINIMAL.replace("tasks:", "tasks_from: tasks.jsonl\n  tasks:")))


def test_what_is_packed_badly_is_told(tmp_path: Path):
    (tmp_path / "tasks.jsonl.gz").write_bytes(gzip.compress(b"x" * 1000)[:-9])

    with pytest.raises(BadInput, match="cannot be read"):
        read_suite(written(tmp_path, MINIMAL.replace("tasks:", "tasks_from: tasks.jsonl.gz\n  tasks:")))


def test_a_task_brings_the_facts_that_the_envelope_asks_for(tmp_path: Path):
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    text = (EXAMPLE / "suite.yaml").read_text()

    with pytest.raises(BadInput, match="the facts of task 'broken-clock' do not fit"):
        read_suite(written(tmp_path, text.replace('facts: {customer_id: "17"}', "facts: {}")))


def changed(folder: Path, file: str, old: str, new: str) -> str:
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
    path = folder / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    return read_suite(folder / "suite.yaml").hash


HASH = read_suite(EXAMPLE / "suite.yaml").hash


@pytest.mark.parametrize(
    ("file", "old", "new", "same"),
    [
        ("suite.yaml", "# A refund agent", "# An agent", True),
        ("suite.yaml", "spec:\n", "spec:\n\n", True),
        ("suite.yaml", "model: stand-in", "model: real", True),
        ("suite.yaml", "max_trials: 200", "max_trials: 100", True),
        ("agent.py", "0.02", "0.01", True),
        ("suite.yaml", "the cup arrived", "a cup arrived", False),
        ("suite.yaml", "within: 10s", "within: 9s", False),
        ("suite.yaml", "contains: could not", "contains: not", False),
        ("checks.py", "* 100", "* 1_00", False),
        ("shop.py", "4500", "4501", False),
        ("refund.yaml", "50000", "50001", False),
    ],
)  # fmt: skip
def test_the_hash_is_of_what_is_asked_and_not_of_who_answers(
    tmp_path: Path, file: str, old: str, new: str, same: bool
):
    assert (changed(tmp_path, file, old, new) == HASH) is same


def test_reading_a_suite_runs_none_of_its_code(tmp_path: Path):
    (tmp_path / "bad.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\ndef f(*a): pass\n")
    text = MINIMAL.replace("json:dumps", "bad.py:f").replace(
        "tasks:",
        "world: {python: 'bad.py:f'}\n  invariants: [{python: 'bad.py:f'}]\n"
        "  defaults: {checks: [{python: 'bad.py:f'}]}\n  tasks:",
    )

    read_suite(written(tmp_path, text))

    assert not (tmp_path / "ran").exists()


def test_a_large_suite_is_read_in_seconds(tmp_path: Path):
    tasks: list[dict[str, Any]] = [
        {"id": f"t{n}", "input": "x", "checks": [{"answer": {"contains": "x"}}, {"called": "look"}]}
        for n in range(2_000)
    ]
    (tmp_path / "tasks.jsonl").write_text("\n".join(map(json.dumps, tasks)))

    suite = read_suite(written(tmp_path, MINIMAL.replace("tasks:", "tasks_from: tasks.jsonl\n  tasks:")))

    assert len(suite.tasks) == 2_001 and isinstance(suite.tasks["t1"].checks[0], Rule)


def test_an_empty_suite_is_told_where_suites_begin(tmp_path: Path):
    (tmp_path / "suite.yaml").write_text("# later\n", encoding="utf-8")

    with pytest.raises(BadInput, match="the file is empty; begin with the suite in docs/trials"):
        read_suite(tmp_path / "suite.yaml")
