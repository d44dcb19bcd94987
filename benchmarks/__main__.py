"""All tables, one after the other: `python -m benchmarks`."""

from __future__ import annotations

import sys

from benchmarks import behaviour, decide, history, hook, imports


def main() -> None:
    """Print every table."""
    decide.main()
    print()
    imports.main()
    print()
    history.main()
    print()
    hook.main()
    print()
    behaviour.times()
    print()
    sys.stdout.flush()
    from benchmarks import journal

    journal.main()
    print()
    sys.stdout.flush()
    from benchmarks import proxy

    proxy.main()
    print()
    sys.stdout.flush()
    from benchmarks import trials

    trials.main([])


if __name__ == "__main__":
    main()
