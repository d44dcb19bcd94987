"""The middleware in somebody's source: the old program with one thing more, or the place where a person must do it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.usecases.adopt.langchain_patch import ByHand, Patched, patched
from remit.usecases.adopt.source import Source, sources


def source(text: str | bytes, tmp: Path) -> Source:
    (tmp / "agent.py").write_bytes(text if isinstance(text, bytes) else text.encode())
    (found,) = sources(tmp)
    return found


def patch(text: str | bytes, tmp: Path) -> tuple[Patched | None, list[ByHand]]:
    return patched(source(text, tmp))


def made(text: str | bytes, tmp: Path) -> str:
    found, left = patch(text, tmp)
    assert left == []
    assert found
    return found.after


HEAD = """import remit
from remit.adapters.langchain import RemitMiddleware

guard = remit.open("remit/envelope.yaml", store="sqlite:///remit.db")
"""

WHOLE = '''\
"""The shop's agent."""

from __future__ import annotations

from langchain.agents import create_agent  # the loop
from shop import TOOLS

# made once
agent = create_agent(
    "openai:gpt-5",
    TOOLS,  # all of them
    system_prompt="Be kind.",
)
'''


def test_the_lines_stand_behind_the_imports_and_the_middleware_in_the_call(tmp_path: Path) -> None:
    expected = WHOLE.replace("import TOOLS\n", "import TOOLS\n" + HEAD).replace(
        '    system_prompt="Be kind.",\n',
        '    system_prompt="Be kind.",\n    middleware=[RemitMiddleware(guard)],\n',
    )

    assert made(WHOLE, tmp_path) == expected


def test_the_second_time_nothing_is_left_to_do(tmp_path: Path) -> None:
    assert patch(made(WHOLE, tmp_path), tmp_path) == (None, [])


ITEM = "RemitMiddleware(guard)"
CALLS = {
    "create_agent()": "create_agent(middleware=[R])",
    "create_agent(m, t)": "create_agent(m, t, middleware=[R])",
    "create_agent(m, t,)": "create_agent(m, t, middleware=[R])",
    "create_agent((m), (t))": "create_agent((m), (t), middleware=[R])",
    "create_agent(m, *t)": "create_agent(m, *t, middleware=[R])",
    "create_agent(m, middleware=[])": "create_agent(m, middleware=[R])",
    "create_agent(m, middleware=[a])": "create_agent(m, middleware=[a, R])",
    "create_agent(m, middleware=[(a), ], n='é')": "create_agent(m, middleware=[(a), R ], n='é')",
    "create_agent(m, middleware=own, n='é')": "create_agent(m, middleware=[*own, R], n='é')",
    "create_agent(m, middleware=(a, b))": "create_agent(m, middleware=[*(a, b), R])",
    "create_agent(m, middleware=(a or b))": "create_agent(m, middleware=([*(a or b), R]))",
    "create_agent(m, middleware=own, **more)": "create_agent(m, middleware=[*own, R], **more)",
    "create_agent(\n    m,\n    t  # all, (\n)": (
        "create_agent(\n    m,\n    t,  # all, (\n    middleware=[R],\n)"
    ),
    "create_agent(\n    m,\n    t,  # all\n    # more\n)": (
        "create_agent(\n    m,\n    t,  # all\n    middleware=[R],\n    # more\n)"
    ),
    "create_agent(m, middleware=[\n\ta,  # 1\n\tb  # 2\n\t])": (
        "create_agent(m, middleware=[\n\ta,  # 1\n\tb,  # 2\n\tR,\n\t])"
    ),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_each_form_of_a_call(tmp_path: Path, call: str, newline: str) -> None:
    text = f"from langchain.agents import create_agent\nimport other\n\nagent = {call}\n"
    changed = CALLS[call].replace("R]", f"{ITEM}]").replace("R ]", f"{ITEM} ]").replace("R,", f"{ITEM},")
    expected = f"from langchain.agents import create_agent\nimport other\n{HEAD}\nagent = {changed}\n"

    assert made(text.replace("\n", newline), tmp_path) == expected.replace("\n", newline)


@pytest.mark.parametrize(
    ("imports", "name"),
    [
        ("import langchain.agents", "langchain.agents.create_agent"),
        ("import langchain.agents as la", "la.create_agent"),
        ("from langchain import agents", "agents.create_agent"),
        ("from langchain.agents import create_agent as make", "make"),
        ("from langchain.agents.factory import create_agent", "create_agent"),
    ],
)
def test_the_call_is_known_by_every_name(tmp_path: Path, imports: str, name: str) -> None:
    text = f"{imports}\n\n\ndef build(m):\n    return {name}(m)\n"
    expected = text.replace(imports + "\n", f"{imports}\n{HEAD}").replace(
        f"{name}(m)", f"{name}(m, middleware=[{ITEM}])"
    )

    assert made(text, tmp_path) == expected


def test_every_agent_of_a_file_gets_it(tmp_path: Path) -> None:
    text = "from langchain.agents import create_agent\n\na = create_agent(create_agent(1))\nb = create_agent(2)\n"

    assert made(text, tmp_path).count(ITEM) == 3


def test_the_guard_is_there_before_the_first_agent_is_made(tmp_path: Path) -> None:
    text = "from langchain.agents import create_agent\n\na = create_agent(1)\nimport late\n"

    assert made(text, tmp_path).startswith(f"from langchain.agents import create_agent\n{HEAD}\na = ")


def test_the_guard_is_there_before_a_function_that_makes_an_agent_is_called(tmp_path: Path) -> None:
    text = "from langchain.agents import create_agent\n\ndef f():\n    return create_agent(1)\n\na = f()\nimport late\n"

    assert made(text, tmp_path).startswith(f"from langchain.agents import create_agent\n{HEAD}\ndef f")


def test_a_decorated_function_that_stands_first_keeps_its_decorator(tmp_path: Path) -> None:
    text = (
        "@staticmethod\ndef f():\n    from langchain.agents import create_agent\n    return create_agent(1)\n"
    )

    assert made(text, tmp_path).startswith(f"{HEAD}\n@staticmethod\ndef f")


def test_a_byte_order_mark_a_missing_last_line_end_and_a_local_import_are_fine(tmp_path: Path) -> None:
    text = "def f():\n    from langchain.agents import create_agent\n    return create_agent(1)"
    expected = "\ufeff" + HEAD + "\n" + text.replace("(1)", f"(1, middleware=[{ITEM}])")

    assert made("\ufeff" + text, tmp_path) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("agent = create_agent(**settings)", "called with **"),
        ("agent = create_agent(m, middleware=None)", "no list"),
        ("guard = 1\nagent = create_agent(m)", "a guard of its own"),
        ("import x; agent = create_agent(m)", "no safe place"),
        ("agent = create_react_agent(m, [])", "ToolNode"),
        ("node = ToolNode([])", "ToolNode"),
    ],
)
def test_what_is_not_safe_is_left_to_a_person_with_its_place(tmp_path: Path, text: str, why: str) -> None:
    head = "from langchain.agents import create_agent\nfrom langgraph.prebuilt import ToolNode, create_react_agent\n"
    found, left = patch(head + text + "\n", tmp_path)
    (one,) = left

    assert found is None
    assert one.where == f"agent.py:{2 + len(text.splitlines())}"
    assert why in one.why


def test_a_file_that_imports_remit_already_does_not_import_it_twice(tmp_path: Path) -> None:
    text = "import remit\nfrom langchain.agents import create_agent\n\nagent = create_agent(1)\n"

    assert made(text, tmp_path).count("import remit\n") == 1


def test_tests_environments_and_hidden_folders_are_not_looked_at(tmp_path: Path) -> None:
    for folder in (".hidden", "venv", "node_modules/x", "tests", "build"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.py").write_text("from langchain.agents import create_agent\n")
    (tmp_path / "venv/pyvenv.cfg").write_text("")
    (tmp_path / "test_a.py").write_text("from langchain.agents import create_agent\n")
    (tmp_path / "broken.py").write_text("from langchain.agents import (\n")

    assert list(sources(tmp_path)) == []


BLANK = st.sampled_from(["", " ", "\n    ", "  # (note, [\n    "])
ITEMS = st.sampled_from(["m", "(m)", "f(a, b)", "'a, ) b'", "[1, 2,]", "*t", "'é'"])


@st.composite
def calls(draw: st.DrawFn) -> str:
    """A call of any form that somebody may write."""

    def listed(parts: list[str]) -> str:
        comma = draw(st.sampled_from(["", ","])) if parts else ""
        inner = ",".join(f"{draw(BLANK)}{part}{draw(BLANK)}" for part in parts)
        return inner + comma + draw(BLANK)

    parts = draw(st.lists(ITEMS, max_size=3))
    if draw(st.booleans()):
        parts.append(f"middleware={draw(BLANK)}[{listed(draw(st.lists(ITEMS, max_size=3)))}]")
    elif draw(st.booleans()):
        parts.append(f"middleware={draw(st.sampled_from(['own', 'a or b', '(a, b)', 'f()']))}")
    return f"create_agent({listed(parts)})"


@given(calls())
def test_any_call_means_the_same_with_the_middleware_as_its_last(
    tmp_path_factory: pytest.TempPathFactory, call: str
) -> None:
    text = f"from langchain.agents import create_agent\nagent = {call}\n"
    old, found = (call_in(one) for one in (text, made(text, tmp_path_factory.mktemp("p"))))
    before, after = (
        next((one.value for one in each.keywords if one.arg == "middleware"), None) for each in (old, found)
    )
    assert isinstance(after, ast.List)
    *others, last = after.elts
    if isinstance(before, ast.List):
        expected: list[ast.expr] = before.elts
    else:
        expected = [] if before is None else [ast.Starred(before, ast.Load())]

    assert ast.unparse(last) == ITEM
    assert [ast.dump(one) for one in others] == [ast.dump(one) for one in expected]
    assert [ast.dump(one) for one in found.args] == [ast.dump(one) for one in old.args]


def call_in(text: str) -> ast.Call:
    last = ast.parse(text).body[-1]
    assert isinstance(last, ast.Assign)
    assert isinstance(last.value, ast.Call)
    return last.value
