Where the locale is not UTF-8 a table keeps to ASCII; what has no room is named.

  $ LC_ALL=C COLUMNS=60 assay report models "$DATA/calls.jsonl" --quiet
  Spend by model, all data, 2026-10-01 to 2026-10-03, UTC
  
  model             scope      calls  users  input        cost
  ------------------------------------------------------------
  anthrop...opus-5  global         3      2     15  ~$0.1121
  anthrop...et-4-6  geo            2      1  3,200   $0.0180
  nobody....odel-1  in-region      1      1    700  unpriced
  ------------------------------------------------------------
  total                            6      3  3,915  ~$0.1301+?
  
  data up to 2026-10-03 10:05, 6 calls in 1 file
  prices of 2026-10-07
  1 unpriced, 1 duplicate removed, 1 skipped, 1 quarantined
  coverage: requests seen 16.7%, responses 16.7%
  +? or "unpriced": 770 tokens without a rate (assay report
    unpriced)
  ~ 1 call with a low and a high amount: $0.13 to $0.15 in all
  why: cache TTL not known; unknown model
  no room for output, cache read, cache write: widen the
    terminal, or choose with --metrics
