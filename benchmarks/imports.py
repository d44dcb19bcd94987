"""What `import remit` and the first `remit.open` cost, in CPU milliseconds of a fresh interpreter.

python -m benchmarks.imports
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile

from benchmarks import workload

ROUNDS = 9
_IMPORT = "import time; a = time.process_time(); import remit; print((time.process_time() - a) * 1e3)"
_OPEN = """
import pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
a = time.process_time()
import remit
guard = remit.open(folder / "e.yaml", store=f"sqlite:///{folder}/r.db")
print((time.process_time() - a) * 1e3)
guard.close()
"""


def rows() -> list[tuple[str, float, float]]:
    """(what, median CPU ms, target ms)."""
    found: dict[str, list[float]] = {"import remit": [], "import and first remit.open": []}
    for _ in range(ROUNDS):
        found["import remit"].append(_timed(_IMPORT))
        with tempfile.TemporaryDirectory() as folder:
            with open(f"{folder}/e.yaml", "w", encoding="utf-8") as file:
                file.write(workload.envelope_text())
            found["import and first remit.open"].append(_timed(_OPEN, folder))
    targets = {"import remit": 60.0, "import and first remit.open": 400.0}
    return [(name, statistics.median(times), targets[name]) for name, times in found.items()]


def _timed(code: str, *args: str) -> float:
    env = {"PATH": "/usr/bin:/bin", "REMIT_HOME": args[0] + "/home"} if args else {"PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, check=True, env=env
    )
    return float(done.stdout)


def main() -> None:
    """Print the table."""
    print(f"{'start-up':36} {'median CPU ms':>14} {'target':>8}")
    for name, median, target in rows():
        print(f"{name:36} {median:14.1f} {target:8.0f}")


if __name__ == "__main__":
    main()
