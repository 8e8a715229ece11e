How a daemon and its store stand. The state is made up; a real one is in tests/py/test_serve.py.

Mask: \d+d \d\dh ago
Mask: for \d+s
Mask: \d+\.\d KiB
Mask: "(lag_ms|bytes)": \d\d+

A store that no daemon has followed.

  $ assay simulate --users 3 --days 2 --seed 1 --bodies none --out logs && assay ingest logs/AWSLogs --store a.db --quiet
  1956 records of 1946 invocations in 92 files, 1 MB of JSON, 0 MB compressed
  logs: logs/AWSLogs  truth: logs/truth.json  also: directory.csv, profiles.yaml
  read 92 files (0 known already), 1956 records
  the store holds 1946 invocations, data up to 2026-10-02T23:47:24Z
  $ assay status --store a.db
  assay serve has not run on this store
  
  store          a.db, ~
                 1,946 calls, 2026-10-01 00:00 to 2026-10-02 23:47 UTC
  coverage       requests seen 0.0%, responses 0.0%
  [1]

A daemon that was stopped: its sources and what it did are still told.

  $ cat > a.db-status.json <<END
  > {"version": "0.1.0", "process": 0, "configuration": "/etc/assay/assay.yaml", "store": "a.db",
  >  "time": "2026-10-02T10:00:00.5Z", "started": "2026-10-01T09:00:00Z", "loaded": "2026-10-02T09:00:00Z",
  >  "last_commit": "2026-10-02T09:59:58Z", "error": null,
  >  "items": 1234, "records": 56789, "invocations": 56700, "bytes": 123456789, "quarantined": 2, "problems": 1,
  >  "problem": "s3://logs/prefix/a.json.gz: it is gone", "last_problem": "2026-10-02T09:30:00Z",
  >  "minute": {"milliseconds": 60000, "items": 6, "records": 90, "invocations": 90, "bytes": 1000},
  >  "memory": 50000000, "memory_peak": 60000000, "store_bytes": 1, "from_the_future": [1, {"a": null}],
  >  "sources": [
  >   {"name": "prod", "kind": "s3", "address": "s3://logs/prefix", "named": 1244, "open": 3, "kept": 1233, "known": 7, "again": 3, "failed": 1,
  >    "refused": 2, "skipped": 1, "passes": 1, "bytes": 12345678, "oldest": null, "waiting": null, "up_to": "2026-10-02T09:58:00Z", "last_success": "2026-10-02T09:59:59Z",
  >    "last_error": null, "error": null, "failing": false},
  >   {"name": "queue", "kind": "sqs", "address": "https://sqs.eu-west-1.amazonaws.com/111122223333/logs", "named": 0,
  >    "kept": 0, "again": 0, "failed": 0, "bytes": 0, "waiting": 12, "up_to": null, "last_success": null,
  >    "last_error": "2026-10-02T09:59:00Z", "error": "sqs:ReceiveMessage: AccessDenied: no identity-based policy allows it\u001b[31m", "failing": true}]}
  > END
  $ assay status --store a.db
  assay serve has been stopped: last heard of ~
  
  store          a.db, ~
                 1,946 calls, 2026-10-01 00:00 to 2026-10-02 23:47 UTC
  coverage       requests seen 0.0%, responses 0.0%
  last commit    ~
  since start    56,789 records, 1,234 items, 2 records in quarantine, 1 problem
  last problem   ~: s3://logs/prefix/a.json.gz: it is gone
  configuration  /etc/assay/assay.yaml, read ~
  
  source         prod (s3), s3://logs/prefix
                 1,233 items read, 7 known before, 2 refused, 1 failed attempt, 3
                 times bodies were missing, 11.7 MiB
                 newest data ~, last answer ~
  
  source         queue (sqs),
                 https://sqs.eu-west-1.amazonaws.com/111122223333/logs
                 failing: sqs:ReceiveMessage: AccessDenied: no identity-based
                 policy allows it\x1b[31m
                 0 items read, 12 wait, 0 B
                 no answer yet
  [1]
  $ assay status --store a.db --format json
  {
    "assay": 1,
    "state": "stopped",
    "well": false,
    "store": {
      "path": "a.db",
      ~,
      "error": null,
      "invocations": 1946,
      "requests_seen": 0,
      "responses_seen": 0,
      "since": "2026-10-01T00:00:00Z",
      "up_to": "2026-10-02T23:47:24Z"
    },
    "daemon": {
      "version": "0.1.0",
      "configuration": "/etc/assay/assay.yaml",
      "process": 0,
      "error": null,
      "time": "2026-10-02T10:00:00.500000Z",
      "started": "2026-10-01T09:00:00Z",
      "loaded": "2026-10-02T09:00:00Z",
      "last_commit": "2026-10-02T09:59:58Z",
      "items": 1234,
      "records": 56789,
      ~,
      "quarantined": 2,
      "problems": 1,
      "problem": "s3://logs/prefix/a.json.gz: it is gone",
      "last_problem": "2026-10-02T09:30:00Z",
      "minute": {
        "milliseconds": 60000,
        "items": 6,
        "records": 90,
        ~
      },
      "memory": 50000000,
      "memory_peak": 60000000,
      "sources": [
        {
          "name": "prod",
          "kind": "s3",
          "address": "s3://logs/prefix",
          "failing": false,
          "error": null,
          "last_error": null,
          "last_success": "2026-10-02T09:59:59Z",
          "oldest": null,
          "up_to": "2026-10-02T09:58:00Z",
          "caught_up": false,
          ~,
          "named": 1244,
          "open": 3,
          "kept": 1233,
          "known": 7,
          "again": 3,
          "failed": 1,
          "refused": 2,
          "skipped": 1,
          "waiting": null,
          ~
        },
        {
          "name": "queue",
          "kind": "sqs",
          "address": "https://sqs.eu-west-1.amazonaws.com/111122223333/logs",
          "failing": true,
          "error": "sqs:ReceiveMessage: AccessDenied: no identity-based policy allows it\u001b[31m",
          "last_error": "2026-10-02T09:59:00Z",
          "last_success": null,
          "oldest": null,
          "up_to": null,
          "caught_up": false,
          "lag_ms": null,
          "named": 0,
          "open": 0,
          "kept": 0,
          "known": 0,
          "again": 0,
          "failed": 0,
          "refused": 0,
          "skipped": 0,
          "waiting": 12,
          "bytes": 0
        }
      ]
    }
  }
  [1]

One whose process lives, but leaves no word.

  $ sed 's/"process": 0/"process": 1/' a.db-status.json > b && mv b a.db-status.json
  $ assay status --store a.db | head -n 1
  assay serve hangs: process 1 lives, but was last heard of ~

One that left no word of its end: another process has its number now.

  $ cp a.db c.db; sed 's/"process": 1/"process": 1, "process_began": 987654321987/' a.db-status.json > c.db-status.json
  $ assay status --store c.db | head -n 1
  assay serve does not run, and was not stopped in order: last heard of ~

One that runs, with a failing source: this shell stands for it.

  $ now=$(date -u +%Y-%m-%dT%H:%M:%SZ); sed "s/\"process\": 1/\"process\": $$/; s/2026-10-02T10:00:00.5Z/$now/; s/2026-10-01T09:00:00Z/$now/" a.db-status.json > b
  > cp a.db b.db; mv b b.db-status.json; assay status --store b.db | sed "s/$$/PID/" | grep -v "ago"
  assay serve runs: process PID, ~
  
  store          b.db, ~
                 1,946 calls, 2026-10-01 00:00 to 2026-10-02 23:47 UTC
  coverage       requests seen 0.0%, responses 0.0%
  last minute    1.5 records/s, 0.1 items/s
  since start    56,789 records, 1,234 items, 2 records in quarantine, 1 problem
  memory         47.6 MiB, at most 57.2 MiB
  
  source         prod (s3), s3://logs/prefix
                 1,233 items read, 7 known before, 2 refused, 1 failed attempt, 3
                 times bodies were missing, 11.7 MiB
  
  source         queue (sqs),
                 https://sqs.eu-west-1.amazonaws.com/111122223333/logs
                 failing: sqs:ReceiveMessage: AccessDenied: no identity-based
                 policy allows it\x1b[31m
                 0 items read, 12 wait, 0 B
                 no answer yet

No store, no state.

  $ rm -f a.db*; assay status --store a.db
  assay serve has not run on this store
  
  store          a.db
                 cannot open the store 'a.db': No such file or directory
  [1]

Not a state; a broken store; mistakes.

  $ echo '{"time": ' > a.db-status.json; assay status --store a.db
  2> assay: a.db-status.json: not the state of an assay serve; it may be removed: a daemon that runs writes it anew each second
  [3]
  $ echo '{"time":"2026-10-02T10:00:00Z","sources":[{"name":"one"},{"name":"two"}],"sources":[{"name":"three"}]}' > a.db-status.json
  > assay status --store a.db | grep -c ^source
  1

  $ echo '{}' > a.db-status.json; assay status --store a.db
  2> assay: a.db-status.json: not the state of an assay serve; it may be removed: a daemon that runs writes it anew each second
  [3]
  $ rm a.db-status.json; echo text > a.db; assay status --store a.db
  assay serve has not run on this store
  
  store          a.db, 5 B
                 'a.db' is not a store of assay; give the file that assay ingest
                 made
  [1]
  $ assay status --store a.db --format csv
  2> assay: --format is text or json, not 'csv'
  [2]
  $ assay status a.db
  2> assay: status takes no operand ('a.db'); a store is given with --store
  [2]
  $ assay status -c nothing.yaml
  2> assay: nothing.yaml: there is no such file
  [2]
  $ printf 'sources:\n  - url: s3://logs\nstor: x\n' > c.yaml; assay status -c c.yaml
  2> c.yaml:3: stor: unknown key; did you mean store?
  [2]
