"""Several routes, several processes, real receivers: nobody waits for a dead one, and nothing is lost or told twice."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from receivers import Receiver, alert, routes_file, story, until

import remit
from remit.settings import Settings
from remit.store import deliveries
from remit.store.outbox import LEASE_S
from remit.store.sqlite import SqliteStore
from remit.wiring import load_routes, open_routes, open_store, start_worker


@pytest.fixture
def receivers():
    made: list[Receiver] = []

    def make(**options) -> Receiver:
        made.append(Receiver(**options))
        return made[-1]

    yield make
    for one in made:
        one.close()


class World:
    """A store and its routes, for any number of processes."""

    def __init__(self, folder: Path, **ports: int) -> None:
        self.path = folder / "remit.db"
        self.settings = Settings(
            store=f"sqlite:///{self.path}",
            home=str(folder / "home"),
            routes=str(routes_file(folder, **ports)),
        )
        self.routes = load_routes(self.settings).routes

    def open(self) -> SqliteStore:
        return open_store(self.settings.store, self.settings)

    def put(self, store, *alerts) -> None:
        store.transact_now(
            lambda tx: [deliveries.enqueue(tx, one, self.routes, subject="ann") for one in alerts] and None
        )


def test_a_receiver_that_hangs_and_one_that_fails_delay_nobody_else(tmp_path, receivers):
    fine, hanging, failing = receivers(), receivers(hangs=True), receivers(status=503)
    world = World(tmp_path, hanging=hanging.port, failing=failing.port, fine=fine.port)
    with world.open() as store:
        with open_routes(store, world.routes):
            for n in range(5):
                world.put(store, *story(n))
            until(lambda: len(fine.got) == 15 and hanging.keys and failing.keys)
            # Read while the hanging one still hangs: its timeout is seconds away.
            hanging.free.set()
        for n in range(5):
            assert [one for one in fine.told() if one[0] == f"i-{n}"] == [
                (f"i-{n}", "trigger"),
                (f"i-{n}", "update"),
                (f"i-{n}", "resolve"),
            ]
        waiting = dict(
            store.read(
                lambda db: db.execute(
                    "SELECT route, count(*) FROM delivery WHERE state IN ('waiting', 'claimed') GROUP BY route"
                ).fetchall()
            )
        )
        assert waiting == {"hanging": 15, "failing": 15}


def test_one_step_delivers_on_all_routes_what_is_due(tmp_path, receivers):
    first, second = receivers(), receivers()
    world = World(tmp_path, first=first.port, second=second.port)
    with world.open() as store:
        world.put(store, *story(1))

        assert open_routes(store, world.routes).deliver_once(most_s=60.0) == 6
        assert open_routes(store, world.routes).deliver_once(most_s=60.0) == 0
    assert first.told() == second.told() == [("i-1", "trigger"), ("i-1", "update"), ("i-1", "resolve")]


def _child(work, *of) -> int:
    """Run it in a process of its own, which ends there."""
    child = os.fork()
    if not child:
        code = 1
        try:
            work(*of)
            code = 0
        finally:
            os._exit(code)
    return child


def _deliver_all(world: World) -> None:
    with world.open() as store, open_routes(store, world.routes):
        sql = "SELECT count(*) FROM delivery WHERE state IN ('waiting', 'claimed')"
        until(lambda: not store.read(lambda db: db.execute(sql).get), 240.0)


def test_four_processes_tell_each_thing_once_on_each_route_and_each_incident_in_order(tmp_path, receivers):
    first, second = receivers(), receivers()
    world = World(tmp_path, first=first.port, second=second.port)
    with world.open() as store:
        for n in range(30):
            world.put(store, *story(n))
    children = [_child(_deliver_all, world) for _ in range(4)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4

    for receiver in (first, second):
        assert set(Counter(receiver.keys).values()) == {1}
        assert len(receiver.got) == 90
        for n in range(30):
            mine = [action for incident, action in receiver.told() if incident == f"i-{n}"]
            assert mine == ["trigger", "update", "resolve"]


def _deliver_until_killed(world: World) -> None:
    with world.open() as store:
        open_routes(store, world.routes).deliver_once(most_s=240.0)


def test_a_process_that_is_killed_while_it_sends_leaves_it_to_the_next_with_the_same_id(
    tmp_path, receivers, monkeypatch
):
    receiver = receivers(hangs=True)
    world = World(tmp_path, only=receiver.port)
    with world.open() as store:
        world.put(store, *story(1))
    child = _child(_deliver_until_killed, world)
    until(lambda: receiver.keys)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    receiver.hangs = False

    now = {"at": 0.0}
    with world.open() as store:
        claimed = store.read(
            lambda db: db.execute("SELECT alert, state FROM delivery ORDER BY seq").fetchall()
        )
        assert claimed[0] == ("a-1-1", "claimed")
        assert open_routes(store, world.routes).deliver_once() == 0  # nobody knows that it died
        now["at"] = store.read(lambda db: db.execute("SELECT at FROM head").get) + LEASE_S
    with SqliteStore.open(
        world.path, home=Path(world.settings.home), create=False, clock=lambda: now["at"]
    ) as later:
        assert open_routes(later, world.routes).deliver_once(most_s=60.0) == 3
    assert receiver.keys == ["a-1-1", "a-1-1", "a-1-2", "a-1-3"]
    assert receiver.told() == [("i-1", "trigger"), ("i-1", "update"), ("i-1", "resolve")]


def test_killing_workers_over_and_over_loses_nothing_and_repeats_only_by_the_same_id(tmp_path, receivers):
    receiver = receivers()
    world = World(tmp_path, only=receiver.port)
    clock = {"at": 2_000_000_000.0}
    for round_ in range(6):
        with SqliteStore.open(
            world.path, home=Path(world.settings.home), extensions=_extensions(), clock=lambda: clock["at"]
        ) as store:
            world.put(store, *story(round_))

        def work(at: float = clock["at"]) -> None:
            with SqliteStore.open(
                world.path, home=Path(world.settings.home), create=False, clock=lambda: at
            ) as store:
                open_routes(store, world.routes).deliver_once(most_s=240.0)

        before = len(receiver.keys)
        children = [_child(work) for _ in range(2)]
        until(lambda before=before: len(receiver.keys) > before)
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        clock["at"] += LEASE_S
    with SqliteStore.open(
        world.path, home=Path(world.settings.home), create=False, clock=lambda: clock["at"]
    ) as store:
        open_routes(store, world.routes).deliver_once(most_s=240.0)

    first_seen = list(dict.fromkeys(receiver.keys))
    assert sorted(first_seen) == sorted(one.id for n in range(6) for one in story(n))
    for n in range(6):
        assert [key for key in first_seen if key.startswith(f"a-{n}-")] == [f"a-{n}-{r}" for r in (1, 2, 3)]


def _extensions():
    from remit.store.records import EXTENSIONS

    return EXTENSIONS


def test_a_full_disk_delays_and_loses_nothing(tmp_path, receivers, small_disk):
    receiver = receivers()
    folder = small_disk.folder
    world = World(tmp_path, only=receiver.port)
    path = folder / "remit.db"
    options = {"home": tmp_path / "home2", "extensions": _extensions(), "reserve_bytes": 1 << 20}
    with SqliteStore.open(path, **options) as store:
        n = 0
        while True:
            try:
                world.put(store, *(alert(n * 50 + k) for k in range(50)))
            except remit.Unavailable as error:
                assert "disk is full" in str(error)
                break
            n += 1
            assert n < 1000
        deliverers = open_routes(store, world.routes)
        assert deliverers.deliver_once() == 0
        assert receiver.got == []

        small_disk.grow()
        while deliverers.deliver_once(most_s=240.0):
            pass
    assert Counter(one["incident"] for one in receiver.got if one["kind"] != "digest").keys() <= {
        f"i-{k}" for k in range(n * 50)
    }
    # Beyond what waits whole, incidents are counted in digests.
    assert sum(one["count"] for one in receiver.got) == n * 50


@pytest.fixture
def small_disk(tmp_path):
    import subprocess

    class Disk:
        folder = tmp_path / "small"

        def grow(self) -> None:
            subprocess.run(["mount", "-o", "remount,size=64m", self.folder], check=True)

    disk = Disk()
    disk.folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", disk.folder]
    mounted = subprocess.run(command, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no mount here: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "-l", disk.folder], check=True)


ENVELOPE = """
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: clerk, version: "1", owner: olga}
spec:
  tools:
    pay:
      effect: irreversible
      args: {type: object, additionalProperties: false, required: [amount], properties: {amount: {type: integer}}}
      require:
        - {id: ceiling, expr: "args.amount <= 5", severity: critical, message: "no more than 5"}
"""


def test_what_an_agent_does_against_its_envelope_reaches_the_team_by_the_worker(tmp_path, receivers):
    receiver = receivers()
    world = World(tmp_path, only=receiver.port)
    envelope = tmp_path / "clerk.yaml"
    envelope.write_text(ENVELOPE)
    with (
        remit.open(envelope, store=world.settings.store, settings=world.settings) as guard,
        guard.session(user_input="pay it", principal="c17", principal_kind="operator") as session,
        pytest.raises(remit.CallDenied),
    ):
        session.call("pay", {"amount": 900}, run=lambda **_: 1)

    with world.open() as store:
        worker = start_worker(store, world.settings)
        until(lambda: receiver.got)
        worker.close()
    told = receiver.got[0]
    assert (told["action"], told["agent"], told["tool"], told["clauses"]) == (
        "trigger",
        "clerk",
        "pay",
        ["pay.ceiling"],
    )


def test_a_broken_file_of_routes_stops_the_worker_and_not_the_guard(tmp_path):
    broken = tmp_path / "routes.toml"
    broken.write_text("[[route]]\nname = 5\n")
    settings = Settings(
        store=f"sqlite:///{tmp_path / 'remit.db'}", home=str(tmp_path / "home"), routes=str(broken)
    )
    envelope = tmp_path / "clerk.yaml"
    envelope.write_text(ENVELOPE)
    with (
        remit.open(envelope, store=settings.store, settings=settings) as guard,
        guard.session() as session,
        pytest.raises(remit.CallDenied),
    ):
        session.call("pay", {"amount": 900}, run=lambda **_: 1)

    with open_store(settings.store, settings) as store:
        with pytest.raises(remit.BadInput, match="route"):
            start_worker(store, settings)
        assert len(list(store.events(anomalies_only=True))) == 1


def test_a_guard_that_classifies_too_goes_on_guarding_with_a_broken_file_of_routes_and_says_so(
    tmp_path, caplog
):
    broken = tmp_path / "routes.toml"
    broken.write_text("[[route]]\nname = 5\n")
    settings = Settings(
        store=f"sqlite:///{tmp_path / 'remit.db'}", home=str(tmp_path / "home"), routes=str(broken)
    )
    envelope = tmp_path / "clerk.yaml"
    envelope.write_text(ENVELOPE)
    with (
        remit.open(envelope, store=settings.store, settings=settings, classify=True) as guard,
        guard.session() as session,
        pytest.raises(remit.CallDenied),
    ):
        session.call("pay", {"amount": 900}, run=lambda **_: 1)

    assert "nobody is told" in caplog.text and "routes.toml" in caplog.text
    with open_store(settings.store, settings) as store:
        assert len(list(store.events(anomalies_only=True))) == 1
        assert not list(store.events(kinds={"anomaly.classified"}))
