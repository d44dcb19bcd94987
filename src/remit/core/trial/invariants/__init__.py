"""Invariants: what no trial may ever do. One kind a file, listed in `table.py`."""
