What bodies tell beside usage: which program made a call, and what kind of call it was. One-shot and
from a store the answer is the same, and bodies beside their record are read as those in it.

  $ d=AWSLogs/111122223333/BedrockModelInvocationLogs/us-east-1/2026/10/01/08; mkdir -p logs/$d/data
  > billing='{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1.197.00a; cc_entrypoint=cli;"}'
  > record() { printf '{"schemaType":"ModelInvocationLog","timestamp":"2026-10-01T08:15:00Z","accountId":"111122223333","region":"us-east-1","requestId":"%s","operation":"InvokeModel","modelId":"global.anthropic.claude-opus-5","identity":{"arn":"arn:aws:iam::111122223333:user/bob"},"input":{"inputTokenCount":10,%s},"output":{"outputTokenCount":5}}\n' "$1" "$2"; }
  > {
  >   record r1 '"inputBodyJson":{"system":['"$billing"'],"tools":[{"name":"Bash"}],"messages":[{"role":"user","content":"CANARY"}]}'
  >   record r2 '"inputBodyJson":{"system":"You are Roo, a highly skilled CANARY","messages":[{"role":"user","content":[{"text":"CANARY"}]}]}'
  >   record r3 '"inputBodyJson":{"max_tokens":1,"messages":[{"role":"user","content":"."}]}'
  >   record r4 '"inputBodyS3Path":"s3://b/'"$d"'/data/r4_input.json.gz"'
  >   record r5 '"inputBodyS3Path":"s3://b/'"$d"'/data/r5_input.json.gz"'
  >   record r6 '"inputBodyJson":"[DONE]"'
  > } >logs/$d/a.json
  > printf '{"system":['"$billing"',{"type":"text","text":"You are a file search specialist for Claude Code"}],"messages":[{"role":"user","content":"CANARY"}]}' | gzip >logs/$d/data/r4_input.json.gz
  > ask() { assay report "$@" --quiet --format csv --by harness,version,entrypoint,call_kind --metrics invocations,input_bodies,bodies_missing --order harness:asc; }
  > ask logs | tee one
  > assay ingest logs --store s.db --quiet
  > ask --store s.db | cmp - one && echo same
  > grep -c CANARY s.db
  harness,version,entrypoint,call_kind,invocations,input_bodies,bodies_missing
  ,,,,2,1,1
  ,,,probe,1,1,0
  Claude Code,2.1.197,cli,main,1,1,0
  Claude Code,2.1.197,cli,sub-agent,1,1,0
  Roo Code,,,main,1,1,0
  read 1 file (0 known already), 6 records
  the store holds 6 invocations, data up to 2026-10-01T08:15:00Z
  same
  0
  [1]

A question about other things says the same of bodies, though it does not open them.

  $ assay report logs --quiet --format csv --metrics invocations,input_bodies,bodies_missing
  > assay report --store s.db --quiet --format csv --metrics invocations,input_bodies,bodies_missing
  invocations,input_bodies,bodies_missing
  6,5,1
  invocations,input_bodies,bodies_missing
  6,5,1

With --level counts no body is opened.

  $ assay report logs --quiet --format csv --by harness,call_kind --metrics invocations,bodies_missing --level counts
  harness,call_kind,invocations,bodies_missing
  ,,6,0

Rules of one's own come before the built-in ones; a mistake in them says where.

  $ printf 'where,match,text,harness,kind\nsystem,prefix,"You are Roo, a highly skilled",Ours,background\n' >rules.csv
  > assay report logs --quiet --format csv --by harness,call_kind --metrics invocations --where harness=Ours --harness-rules rules.csv
  > sed -i 's/prefix/begins/' rules.csv
  > assay report logs --by harness --harness-rules rules.csv; echo $?
  harness,call_kind,invocations
  Ours,background,1
  2
  2> assay: rules.csv:2: match: one of prefix, contains, exact, not "begins"

Files that were read with other rules are read again, and those with a body that came late.

  $ sed -i 's/begins/prefix/' rules.csv
  > echo '{}' >logs/AWSLogs/111122223333/BedrockModelInvocationLogs/us-east-1/2026/10/01/08/data/r5_input.json.gz
  > assay ingest logs --store s.db --quiet
  > assay ingest logs --store s.db --quiet
  > assay ingest logs --store s.db --quiet --harness-rules rules.csv
  > assay ingest logs --store s.db --quiet --harness-rules rules.csv --repository-names
  read 1 file (0 known already), 6 records
  the store holds 6 invocations, data up to 2026-10-01T08:15:00Z
  read 0 files (1 known already), 0 records
  the store holds 6 invocations, data up to 2026-10-01T08:15:00Z
  read 1 file (0 known already), 6 records
  the store holds 6 invocations, data up to 2026-10-01T08:15:00Z
  read 1 file (0 known already), 6 records
  the store holds 6 invocations, data up to 2026-10-01T08:15:00Z
