The same records give the same answer in whatever form they come: the content decides, not the name.

  $ ask() { assay report "$@" --quiet --format csv --by user,model --metrics invocations,tokens,cost; }
  > ask "$DATA/calls.jsonl" >plain.csv; cat plain.csv
  > gzip -c "$DATA/calls.jsonl" >one.txt; ask one.txt | cmp - plain.csv
  > (head -n 3 "$DATA/calls.jsonl" | gzip; tail -n +4 "$DATA/calls.jsonl" | gzip) >two.gz; ask two.gz | cmp - plain.csv
  > ask - <"$DATA/calls.jsonl" | cmp - plain.csv
  > head -n 7 "$DATA/calls.jsonl" | tr -d '\n' >glued; ask glued | cmp - plain.csv
  > (printf '['; head -n 7 "$DATA/calls.jsonl" | paste -sd, -; printf ']') >array.json; ask array.json | cmp - plain.csv
  user,model,invocations,tokens,cost_nusd,cost_usd,unpriced,cost_reason
  ann@example.com,anthropic.claude-opus-5,2,107595,112075000,0.112075,0,cache TTL not known
  bob,anthropic.claude-sonnet-4-6,2,3650,17985000,0.017985,0,
  ci-runner/i-0123456789abcdef0,anthropic.claude-opus-5,1,0,0,0.00,0,
  ci-runner/i-0123456789abcdef0,nobody.secret-model-1,1,770,,,1,unknown model

A directory, a glob, and the same file twice: each call counts once.

  $ ask() { assay report "$@" --quiet --format csv --by user,model --metrics invocations,tokens,cost; }
  > mkdir -p logs/AWSLogs/111122223333/BedrockModelInvocationLogs/us-east-1/2026/10/01/08
  > ask "$DATA/calls.jsonl" >plain.csv
  > cp "$DATA/calls.jsonl" logs/AWSLogs/111122223333/BedrockModelInvocationLogs/us-east-1/2026/10/01/08/a.json
  > gzip -c "$DATA/calls.jsonl" >logs/b.json.gz
  > ask logs | cmp - plain.csv
  > ask 'logs/*' | cmp - plain.csv
  > ask logs "$DATA/calls.jsonl" logs/b.json.gz | cmp - plain.csv

Names that a spreadsheet would take for a formula are defused in CSV, and exact in JSON; numbers stay numbers.

  $ printf 'match,person,team\nann@example.com,=HYPERLINK(0),-3\nbob,@SUM(A1),-b\n' >d.csv
  > assay report "$DATA/calls.jsonl" --quiet --directory d.csv --by person,team --metrics cost --format csv
  > assay report "$DATA/calls.jsonl" --quiet --directory d.csv --by person,team --metrics cost --format json | grep -E '"(person|team)":'
  person,team,cost_nusd,cost_usd,unpriced,cost_reason
  '=HYPERLINK(0),-3,112075000,0.112075,0,cache TTL not known
  '@sum(a1),'-b,17985000,0.017985,0,
  ,,,,1,unknown model
      {"person": "=HYPERLINK(0)", "team": "-3", "cost_nusd": 112075000, "cost_usd": "0.112075", "unpriced": 0, "cost_reason": "cache TTL not known"},
      {"person": "@sum(a1)", "team": "-b", "cost_nusd": 17985000, "cost_usd": "0.017985", "unpriced": 0, "cost_reason": null},
      {"person": "", "team": "", "cost_nusd": null, "cost_usd": null, "unpriced": 1, "cost_reason": "unknown model"}
