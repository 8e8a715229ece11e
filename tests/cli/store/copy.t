What a store holds, a copy of it, and whether it agrees with itself.

Mask: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z

  $ cat "$DATA/calls.jsonl" "$DATA/session.jsonl" >logs.jsonl
  > assay ingest logs.jsonl --store s.db --quiet
  read 1 file (0 known already), 13 records, 1 quarantined
  the store holds 12 invocations, data up to 2026-10-03T10:05:00Z

  $ assay store check --store s.db
  the store agrees with itself: 12 invocations

  $ assay store stats --store s.db
  store           s.db, version 5
  file            90,112 bytes
  wal             0 bytes
  pages           22 of 4096 bytes, 0 of them free
  invocations     12
    as calls      12
    bytes each    7,510
  data from       2026-10-01T08:15:00Z
  data up to      2026-10-03T10:05:00Z
  calls since     ever
  sums since      ever
  too late        0 records
  files known     1
  quarantined     1 entry
  series          7
  symbols         29
  names           10, 810 bytes of at most 50,331,648
  offers          1, 204 bytes of at most 67,108,864
  
  table                  rows            bytes
  exchange                  1            4,096
  fact                      1            4,096
  file                      1            8,192
  files_total               1            4,096
  kept                      1            4,096
  meta                      1            4,096
  name                      1            4,096
  offer                     1            4,096
  profile                   0            4,096
  quarantine                1            8,192
  recent                    1            4,096
  rollup                   12            4,096
  seen                      0            4,096
  series                    1            4,096
  series_at                 7            4,096
  symbol                    1            4,096
  symbol_at                28            4,096
  total                    18            4,096

  $ assay store stats --store s.db --format json
  {
    "assay": 1,
    "store": "s.db",
    "version": 5,
    "bytes": 90112,
    "wal_bytes": 0,
    "page_size": 4096,
    "pages": 22,
    "free_pages": 0,
    "invocations": 12,
    "calls": 12,
    "bytes_per_invocation": 7510,
    "since": "2026-10-01T08:15:00Z",
    "up_to": "2026-10-03T10:05:00Z",
    "calls_since": null,
    "sums_since": null,
    "late": 0,
    "dropped": 0,
    "files": 1,
    "quarantined": 1,
    "series": 7,
    "symbols": 29,
    "names": {"n": 10, "bytes": 810, "limit": 50331648},
    "offers": {"n": 1, "bytes": 204, "limit": 67108864},
    "tables": [
      {"name": "exchange", "rows": 1, "bytes": 4096},
      {"name": "fact", "rows": 1, "bytes": 4096},
      {"name": "file", "rows": 1, "bytes": 8192},
      {"name": "files_total", "rows": 1, "bytes": 4096},
      {"name": "kept", "rows": 1, "bytes": 4096},
      {"name": "meta", "rows": 1, "bytes": 4096},
      {"name": "name", "rows": 1, "bytes": 4096},
      {"name": "offer", "rows": 1, "bytes": 4096},
      {"name": "profile", "rows": 0, "bytes": 4096},
      {"name": "quarantine", "rows": 1, "bytes": 8192},
      {"name": "recent", "rows": 1, "bytes": 4096},
      {"name": "rollup", "rows": 12, "bytes": 4096},
      {"name": "seen", "rows": 0, "bytes": 4096},
      {"name": "series", "rows": 1, "bytes": 4096},
      {"name": "series_at", "rows": 7, "bytes": 4096},
      {"name": "symbol", "rows": 1, "bytes": 4096},
      {"name": "symbol_at", "rows": 28, "bytes": 4096},
      {"name": "total", "rows": 18, "bytes": 4096}
    ]
  }

A copy answers the same. What is there stays, unless it is told otherwise.

  $ assay store backup copy.db --store s.db && assay store check --store copy.db
  > stat -c %a copy.db; ls
  'copy.db' is a copy of 's.db'
  the store agrees with itself: 12 invocations
  600
  copy.db
  logs.jsonl
  s.db

  $ for q in people sessions tools; do
  >   assay report $q --store s.db --format json >a; assay report $q --store copy.db --format json >b
  >   cmp a b && echo "$q: same"
  > done
  people: same
  sessions: same
  tools: same

  $ assay store backup copy.db --store s.db
  2> assay: 'copy.db' is there already and stays as it is
  [3]

  $ assay store backup copy.db --store s.db --force
  'copy.db' is a copy of 's.db'

  $ assay store backup no/such/folder/copy.db --store s.db
  2> assay: cannot write here: 'no/such/folder/copy.db-lock': No such file or directory
  [3]

  $ assay store backup copy.db --store not-there.db --force; assay store check --store copy.db
  the store agrees with itself: 12 invocations
  2> assay: cannot open the store 'not-there.db': No such file or directory

The store itself is no place for its copy, nor is what another program has open.

  $ assay store backup s.db --store s.db --force
  2> assay: 's.db' is the store itself
  [2]

  $ touch copy.db-wal; assay store backup copy.db --store s.db --force; rm copy.db-wal
  2> assay: 'copy.db' is in use or was not closed: there is 'copy.db-wal'; choose another name for the copy

A disk that is full leaves the copy that was there, and nothing beside it.

  $ assay simulate --users 2 --days 1 --seed 1 --out sim >/dev/null; assay ingest sim/AWSLogs --store big.db --quiet >/dev/null
  > (trap '' XFSZ; ulimit -f 64; assay store backup copy.db --store big.db --force)
  > assay store check --store copy.db; ls -d copy*
  the store agrees with itself: 12 invocations
  copy.db
  2> assay: cannot write 'copy.db': no room for it on its file system

A copy can be written, too.

  $ assay ingest logs.jsonl --store copy.db --quiet
  read 0 files (1 known already), 0 records
  the store holds 12 invocations, data up to 2026-10-03T10:05:00Z
