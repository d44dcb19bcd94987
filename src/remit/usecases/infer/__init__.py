"""Propose an envelope from recorded sessions: what the agent did, drawn as tightly as the record supports.

Theory. A record of good sessions shows what an agent needs, and never what an attacker would try. So nothing is
learned from attacks: what stops them is that in good sessions the values that decide where an effect goes come from
few places, and that texts which strangers write are hardly ever among them.

- `observe` replays the sessions and keeps, for each call, where every argument value came from.
- `places` sorts what tools return: tokens (ids, addresses), phrases, and prose, where a stranger may write sentences.
- `flows`, `schemas`, `limits` propose; each says how many tasks support it. Tasks count, not calls: sessions of one task
  resemble each other.
- `write` makes YAML that loads, `examples` its own tests, `coverage` judges sessions of tasks that were held out.
"""

from remit.usecases.infer.proposal import Inferred, infer

__all__ = ["Inferred", "infer"]
