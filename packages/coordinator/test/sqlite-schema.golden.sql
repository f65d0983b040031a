CREATE TABLE `labels` (`gid` text not null, `name` text not null, `value` text not null, primary key (`gid`, `name`)) strict, without rowid;

CREATE TABLE `probes` (`filler` blob not null) strict;

CREATE TABLE `registrations` (`id` integer primary key, `gid` text, `first` integer not null, `specs` text not null, `payloads` blob not null) strict;

CREATE INDEX registrations_later on registrations (gid, first) where gid is not null;

CREATE TABLE `results` (`gid` text not null, `result` blob not null, primary key (`gid`)) strict;

CREATE TABLE `retention` (`step` text not null, `finished_at` integer not null, `gid` text not null, primary key (`step`)) strict, without rowid;

CREATE TABLE schema_version (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, min_reader INTEGER NOT NULL) STRICT;

CREATE TABLE `transactions` (`gid` text not null, `run_id` text not null, `name` text not null, `status` text not null, `branches` integer not null, `registration` integer, `owner` text not null, `epoch` integer not null, `open_owner` text, `next_at` integer, `opened_at` integer not null, `deadline_at` integer not null, `decided_at` integer, `finished_at` integer, `cause` text, `reason` text, `format` integer not null, `details` text, `states` text, tombstone text, primary key (`gid`), check (status = 'trying' or status = 'confirming' or status = 'confirmed' or status = 'cancelling' or status = 'cancelled'), check (cause = 'commit' or cause = 'rollback' or cause = 'timeout'), check (epoch >= 1), check ((status = 'trying') = (decided_at is null) and (decided_at is null) = (cause is null)), check ((status = 'confirmed' or status = 'cancelled') = (finished_at is not null)), check ((open_owner is null) = (finished_at is not null))) strict, without rowid;

CREATE INDEX transactions_finished on transactions (finished_at) where finished_at is not null;

CREATE INDEX transactions_open on transactions (open_owner, next_at) where open_owner is not null;
