The JSON shape of assay-report(1).

  $ assay report "$DATA/calls.jsonl" --quiet --format json --by person,team --metrics invocations,cache_hit_rate,cost,cost_high \
  >   --directory "$DATA/directory.csv" --since 2026-10-01 --until 2026-10-31 --where provider=anthropic
  {
    "assay": 1,
    "question": {
      "name": null,
      "by": ["person", "team"],
      "metrics": ["invocations", "cache_hit_rate", "cost", "cost_high"],
      "since": "2026-10-01T00:00:00Z",
      "until": "2026-11-01T00:00:00Z",
      "where": ["provider=anthropic"],
      "bucket": null,
      "zone": "UTC",
      "order": "cost:desc",
      "limit": null
    },
    "rows": [
      {"person": "Ann Example", "team": "Search", "invocations": 2, "cache_hit_rate": 0.9344, "cost_nusd": 112075000, "cost_usd": "0.112075", "cost_high_nusd": 127075000, "cost_high_usd": "0.127075", "unpriced": 0, "cost_reason": "cache TTL not known"},
      {"person": "Bob Example", "team": "Payments", "invocations": 2, "cache_hit_rate": 0.0000, "cost_nusd": 17985000, "cost_usd": "0.017985", "cost_high_nusd": 17985000, "cost_high_usd": "0.017985", "unpriced": 0, "cost_reason": null},
      {"person": "", "team": "Build", "invocations": 1, "cache_hit_rate": null, "cost_nusd": 0, "cost_usd": "0.00", "cost_high_nusd": 0, "cost_high_usd": "0.00", "unpriced": 0, "cost_reason": null}
    ],
    "total": {"invocations": 5, "cache_hit_rate": 0.9073, "cost_nusd": 130060000, "cost_usd": "0.13006", "cost_high_nusd": 145060000, "cost_high_usd": "0.14506", "unpriced": 0, "cost_reason": "cache TTL not known"},
    "about": {
      "files": 1,
      "records": 7,
      "invocations": 6,
      "duplicates": 1,
      "skipped": 1,
      "quarantined": 1,
      "files_failed": 0,
      "errors": 1,
      "unpriced": 0,
      "partial": 0,
      "bounded": 1,
      "estimated": 0,
      "unknown_usage": 0,
      "unpriced_tokens": 0,
      "flagged": 0,
      "coverage": {
        "invocations": 5,
        "input_bodies": 1,
        "output_bodies": 1,
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
