The stored questions, on seven calls of three callers. One call was logged twice, one model is unknown,
one call failed, one line is no record and one is cut off.

  $ assay report "$DATA/calls.jsonl"
  Spend over time · all data, 2026-10-01 – 2026-10-03, UTC
  
  day         calls  users  input  output  cache read  cache write        cost
  ────────────────────────────────────────────────────────────────────────────
  2026-10-01      2      2  1,210     850     100,000        3,000   $0.0948    ████████████████████
  2026-10-02      2      2  2,005     180           0        4,000  ~$0.0353    ███████▍
  2026-10-03      2      1    700      70           0            0  unpriced
  ────────────────────────────────────────────────────────────────────────────
  total           6      3  3,915   1,100     100,000        7,000  ~$0.1301+?
  
  data up to 2026-10-03 10:05 · 6 calls in 1 file · prices of 2026-10-07
  1 unpriced · 1 duplicate removed · 1 skipped · 1 quarantined · coverage: requests seen 16.7%, responses 16.7%
  +? or "unpriced": 770 tokens without a rate (assay report unpriced)
  ~ 1 call with a low and a high amount: $0.13 to $0.15 in all
  why: cache TTL not known; unknown model
  2> assay: $ROOT/tests/cli/data/calls.jsonl:3983: the record ends too early

  $ assay report people "$DATA/calls.jsonl" --directory "$DATA/directory.csv" --quiet
  Spend by person · all data, 2026-10-01 – 2026-10-03, UTC
  
  user                           calls  input  output  cache read  cache write  cache hits        cost
  ────────────────────────────────────────────────────────────────────────────────────────────────────
  Ann Example                        2     15     580     100,000        7,000       93.4%  ~$0.1121    ██████████████████
  Bob Example                        2  3,200     450           0            0        0.0%   $0.0180    ██▉
  ci-runner/i-0123456789abcdef0      2    700      70           0            0        0.0%  unpriced
  ────────────────────────────────────────────────────────────────────────────────────────────────────
  total                              6  3,915   1,100     100,000        7,000       90.2%  ~$0.1301+?
  
  data up to 2026-10-03 10:05 · 6 calls in 1 file · prices of 2026-10-07
  1 unpriced · 1 duplicate removed · 1 skipped · 1 quarantined · coverage: requests seen 16.7%, responses 16.7%
  +? or "unpriced": 770 tokens without a rate (assay report unpriced)
  ~ 1 call with a low and a high amount: $0.13 to $0.15 in all
  why: cache TTL not known; unknown model

  $ assay report teams "$DATA/calls.jsonl" --directory "$DATA/directory.csv" --quiet
  Spend by team · all data, 2026-10-01 – 2026-10-03, UTC
  
  team      users  calls  input  output  cache read  cache write        cost
  ──────────────────────────────────────────────────────────────────────────
  Search        1      2     15     580     100,000        7,000  ~$0.1121    ████████████████████
  Payments      1      2  3,200     450           0            0   $0.0180    ███▏
  Build         1      2    700      70           0            0  unpriced
  ──────────────────────────────────────────────────────────────────────────
  total         3      6  3,915   1,100     100,000        7,000  ~$0.1301+?
  
  data up to 2026-10-03 10:05 · 6 calls in 1 file · prices of 2026-10-07
  1 unpriced · 1 duplicate removed · 1 skipped · 1 quarantined · coverage: requests seen 16.7%, responses 16.7%
  +? or "unpriced": 770 tokens without a rate (assay report unpriced)
  ~ 1 call with a low and a high amount: $0.13 to $0.15 in all
  why: cache TTL not known; unknown model

  $ assay report models "$DATA/calls.jsonl" --quiet
  Spend by model · all data, 2026-10-01 – 2026-10-03, UTC
  
  model                        scope      calls  users  input  output  cache read  cache write        cost
  ────────────────────────────────────────────────────────────────────────────────────────────────────────
  anthropic.claude-opus-5      global         3      2     15     580     100,000        7,000  ~$0.1121    ██████████████
  anthropic.claude-sonnet-4-6  geo            2      1  3,200     450           0            0   $0.0180    ██▏
  nobody.secret-model-1        in-region      1      1    700      70           0            0  unpriced
  ────────────────────────────────────────────────────────────────────────────────────────────────────────
  total                                       6      3  3,915   1,100     100,000        7,000  ~$0.1301+?
  
  data up to 2026-10-03 10:05 · 6 calls in 1 file · prices of 2026-10-07
  1 unpriced · 1 duplicate removed · 1 skipped · 1 quarantined · coverage: requests seen 16.7%, responses 16.7%
  +? or "unpriced": 770 tokens without a rate (assay report unpriced)
  ~ 1 call with a low and a high amount: $0.13 to $0.15 in all
  why: cache TTL not known; unknown model

  $ assay report regions "$DATA/calls.jsonl" --quiet
  Spend by Region · all data, 2026-10-01 – 2026-10-03, UTC
  
  region     account       calls  users  input  output  cache read  cache write        cost
  ─────────────────────────────────────────────────────────────────────────────────────────
  us-east-1  111122223333      6      3  3,915   1,100     100,000        7,000  ~$0.1301+?
  ─────────────────────────────────────────────────────────────────────────────────────────
  total                        6      3  3,915   1,100     100,000        7,000  ~$0.1301+?
  
  data up to 2026-10-03 10:05 · 6 calls in 1 file · prices of 2026-10-07
  1 unpriced · 1 duplicate removed · 1 skipped · 1 quarantined · coverage: requests seen 16.7%, responses 16.7%
  +? or "unpriced": 770 tokens without a rate (assay report unpriced)
  ~ 1 call with a low and a high amount: $0.13 to $0.15 in all
  why: cache TTL not known; unknown model

  $ assay report profiles "$DATA/calls.jsonl" --quiet
  Spend by inference profile · all data, 2026-10-01 – 2026-10-03, UTC
  
  profile  model                        calls  users  input  output  cache read  cache write        cost
  ──────────────────────────────────────────────────────────────────────────────────────────────────────
  (none)   anthropic.claude-opus-5          3      2     15     580     100,000        7,000  ~$0.1121    ████████████████
  (none)   anthropic.claude-sonnet-4-6      2      1  3,200     450           0            0   $0.0180    ██▌
  (none)   nobody.secret-model-1            1      1    700      70           0            0  unpriced
  ──────────────────────────────────────────────────────────────────────────────────────────────────────
  total                                     6      3  3,915   1,100     100,000        7,000  ~$0.1301+?
  
  data up to 2026-10-03 10:05 · 6 calls in 1 file · prices of 2026-10-07
  1 unpriced · 1 duplicate removed · 1 skipped · 1 quarantined · coverage: requests seen 16.7%, responses 16.7%
  +? or "unpriced": 770 tokens without a rate (assay report unpriced)
  ~ 1 call with a low and a high amount: $0.13 to $0.15 in all
  why: cache TTL not known; unknown model

  $ assay report errors "$DATA/calls.jsonl" --quiet
  Failed invocations · all data, 2026-10-01 – 2026-10-03, UTC
  
  error                model                    operation                      calls  users  input  output   cost
  ───────────────────────────────────────────────────────────────────────────────────────────────────────────────
  ThrottlingException  anthropic.claude-opus-5  InvokeModelWithResponseStream      1      1      0       0  $0.00
  ───────────────────────────────────────────────────────────────────────────────────────────────────────────────
  total                                                                            1      1      0       0  $0.00
  
  data up to 2026-10-03 10:05 · 6 calls in 1 file · prices of 2026-10-07
  0 unpriced · 1 duplicate removed · 1 skipped · 1 quarantined · coverage: requests seen 0.0%, responses 0.0%

  $ assay report unpriced "$DATA/calls.jsonl" --quiet
  Invocations without a full price · all data, 2026-10-01 – 2026-10-03, UTC
  
  reason         model id               calls  users  tokens  unpriced tokens        cost
  ───────────────────────────────────────────────────────────────────────────────────────
  unknown model  nobody.secret-model-1      1      1     770              770  unpriced
  ───────────────────────────────────────────────────────────────────────────────────────
  total                                     1      1     770              770  unpriced
  
  data up to 2026-10-03 10:05 · 6 calls in 1 file · prices of 2026-10-07
  1 unpriced · 1 duplicate removed · 1 skipped · 1 quarantined · coverage: requests seen 0.0%, responses 0.0%
  +? or "unpriced": 770 tokens without a rate
  why: unknown model
