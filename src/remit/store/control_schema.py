"""Tables of human control: modes, violations, reservations, limits, approvals, operators, reviews.

None of them holds arguments, texts or names of customers: an approval's body lies in the journal, under the
data key of its subject, and its row here has ids, digests, states and times only.
"""

from __future__ import annotations

DDL = """
CREATE TABLE IF NOT EXISTS control_mark (
  name TEXT PRIMARY KEY, value NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS breaker_scope (
  id TEXT PRIMARY KEY,
  mode TEXT NOT NULL, since REAL NOT NULL, since_violation INTEGER NOT NULL,
  cooldown_until REAL NOT NULL, approved_clean INTEGER NOT NULL, probation_clean INTEGER NOT NULL,
  answers TEXT NOT NULL, reason TEXT NOT NULL, entered INTEGER NOT NULL,
  force_mode TEXT, force_until REAL, force_by TEXT, force_reason TEXT, force_break_glass INTEGER,
  force_id TEXT, epoch INTEGER NOT NULL, changes INTEGER NOT NULL, versions INTEGER NOT NULL, rule TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS breaker_scope_force ON breaker_scope (force_until) WHERE force_until IS NOT NULL;

-- The exact sliding log. AUTOINCREMENT: no number is used twice, so "after the mode was entered" stays true.
CREATE TABLE IF NOT EXISTS breaker_violation (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL UNIQUE,
  tenant TEXT NOT NULL, agent TEXT NOT NULL, version TEXT NOT NULL, effect TEXT NOT NULL,
  at REAL NOT NULL, severity TEXT NOT NULL, clause TEXT NOT NULL, kind TEXT NOT NULL, session TEXT NOT NULL,
  executed INTEGER NOT NULL, enforced INTEGER NOT NULL, collapse TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS breaker_violation_window ON breaker_violation (tenant, agent, at);

CREATE TABLE IF NOT EXISTS breaker_trip (
  scope TEXT NOT NULL, changes INTEGER NOT NULL, at REAL NOT NULL, PRIMARY KEY (scope, changes)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS breaker_reservation (
  token TEXT PRIMARY KEY, state TEXT NOT NULL,
  tenant TEXT NOT NULL, agent TEXT NOT NULL, version TEXT NOT NULL, effect TEXT NOT NULL,
  tool TEXT NOT NULL, session TEXT NOT NULL, call_id TEXT NOT NULL, envelope TEXT NOT NULL,
  at REAL NOT NULL, lease_until REAL NOT NULL, settled_at REAL,
  mode TEXT NOT NULL, epoch INTEGER NOT NULL, entered INTEGER NOT NULL,
  reserved INTEGER NOT NULL, governed INTEGER NOT NULL, enforced INTEGER NOT NULL,
  approval TEXT, flags TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS breaker_reservation_load
  ON breaker_reservation (tenant, agent, reserved, governed) WHERE state = 'in_flight';
CREATE INDEX IF NOT EXISTS breaker_reservation_lease
  ON breaker_reservation (lease_until) WHERE state = 'in_flight';
CREATE INDEX IF NOT EXISTS breaker_reservation_old
  ON breaker_reservation (settled_at) WHERE state <> 'in_flight';

-- While a call is in flight its `at` is infinite: it lies in every window. Amount = high * 2^40 + low, so
-- that sums of any length are exact in 64 bits.
CREATE TABLE IF NOT EXISTS limit_use (
  token TEXT NOT NULL, item INTEGER NOT NULL,
  tenant TEXT NOT NULL, agent TEXT NOT NULL, clause TEXT NOT NULL, key TEXT NOT NULL,
  at REAL NOT NULL, high INTEGER NOT NULL, low INTEGER NOT NULL, within_s REAL NOT NULL,
  PRIMARY KEY (token, item)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS limit_use_window ON limit_use (tenant, agent, clause, key, at, high, low);
CREATE INDEX IF NOT EXISTS limit_use_old ON limit_use (at + within_s);

CREATE TABLE IF NOT EXISTS approval (
  id TEXT PRIMARY KEY, event_id TEXT NOT NULL,
  tenant TEXT NOT NULL, agent TEXT NOT NULL, version TEXT NOT NULL, session TEXT NOT NULL,
  tool TEXT NOT NULL, effect TEXT NOT NULL, call_id TEXT NOT NULL, envelope TEXT NOT NULL,
  call_digest TEXT NOT NULL, digest TEXT NOT NULL, epoch INTEGER NOT NULL,
  state TEXT NOT NULL, revision INTEGER NOT NULL, proposals INTEGER NOT NULL,
  people INTEGER NOT NULL, roles TEXT NOT NULL, expires_s REAL NOT NULL,
  requested_at REAL NOT NULL, expires_at REAL NOT NULL, ended_at REAL,
  excluded TEXT NOT NULL, token TEXT, reason TEXT NOT NULL, approved_by INTEGER NOT NULL,
  single_operator INTEGER NOT NULL, break_glass INTEGER NOT NULL, review_needed INTEGER NOT NULL,
  canary INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS approval_call ON approval (session, call_digest);
CREATE INDEX IF NOT EXISTS approval_open ON approval (expires_at) WHERE state IN ('pending', 'approved');
CREATE INDEX IF NOT EXISTS approval_when ON approval (requested_at);

CREATE TABLE IF NOT EXISTS approval_answer (
  approval TEXT NOT NULL, operator TEXT NOT NULL, reply TEXT NOT NULL, at REAL NOT NULL,
  authenticated INTEGER NOT NULL, break_glass INTEGER NOT NULL, event_id TEXT NOT NULL,
  PRIMARY KEY (approval, operator)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS operator (
  name TEXT PRIMARY KEY, roles TEXT NOT NULL, public_key BLOB NOT NULL, added_at REAL NOT NULL, removed_at
REAL ) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS control_review (
  id TEXT PRIMARY KEY, about TEXT NOT NULL, by TEXT NOT NULL, at REAL NOT NULL,
  reviewed_by TEXT, reviewed_at REAL
) WITHOUT ROWID;
"""
