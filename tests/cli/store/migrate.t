A store of version 3 says what to do, and becomes one of this version.

  $ make() { python3 -c 'import sqlite3, sys; sqlite3.connect("old.db").executescript(open(sys.argv[1]).read())' "$DATA/store-v3.sql"; }
  > make; assay report --store old.db
  2> assay: store 'old.db' has the older version 3; assay store migrate --store FILE [--backup COPY] makes it version 5
  [3]

  $ make() { python3 -c 'import sqlite3, sys; sqlite3.connect("old.db").executescript(open(sys.argv[1]).read())' "$DATA/store-v3.sql"; }
  > rm old.db; make; assay ingest "$DATA/calls.jsonl" --store old.db --quiet; assay store check --store old.db
  2> assay: store 'old.db' has the older version 3; assay store migrate --store FILE [--backup COPY] makes it version 5
  2> assay: store 'old.db' has the older version 3; assay store migrate --store FILE [--backup COPY] makes it version 5
  [3]

It can be measured and copied as it is.

  $ assay store stats --store old.db | head -7; assay store backup copy.db --store old.db && python3 -c '
  > import sqlite3; print(*sqlite3.connect("copy.db").execute("PRAGMA user_version").fetchone())'
  store           old.db, version 3; assay store migrate makes it newer
  file            69,632 bytes
  wal             0 bytes
  pages           17 of 4096 bytes, 0 of them free
  invocations     12
    as calls      12
    bytes each    5,803
  'copy.db' is a copy of 'old.db'
  3

  $ assay store migrate --store old.db --backup asitwas.db; assay store migrate --store old.db
  'asitwas.db' is a copy of 'old.db' as it was
  the store has version 5 now; it had 3
  the store has version 5 already

  $ cmp copy.db asitwas.db; assay store check --store old.db; ls
  the store agrees with itself: 12 invocations
  asitwas.db
  copy.db
  old.db

  $ python3 -c '
  > import sqlite3; db = sqlite3.connect("old.db")
  > print(*db.execute("PRAGMA user_version").fetchone(), *db.execute("PRAGMA auto_vacuum").fetchone(),
  >       *db.execute("PRAGMA journal_mode").fetchone())'
  5 2 wal

It answers as a new one of the same logs, and knows its calls.

  $ assay ingest "$DATA/calls.jsonl" "$DATA/session.jsonl" --store new.db --quiet >/dev/null
  > for q in overview people models tools; do
  >   assay report $q --store old.db --format csv >a; assay report $q --store new.db --format csv >b
  >   cmp a b && echo "$q: same"
  > done
  overview: same
  people: same
  models: same
  tools: same

  $ assay ingest "$DATA/calls.jsonl" "$DATA/session.jsonl" --store old.db --quiet
  read 2 files (0 known already), 13 records, 1 quarantined
  the store holds 12 invocations, data up to 2026-10-03T10:05:00Z

What is no store, is not there, or is newer or much older.

  $ echo text >text.db; assay store migrate --store text.db
  2> assay: 'text.db' is not a store of assay; give the file that assay ingest made
  [2]

  $ assay store migrate --store not-there.db; ls not-there.db*
  2> assay: cannot open the store 'not-there.db': No such file or directory
  2> ls: cannot access 'not-there.db*': No such file or directory
  [2]

  $ : >empty.db; assay store migrate --store empty.db
  2> assay: 'empty.db' is not a store of assay; give the file that assay ingest made
  [2]

  $ for v in 2 99; do
  >   python3 -c "import sqlite3; sqlite3.connect('new.db').execute('PRAGMA user_version=$v')"
  >   assay store migrate --store new.db
  > done
  2> assay: store 'new.db' has version 2, this assay knows 5; use the assay that made it or make a new store from the logs
  2> assay: store 'new.db' has version 99, this assay knows 5; use the assay that made it or make a new store from the logs
  [3]
