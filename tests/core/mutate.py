"""Random damage to documents: to their text, and to their values."""

from __future__ import annotations

from random import Random
from typing import Any

SCRAPS = (
    *(
        "&a ",
        "*a",
        "<<: *a",
        "!!python/object:os.system ",
        "!!binary x",
        "!x ",
        "!!float 1",
        "%YAML 1.1\n",
        "---\n",
        "...\n",
    ),
    *(
        "- ",
        ": ",
        ":",
        ",",
        "{",
        "}",
        "[",
        "]",
        "|",
        ">-\n",
        "'",
        '"',
        "\\",
        "#",
        "@",
        "`",
        "? ",
        "\t",
        "\n",
        "\r",
        "\r\n",
        " ",
    ),
    *("\x00", "\x85", "\u2028", "\u200b", "\u202e", "\ufeff", "\ud800", "\U0001f600", "é", "\x7f", "\x1b"),
    *(
        "null",
        "~",
        "true",
        "yes",
        "0o7",
        "0x1f",
        "1e999",
        "-0",
        ".inf",
        ".nan",
        "1_000",
        "9" * 40,
        "2024-01-02",
        "12:30",
    ),
    *(
        "expr",
        "id: a",
        "when:",
        "spec:",
        "tools:",
        "args.x",
        "has(",
        "&&",
        "((((((((",
        "matches('(')",
        "[[[[[[[[[[[[",
    ),
    *("a" * 300, "{" * 70, "x: {" * 40, "- " * 80, "!" * 50, "$ref", "'#/$defs/x'", "pattern", "type"),
)
VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2**53,
        2**63,
        10**30,
        1.5,
        -0.0,
        1e300,
        "",
        " ",
        "a",
        "A" * 300,
        "\x00",
        "\u202e",
        "\U0001f600",
    ),
    *(
        [],
        {},
        [[]],
        [{}],
        {"": 1},
        {"a": {}},
        [None],
        ["x", "x"],
        {"$ref": "#"},
        {"type": "object"},
        {"type": ["string"]},
    ),
    *(
        "1h",
        "-1h",
        "999999999d",
        "args.x",
        "true",
        "1 == 1",
        "deny",
        "object",
        "#/$defs/a",
        "(",
        "a.b[]",
        "..",
        "*",
    ),
    *(
        {"enum": []},
        {"anyOf": []},
        {"not": {}},
        {"pattern": "("},
        {"items": {"items": {"items": {}}}},
        {"const": 1},
    ),
)


def damage_text(text: str, random: Random) -> str:
    """Return *text* with up to eight cuts, copies, swaps and insertions."""
    for _ in range(random.choice((1, 1, 2, 3, 8))):
        at, upto = sorted((random.randrange(len(text) + 1), random.randrange(len(text) + 1)))
        upto = min(upto, at + random.choice((1, 3, 20, 200)))
        match random.randrange(5):
            case 0:
                text = text[:at] + text[upto:]
            case 1:
                text = text[:at] + random.choice(SCRAPS) + text[at:]
            case 2:
                text = text[:at] + random.choice(SCRAPS) + text[upto:]
            case 3:
                text = text[:upto] + text[at:upto] + text[upto:]
            case 4:
                lines = text.split("\n")
                a, b = random.randrange(len(lines)), random.randrange(len(lines))
                lines[a], lines[b] = lines[b], lines[a]
                text = "\n".join(lines)
    return text


def damage_value(value: Any, random: Random) -> Any:
    """Return a copy of *value* with a few parts replaced, dropped, renamed, doubled or buried."""
    value = _copy(value)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        value = _damage(value, random)
    return value


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(part) for key, part in value.items()}
    return [_copy(part) for part in value] if isinstance(value, list) else value


def _damage(value: Any, random: Random) -> Any:
    holders = [part for part in _parts(value) if isinstance(part, dict | list) and part]
    if not holders:
        return random.choice(VALUES)
    here = random.choice(holders)
    key = random.choice(list(here) if isinstance(here, dict) else range(len(here)))
    other = random.choice(random.choice(holders) and list(_parts(value)))
    match random.randrange(7):
        case 0 | 1:
            here[key] = _copy(random.choice(VALUES))
        case 2:
            del here[key]
        case 3:
            here[key] = _copy(other)
        case 4 if isinstance(here, dict):
            here[random.choice((key.upper(), key + "s", key[:-1], "", "x y", "id", "é"))] = here.pop(key)
        case 4 | 5 if isinstance(here, list):
            here.append(_copy(here[key]))
        case 6:
            for _ in range(random.choice((1, 40, 70))):
                here[key] = {"a": here[key]} if random.random() < 0.5 else [here[key]]
        case _:
            text = here[key]
            here[key] = damage_text(text, random) if isinstance(text, str) else _copy(random.choice(VALUES))
    return value


def _parts(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value, *(part for child in inner for part in _parts(child))]
