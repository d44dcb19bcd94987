"""Trials: an agent judged as a distribution. The nouns of it, and the rules over them; nothing here runs anything.

`suite.py` says what is asked, `trial.py` what came of one run of one task, `run.py` what came of all of them, `report.py`
what they say. Between them: `schedule.py` (in which order trials start), `checks/` and `invariants/` (was this run a
success; did it break a promise), `gates/` (when is enough known), `analysis/` (every number with its interval).
"""
