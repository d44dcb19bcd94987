"""Invariants: did this trial break a promise? One breach in any trial blocks. One kind a file, listed in `table.py`."""
