Free questions: dimensions, metrics, filters, periods, order and limit.

  $ assay report "$DATA/calls.jsonl" --quiet --format csv \
  >   --by user,model --metrics invocations,input,output,cache_read,cache_write_5m,cache_write_1h,cost
  user,model,invocations,input,output,cache_read,cache_write_5m,cache_write_1h,cost_nusd,cost_usd,unpriced,cost_reason
  ann@example.com,anthropic.claude-opus-5,2,15,580,100000,2000,1000,112075000,0.112075,0,cache TTL not known
  bob,anthropic.claude-sonnet-4-6,2,3200,450,0,0,0,17985000,0.017985,0,
  ci-runner/i-0123456789abcdef0,anthropic.claude-opus-5,1,0,0,0,0,0,0,0.00,0,
  ci-runner/i-0123456789abcdef0,nobody.secret-model-1,1,700,70,0,0,0,,,1,unknown model

Days follow the zone: 22:30 UTC on the 2nd is the 3rd in Berlin.

  $ assay report "$DATA/calls.jsonl" --quiet --format csv --by time --bucket day --metrics invocations --tz Europe/Berlin
  time,invocations
  2026-10-01,2
  2026-10-03,4

  $ assay report "$DATA/calls.jsonl" --quiet --format csv --by user --metrics cost --where user!=*ann* --where status=ok
  user,cost_nusd,cost_usd,unpriced,cost_reason
  bob,17985000,0.017985,0,
  ci-runner/i-0123456789abcdef0,,,1,unknown model

  $ assay report "$DATA/calls.jsonl" --quiet --format csv --by model --metrics tokens --since 2026-10-02 --until 2026-10-02
  model,tokens
  anthropic.claude-opus-5,4085
  anthropic.claude-sonnet-4-6,2100

The total covers what the limit leaves out.

  $ assay report "$DATA/calls.jsonl" --quiet --format md --by user --metrics invocations,cost --order invocations:asc --limit 1
  ### Spend by user
  
  all data, 2026-10-01 – 2026-10-03, UTC
  
  | user | calls | cost |
  |:---|---:|---:|
  | ann@example.com | 2 | \~$0.1121 |
  | **total** | **6** | **\~$0.1301+?** |
  
  2 more rows are in the total.
  
  - data up to 2026-10-03 10:05; 6 calls in 1 file; prices of 2026-10-07
  - 1 unpriced; 1 duplicate removed; 1 skipped; 1 quarantined; coverage: requests seen 16.7%, responses 16.7%
  - +? or "unpriced": 770 tokens without a rate (assay report unpriced); \~ 1 call with a low and a high amount: $0.13 to $0.15 in all
  - why: cache TTL not known; unknown model

A discount, and what the list price would be.

  $ assay report "$DATA/calls.jsonl" --quiet --format csv --by provider --metrics cost,cost_list --discount provider:anthropic=10
  provider,cost_nusd,cost_usd,cost_list_nusd,cost_list_usd,unpriced,cost_reason
  anthropic,117054000,0.117054,130060000,0.13006,0,cache TTL not known
  nobody,,,,,1,unknown model
