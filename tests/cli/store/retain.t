Old calls go, their sums stay.

  $ cat "$DATA/calls.jsonl" "$DATA/session.jsonl" >logs.jsonl
  > assay ingest logs.jsonl --store s.db --quiet
  > assay report --store s.db --by time,user --bucket day --metrics invocations,cost --format csv >before
  read 1 file (0 known already), 13 records, 1 quarantined
  the store holds 12 invocations, data up to 2026-10-03T10:05:00Z

  $ assay store retain --store s.db --keep-facts 2026-10-03T02:30:00Z --dry-run
  8 calls would be kept as sums only from now on

  $ assay store retain --store s.db --keep-facts 2026-10-03T02:30:00Z; assay store check --store s.db
  8 calls kept as sums only from now on
  calls are kept since 2026-10-02T02:00:00Z, sums for ever
  the store agrees with itself: 12 invocations, single calls since 2026-10-02T02:00:00Z

  $ assay report --store s.db --by time,user --bucket day --metrics invocations,cost --format csv | cmp - before

Again there is nothing to do.

  $ assay store retain --store s.db --keep-facts 2026-10-03T02:30:00Z
  0 calls kept as sums only from now on
  calls are kept since 2026-10-02T02:00:00Z, sums for ever

The report says what it cannot know any more, where that matters: not here,

  $ assay report --store s.db --metrics invocations,cost --by ""
  Spend · all data, 2026-10-01 – 2026-10-03, UTC
  
         calls        cost
  ────────────────────────
  total     12  ~$0.4513+?
  
  data up to 2026-10-03 10:05 · 12 calls in 1 file · prices of 2026-10-07
  1 unpriced · 1 duplicate removed · 1 skipped · 1 quarantined · coverage: requests seen 58.3%, responses 58.3%
  +? or "unpriced": 770 tokens without a rate (assay report unpriced)
  ~ 1 call with a low and a high amount: $0.45 to $0.47 in all
  why: cache TTL not known; unknown model

but of a period that begins within an hour, and of sessions.

  $ assay report --store s.db --metrics invocations,cost --by "" --since 2026-10-01T09:02:30Z --until 2026-10-01T10:30:00Z
  Spend · 2026-10-01 09:02 – 2026-10-01 10:30, UTC
  
         calls     cost
  ─────────────────────
  total      2  $0.1495
  
  data up to 2026-10-03 10:05 · 12 calls in 1 file · prices of 2026-10-07
  0 unpriced · 1 duplicate removed · 1 skipped · 1 quarantined · coverage: requests seen 100.0%, responses 100.0%
  calls are kept since 2026-10-02 02:00, before that sums by the hour: there a period has the hours that begin in it

  $ assay report sessions --store s.db
  Sessions · all data, 2026-10-01 – 2026-10-03, UTC
  
  No session is known of 12 calls: the store keeps single calls since 2026-10-02 02:00, and of earlier ones their sums.
  
  data up to 2026-10-03 10:05 · 12 calls in 1 file · prices of 2026-10-07
  1 duplicate removed · 1 skipped · 1 quarantined
  single calls are kept since 2026-10-02 02:00: what only they tell (sessions, tools) is missing before
  0 sessions · needs content logging: 41.7% of calls had no request body · 12 calls of no session left out ($0.45)
  no room for cost/prompt: widen the terminal, or choose with --metrics

  $ assay session 11111111 --store s.db
  2> assay: no session begins with '11111111'; assay report sessions lists them, where requests were logged
  2> assay: this store keeps single calls since 2026-10-02T02:00:00Z
  [2]

What was read before and comes again is not counted twice; it is told.

  $ assay ingest - --store s.db --quiet <logs.jsonl
  > assay report --store s.db --by time,user --bucket day --metrics invocations,cost --format csv | cmp - before
  read 1 file (0 known already), 13 records, 1 quarantined
  the store holds 12 invocations, data up to 2026-10-03T10:05:00Z
  11 records were older than the calls it keeps: not counted now, and lost unless counted before

  $ assay report --store s.db --metrics invocations,cost --by ""
  Spend · all data, 2026-10-01 – 2026-10-03, UTC
  
         calls        cost
  ────────────────────────
  total     12  ~$0.4513+?
  
  data up to 2026-10-03 10:05 · 12 calls in 2 files · prices of 2026-10-07
  1 unpriced · 14 duplicates or late records · 2 skipped · 2 quarantined · coverage: requests seen 58.3%, responses 58.3%
  11 records came older than the calls that are kept: not counted now, and lost unless counted before
  +? or "unpriced": 770 tokens without a rate (assay report unpriced)
  ~ 1 call with a low and a high amount: $0.45 to $0.47 in all
  why: cache TTL not known; unknown model

  $ assay report --store s.db --metrics invocations --by "" --format json
  {
    "assay": 1,
    "question": {
      "name": null,
      "by": [],
      "metrics": ["invocations"],
      "since": null,
      "until": null,
      "where": [],
      "bucket": null,
      "zone": "UTC",
      "order": "invocations:desc",
      "limit": null
    },
    "rows": [
      {"invocations": 12}
    ],
    "total": {"invocations": 12},
    "about": {
      "files": 2,
      "records": 26,
      "invocations": 12,
      "duplicates": 14,
      "skipped": 2,
      "quarantined": 2,
      "files_failed": 0,
      "calls_since": "2026-10-02T02:00:00Z",
      "late": 11,
      "edges_moved": false,
      "calls_missing": false,
      "errors": 1,
      "unpriced": 1,
      "partial": 0,
      "bounded": 1,
      "estimated": 0,
      "unknown_usage": 0,
      "unpriced_tokens": 770,
      "flagged": 0,
      "coverage": {
        "invocations": 12,
        "input_bodies": 7,
        "output_bodies": 7,
        "bodies_missing": 0,
        "bodies_refused": 0,
        "no_request_id": 0,
        "time_guessed": 0,
        "odd": 0,
        "incomplete": 0
      },
      "rows_cut": 0,
      "since": "2026-10-01T08:15:00Z",
      "up_to": "2026-10-03T10:05:00Z",
      "prices": "2026-10-07"
    }
  }

Sums go when they are not for ever.

  $ assay store retain --store s.db --keep-facts 2026-10-03T02:30:00Z --keep-rollups 2026-10-02T00:00:00Z; assay store check --store s.db
  0 calls kept as sums only from now on, the sums of 8 gone
  calls are kept since 2026-10-02T02:00:00Z, sums since 2026-10-02T00:00:00Z
  the store agrees with itself: 4 invocations, single calls since 2026-10-02T02:00:00Z

  $ assay report --store s.db --metrics invocations,cost
  Spend · all data, 2026-10-02 – 2026-10-03, UTC
  
         calls        cost
  ────────────────────────
  total      4  ~$0.0353+?
  
  data up to 2026-10-03 10:05 · 4 calls in 2 files · prices of 2026-10-07
  1 unpriced · 14 duplicates or late records · 2 skipped · 2 quarantined · coverage: requests seen 0.0%, responses 0.0%
  sums are kept since 2026-10-02 00:00; what was before is not in this answer
  11 records came older than the calls that are kept: not counted now, and lost unless counted before
  +? or "unpriced": 770 tokens without a rate (assay report unpriced)
  ~ 1 call with a low and a high amount: $0.04 to $0.05 in all
  why: cache TTL not known; unknown model

For ever, and mistakes.

  $ assay store retain --store s.db --keep-facts 0
  0 calls kept as sums only from now on
  calls are kept since 2026-10-02T02:00:00Z, sums since 2026-10-02T00:00:00Z

  $ assay store retain --store s.db --keep-facts 400x
  2> assay: --keep-facts: wanted 400d, 12mo, 2y or the like, or 0 for ever: '400x' is no time; give a date (2026-04-14, 2026-04), an instant (2026-04-14T08:30), a length (24h, 7d, 3mo) or a name (today, last-month)
  [2]

  $ assay store retain --store s.db --keep-facts 400d --keep-rollups 100d
  2> assay: --keep-rollups cannot be shorter than --keep-facts
  [2]

  $ assay store retain --store s.db
  2> assay: how long? Give --keep-facts, for example 400d
  [2]

  $ assay store retain --store new.db --keep-facts 400d; ls new.db
  2> assay: cannot open the store 'new.db': No such file or directory
  2> ls: cannot access 'new.db': No such file or directory
  [2]
