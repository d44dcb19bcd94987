"""Settings: which place wins, and what is refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from remit import BadInput
from remit.settings import Settings, load_settings


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)


def test_without_any_setting_the_defaults_hold(tmp_path: Path) -> None:
    assert load_settings(tmp_path, {}) == Settings()


def test_the_environment_goes_before_pyproject_before_remit_toml(tmp_path: Path) -> None:
    write(tmp_path, "remit.toml", 'store = "sqlite:///a.db"\noperator = "ann"\napproval_wait_s = 1\n')
    write(tmp_path, "pyproject.toml", '[tool.remit]\nstore = "sqlite:///b.db"\noperator = "bob"\n')

    found = load_settings(tmp_path, {"REMIT_STORE": "sqlite:///c.db", "REMIT_OPERATOR": ""})
    assert (found.store, found.operator, found.approval_wait_s) == ("sqlite:///c.db", "bob", 1.0)


def test_settings_are_looked_for_up_to_the_nearest_project(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    write(tmp_path, "remit.toml", 'operator = "ann"\n')
    assert load_settings(inner, {}).operator == "ann"
    write(tmp_path / "a", "pyproject.toml", "[project]\nname = 'x'\n")
    assert load_settings(inner, {}).operator == ""


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("remit.toml", "stor = 'x'", "unknown setting"),
        ("remit.toml", "store = 5", "found 5"),
        ("remit.toml", "approval_wait_s = -1", "found -1"),
        ("remit.toml", "approval_wait_s = nan", "found nan"),
        ("remit.toml", "approval_wait_s = true", "found True"),
        ("remit.toml", "approval_wait_s = [1]", "found [1]"),
        ("remit.toml", "store = ", "cannot be read"),
        ("pyproject.toml", "[tool]\nremit = 5", "found 5"),
        ("pyproject.toml", "[[tool.remit]]\nstore = 'x'", "found [{"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_place(tmp_path: Path, name: str, text: str, found: str) -> None:
    write(tmp_path, name, text)
    with pytest.raises(BadInput) as bad:
        load_settings(tmp_path, {})
    assert name in bad.value.where and found in str(bad.value)


def test_a_pyproject_of_odd_shape_without_settings_is_none_of_ours(tmp_path: Path) -> None:
    write(tmp_path, "pyproject.toml", "tool = 5")
    assert load_settings(tmp_path, {}) == Settings()


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "remit.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="cannot be read"):
        load_settings(tmp_path, {})


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="REMIT_APPROVAL_WAIT_S: found 'soon'"):
        load_settings(tmp_path, {"REMIT_APPROVAL_WAIT_S": "soon"})


def test_keys_and_checkpoints_have_a_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert Settings(home="/x/y").home_path == Path("/x/y")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert Settings().home_path == tmp_path / "remit"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Settings().home_path == tmp_path / ".local/state/remit"


@pytest.mark.parametrize("name", ["remit.toml", "pyproject.toml"])
def test_settings_that_somebody_else_left_where_anybody_may_write_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    ours = tmp_path / "ours"
    ours.mkdir()
    write(tmp_path, name, '[tool.remit]\nwebhook_url = "https://evil.example"\n' if "py" in name else "")
    monkeypatch.setattr("remit.settings.os.geteuid", lambda: (tmp_path / name).stat().st_uid + 1)
    monkeypatch.setattr("remit.settings.TRUSTED_OWNERS", ())
    load_settings(ours, {})

    tmp_path.chmod(0o1777)
    with pytest.raises(BadInput, match="another user's file") as bad:
        load_settings(ours, {})
    assert name in bad.value.where


def test_settings_of_our_own_hold_also_where_anybody_may_write(tmp_path: Path) -> None:
    write(tmp_path, "remit.toml", 'operator = "ann"\n')
    tmp_path.chmod(0o1777)

    assert load_settings(tmp_path, {}).operator == "ann"
