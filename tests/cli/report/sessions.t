Sessions: what no single call tells. Six calls of one session: a prompt, a sub-agent, an MCP tool, a
skill, a pause of half an hour that let the cache run out, and a request that was sent twice.

  $ logs=$DATA/session.jsonl
  > assay report sessions $logs --where repository='*' --format csv --by session,user --metrics prompts,turns,invocations,retries,tool_calls,tool_errors,agents,cold_restarts,cost
  > assay report harnesses $logs --format csv --quiet
  > assay report tools $logs
  > assay report mcp $logs
  > assay report skills $logs --format md
  > assay report agents $logs --format csv
  > assay report context $logs --format csv
  > assay report savings $logs
  session,user,prompts,prompts_at_least,turns,invocations,retries,tool_calls,tool_errors,agents,cold_restarts,cost_nusd,cost_usd,unpriced,cost_reason
  0b6f5f0e-7a1c-4d52-9a3e-5d8f00c0ffee,ann@example.com,2,false,4,6,1,6,1,1,1,321210000,0.32121,0,
  harness,version,entrypoint,invocations,users,sessions,tokens,cost_nusd,cost_usd,unpriced,cost_reason
  Claude Code,2.1.197,cli,6,1,1,107192,321210000,0.32121,0,
  Tools by use · all data, 2026-10-01, UTC
  
  tool kind  server   tool           tool calls  tool errors  tool err%  sessions  users  calls     cost
  ──────────────────────────────────────────────────────────────────────────────────────────────────────
  builtin    (none)   Bash                    3            1      33.3%         1      1      3  $0.2821  ████████████████
  agent      (none)   Explore                 1            0       0.0%         1      1      1  $0.1326  █████▎
  mcp        tickets  find                    1            0       0.0%         1      1      1  $0.1326  █████▎
  skill      (none)   release-notes           1            0       0.0%         1      1      1  $0.0187  █████▎
  ──────────────────────────────────────────────────────────────────────────────────────────────────────
  total                                       6            1      16.7%         1      1      4  $0.3007
  
  data up to 2026-10-01 09:31 · 6 calls in 1 file · prices of 2026-10-07
  0 unpriced · 0 duplicates removed · 0 skipped · 0 quarantined
  1 session · all requests seen
  calls, tokens and cost are of the answers that made such a use; the total counts each once
  MCP servers: installed, used, and what they cost the context · all data, 2026-10-01, UTC
  
  server   offered  used  tool calls  tool errors  users  tax tokens      tax  tax/month
  ──────────────────────────────────────────────────────────────────────────────────────
  tickets        1     1           1            0      1      11,153  $0.0330      $0.99  ████████████████████
  wiki           1     0           0            0      0      10,990  $0.0325      $0.97  ███████████████████▋
  ──────────────────────────────────────────────────────────────────────────────────────
  total          1     1           1            0      1      22,143  $0.0654      $1.96
  
  data up to 2026-10-01 09:31 · 6 calls in 1 file · prices of 2026-10-07
  0 unpriced · 0 duplicates removed · 0 skipped · 0 quarantined
  1 session · all requests seen
  parts of a request are estimates: its tokens shared by bytes
  ### Skills: installed and used
  
  all data, 2026-10-01, UTC
  
  | skill | offered | used | tool calls | tool errors | users | cost |
  |:---|---:|---:|---:|---:|---:|---:|
  | release-notes | 1 | 1 | 1 | 0 | 1 | $0.0187 |
  | review | 1 | 0 | 0 | 0 | 0 | $0.0000 |
  | **total** | **1** | **1** | **1** | **0** | **1** | **$0.0187** |
  
  - data up to 2026-10-01 09:31; 6 calls in 1 file; prices of 2026-10-07
  - 0 unpriced; 0 duplicates removed; 0 skipped; 0 quarantined
  - 1 session; all requests seen
  - calls, tokens and cost are of the answers that made such a use; the total counts each once
  agent,offered,used,tool_calls,tool_errors,users,cost_nusd,cost_usd,unpriced,cost_reason
  Explore,1,1,1,0,1,132560000,0.13256,0,
  harness,version,sessions,first_context_p50,first_context_p90,first_context_p99,first_context_max,first_system,first_tools,first_mcp,first_skills,first_agents,first_environment,first_memory,first_reminders,first_user
  Claude Code,2.1.197,1,20012,20012,20012,20012,3116,6028,4971,3190,1947,0,0,0,760
  What could be saved · all data, 2026-10-01, UTC
  
  finding            of                       sessions   cost  saves/month
  ────────────────────────────────────────────────────────────────────────
  superseded model   anthropic.claude-opus-5         1  $0.32        $2.30
    6 calls with 107,192 tokens; anthropic.claude-opus-5-5 would have done
    → change to the newer model
    assumes: the same tokens at the price of the newer model
  cache runs out     ann@example.com                 1  $0.13        $1.23
    1 restart after 5 to 60 minutes wrote 21,300 tokens again
    → cache for an hour: ENABLE_PROMPT_CACHING_1H=1
    assumes: restarts after at most 1 h become reads; all other writes of 5 minutes cost 8/5
  unused MCP server  wiki                            1  $0.03        $0.97
    installed by 1 user, called by none; it puts 2,198 tokens into each of 5 calls (1 tool)
    → remove it from the configuration, or have its tools loaded on demand
    assumes: the tokens of a request are shared among its parts by bytes
  retries billed     ann@example.com                 1  $0.01        $0.37
    1 call with 21,765 tokens
    → look for time-outs and proxies between client and Bedrock
    assumes: the first of equal requests suffices
  ────────────────────────────────────────────────────────────────────────
  findings overlap: they do not add up
  
  data up to 2026-10-01 09:31 · 6 calls in 1 file · prices of 2026-10-07
  0 duplicates removed · 0 skipped · 0 quarantined
  1 session · all requests seen

One session, call by call; a part of its id is enough.

  $ logs=$DATA/session.jsonl
  > assay session 0b6f $logs
  > assay session 0b6f $logs --format csv
  > assay session ffff $logs; echo $?
  > assay session 0b6f $logs --since 2026-10-01T09:01 --until 2026-10-01T09:31 --format csv
  > assay session 0b6f $logs --since 2026-10-01T09:31 | head -n 3
  > assay session 0b6f $logs --until 2026-09; echo $?
  Session 0b6f5f0e-7a1c-4d52-9a3e-5d8f00c0ffee, 2026-10-01 09:00:00 to 09:31:45, UTC
  ann@example.com, Claude Code 2.1.197 (cli)
  2 prompts, 4 turns, 6 requests, 6 tool calls, 1 tool error, 1 sub-agent (fan-out 1, depth 1), 1 retry
  31m 45s long, 6m 45s active, $0.32: main $0.32, sub-agents $0.01
  1 cold restart ($0.12 more than with a warm cache)
  context ▇▇▇██ peak 21,705
  
  time      call        model          tools                      context  output     cost     idle    read   write  input
  ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
  09:00:00  main first  claude-opus-5  Bash!, ticke…ind, Explore   20,012     300  $0.1326                0  20,000     12
  09:00:20  Explore #1  claude-opus-5                                 900      40  $0.0055                0       0    900
  09:01:00  main        claude-opus-5  release-notes               20,905     120  $0.0187   1m 00s  20,000     900      5
  09:01:30  main        claude-opus-5                              21,305      80  $0.0150      30s  20,900     400      5
  09:31:30  main cold   claude-opus-5  Bash                        21,705      60  $0.1372  30m 00s       0  21,700      5
  09:31:45  main retry  claude-opus-5  Bash                        21,705      60  $0.0124      15s  21,700       0      5
  ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
  total                                                                       660  $0.3212           62,600  43,000    932
  
  data up to 2026-10-01 09:31 · 6 calls in 1 file · prices of 2026-10-07
  0 duplicates removed · 0 skipped · 0 quarantined
  1 session · all requests seen
  time,thread,kind,purpose,model,error,prompts,context,input,cache_read,cache_write,output,cost_nusd,idle_ms,marks,tools
  2026-10-01T09:00:00Z,0,main,,anthropic.claude-opus-5,,1,20012,12,0,20000,300,132560000,0,first,"Bash!, tickets/find, Explore"
  2026-10-01T09:00:20Z,1,sub-agent,,anthropic.claude-opus-5,,0,900,900,0,0,40,5500000,0,,
  2026-10-01T09:01:00Z,0,main,,anthropic.claude-opus-5,,0,20905,5,20000,900,120,18650000,60000,,release-notes
  2026-10-01T09:01:30Z,0,main,,anthropic.claude-opus-5,,0,21305,5,20900,400,80,14975000,30000,,
  2026-10-01T09:31:30Z,0,main,,anthropic.claude-opus-5,,1,21705,5,0,21700,60,137150000,1800000,cold,Bash
  2026-10-01T09:31:45Z,0,main,,anthropic.claude-opus-5,,0,21705,5,21700,0,60,12375000,15000,retry,Bash
  2
  time,thread,kind,purpose,model,error,prompts,context,input,cache_read,cache_write,output,cost_nusd,idle_ms,marks,tools
  2026-10-01T09:01:00Z,0,main,,anthropic.claude-opus-5,,0,20905,5,20000,900,120,18650000,0,,"Bash!, tickets/find, Explore, release-notes"
  2026-10-01T09:01:30Z,0,main,,anthropic.claude-opus-5,,0,21305,5,20900,400,80,14975000,30000,,
  Session 0b6f5f0e-7a1c-4d52-9a3e-5d8f00c0ffee, 2026-10-01 09:31:30 to 09:31:45, UTC
  only calls of this period: since 2026-10-01 09:31, UTC
  ann@example.com, Claude Code 2.1.197 (cli)
  2
  2> assay: no session begins with 'ffff'; assay report sessions lists them, where requests were logged
  2> assay: no session begins with '0b6f' in this period; assay report sessions lists them, where requests were logged

From a store it is the same, and no text stays.

  $ logs=$DATA/session.jsonl
  > assay ingest $logs --store s.db --quiet
  > for r in harnesses tools mcp skills agents context savings; do
  >   assay report $r $logs --format json >one; assay report $r --store s.db --format json | cmp one - && echo same $r
  > done
  > assay session 0b6f $logs --format json >one; assay session 0b6f --store s.db --format json | cmp one - && echo same session
  > assay session 0b6f --store s.db | grep -c CANARY; grep -c CANARY s.db one
  read 1 file (0 known already), 6 records
  the store holds 6 invocations, data up to 2026-10-01T09:31:45Z
  same harnesses
  same tools
  same mcp
  same skills
  same agents
  same context
  same savings
  same session
  0
  s.db:0
  one:0
  [1]

Without bodies the reports say what is missing.

  $ assay report sessions $DATA/calls.jsonl
  > assay report tools $DATA/session.jsonl --level counts
  Sessions · all data, 2026-10-01 – 2026-10-03, UTC
  
  No sessions among 6 calls: no request was seen, or it is a single one of a program that no rule knows.
  
  data up to 2026-10-03 10:05 · 6 calls in 1 file · prices of 2026-10-07
  1 duplicate removed · 1 skipped · 1 quarantined
  0 sessions · needs content logging: 83.3% of calls had no request body · 6 calls of no session left out ($0.13)
  no room for cost/prompt: widen the terminal, or choose with --metrics
  Tools by use · all data, 2026-10-01, UTC
  
  No session is known of 6 calls, though requests were logged: they were not looked into. Read them with --level content.
  
  data up to 2026-10-01 09:31 · 6 calls in 1 file · prices of 2026-10-07
  0 duplicates removed · 0 skipped · 0 quarantined
  0 sessions · all requests seen · 6 calls of no session left out ($0.32)
  calls, tokens and cost are of the answers that made such a use; the total counts each once
  2> assay: $ROOT/tests/cli/data/calls.jsonl:3983: the record ends too early

What counts as too large for savings is an option; what only records tell needs no requests.

  $ logs=$DATA/session.jsonl
  > assay report savings $logs --savings-limits context=20000 --limit 1 --format md
  > assay report savings $DATA/calls.jsonl --level counts
  > assay report savings $logs --savings-limits contxt=1; echo $?
  > assay report people $logs --savings-limits context=1; echo $?
  ### What could be saved
  
  all data, 2026-10-01, UTC
  
  | finding | of | sessions | cost | saves/month |
  |:---|:---|---:|---:|---:|
  | superseded model | anthropic.claude-opus-5 | 1 | $0.32 | $2.30 |
  
  1. superseded model, anthropic.claude-opus-5: 6 calls with 107,192 tokens; anthropic.claude-opus-5-5 would have done. change to the newer model. Assumes: the same tokens at the price of the newer model.
  
  findings overlap: they do not add up.
  
  - data up to 2026-10-01 09:31; 6 calls in 1 file; prices of 2026-10-07
  - 0 duplicates removed; 0 skipped; 0 quarantined
  - 1 session; all requests seen
  What could be saved · all data, 2026-10-01 – 2026-10-03, UTC
  
  finding           of                           sessions   cost  saves/month
  ───────────────────────────────────────────────────────────────────────────
  superseded model  anthropic.claude-opus-5             -  $0.11        $0.60
    2 calls with 107,595 tokens; anthropic.claude-opus-5-5 would have done; at least, because the TTL of cache writes is
    not known of 2 calls
    → change to the newer model
    assumes: the same tokens at the price of the newer model
  superseded model  anthropic.claude-sonnet-4-6         -  $0.02        $0.09
    2 calls with 3,650 tokens; anthropic.claude-sonnet-5-5 would have done
    → change to the newer model
    assumes: the same tokens at the price of the newer model
  regional price    anthropic.claude-sonnet-4-6         -  $0.02        $0.02
    2 calls with 3,650 tokens
    → use the global inference profile, where data may be processed anywhere
    assumes: the same tokens at the global price
  ───────────────────────────────────────────────────────────────────────────
  findings overlap: they do not add up
  needs content logging (0.0% of calls looked into): unused MCP server, cache runs out, large background model, context
    not compacted, retries billed, large first message
  
  data up to 2026-10-03 10:05 · 6 calls in 1 file · prices of 2026-10-07
  1 duplicate removed · 1 skipped · 1 quarantined
  0 sessions · needs content logging: 83.3% of calls had no request body
  2
  2
  2> assay: $ROOT/tests/cli/data/calls.jsonl:3983: the record ends too early
  2> assay: there is no limit 'contxt'; did you mean context?
  2> assay: --savings-limits belongs to assay report savings
