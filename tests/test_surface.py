"""The public surface: the names that users rely on, and what the fakes promise in their place."""

from __future__ import annotations

import inspect

import pytest

import remit
from remit import ports
from remit.store.records import SqliteRecords
from remit.testing import FakeClock, FakeIds, FakeRecords
from remit.usecases.clock import SystemClock, Uuid7


def test_every_public_name_is_there_and_documented() -> None:
    for name in remit.__all__:
        value = getattr(remit, name)
        assert name.startswith("__") or inspect.getdoc(value), name


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'opne'"):
        remit.opne  # noqa: B018


def test_errors_are_of_three_kinds() -> None:
    kinds = (remit.BadInput, remit.Refused, remit.Unavailable)
    errors = [
        e for n in remit.__all__ if isinstance(e := getattr(remit, n), type) and issubclass(e, Exception)
    ]

    for error in errors:
        if error is remit.OutcomeUnknown:  # the tool's word, not remit's
            continue
        assert error is remit.RemitError or sum(issubclass(error, kind) for kind in kinds) == 1


@pytest.mark.parametrize(
    ("port", "things"),
    [
        (ports.Records, (SqliteRecords, FakeRecords)),
        (ports.Clock, (SystemClock, FakeClock)),
        (ports.Ids, (Uuid7, FakeIds)),
    ],
)
def test_everything_that_stands_for_a_port_has_its_methods_and_parameters(
    port: type, things: tuple[type, ...]
) -> None:
    methods = {n: m for n, m in vars(port).items() if inspect.isfunction(m) and not n.startswith("_")}
    for thing in things:
        for name, method in methods.items():
            own = inspect.signature(getattr(thing, name))
            assert list(own.parameters) == list(inspect.signature(method).parameters), (
                f"{thing.__name__}.{name}"
            )


def test_ids_are_unique_and_sorted_by_time() -> None:
    ids = [Uuid7().new() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert ids[0][:8] <= ids[-1][:8]


def test_the_clock_of_this_machine_moves_on() -> None:
    clock = SystemClock()
    assert clock.monotonic() <= clock.monotonic() and clock.now() > 1.7e9
