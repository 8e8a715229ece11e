Tags of application inference profiles are dimensions, from logs with a map of profiles and from a
store. Their keys are spelled as in AWS; a call without a profile, or whose profile has no such tag,
has none.

  $ profile=arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile
  > i=0
  > for model in $profile/a1 $profile/a1 $profile/b2 $profile/c3 anthropic.claude-sonnet-4-6; do
  >   i=$((i + 1))
  >   echo "{\"schemaType\":\"ModelInvocationLog\",\"schemaVersion\":\"1.0\",\"timestamp\":\"2026-10-0${i}T08:00:00Z\",\"accountId\":\"111122223333\",\"region\":\"eu-west-1\",\"requestId\":\"r$i\",\"operation\":\"Converse\",\"modelId\":\"$model\",\"identity\":{\"arn\":\"arn:aws:iam::111122223333:user/ann\"},\"input\":{\"inputTokenCount\":1000},\"output\":{\"outputTokenCount\":100}}"
  > done >calls.jsonl
  > cat >profiles.yaml <<END
  > - arn: $profile/a1
  >   model: eu.anthropic.claude-opus-4-8
  >   name: search-opus
  >   tags: owner-team=search, service_name=index
  > - arn: $profile/b2
  >   model: global.anthropic.claude-sonnet-4-6
  >   tags: owner-team=ads
  > END

  $ assay report calls.jsonl --profiles profiles.yaml --by tag:owner-team,tag:service_name,model --quiet
  Spend by tag:owner-team, tag:service_name and model · all data, 2026-10-01 – 2026-10-05, UTC
  
                                                                                      cache  cache
  tag:owner-team  tag:service_name  model                       calls  input  output   read  write        cost
  ────────────────────────────────────────────────────────────────────────────────────────────────────────────
  search          index             anthropic.claude-opus-4-8       2  2,000     200      0      0   $0.0165    ██████████
  (none)          (none)            anthropic.cla…e-sonnet-4-6      1  1,000     100      0      0   $0.0050    ███
  ads             (none)            anthropic.cla…e-sonnet-4-6      1  1,000     100      0      0   $0.0045    ██▋
  (none)          (none)            arn:aws:bedro…e-profile/c3      1  1,000     100      0      0  unpriced
  ────────────────────────────────────────────────────────────────────────────────────────────────────────────
  total                                                             5  5,000     500      0      0   $0.0260+?
  
  data up to 2026-10-05 08:00 · 5 calls in 1 file · prices of 2026-10-07
  1 unpriced · 0 duplicates removed · 0 skipped · 0 quarantined · coverage: requests seen 0.0%, responses 0.0%
  +? or "unpriced": 1,100 tokens without a rate (assay report unpriced)
  why: profile not resolved

  $ assay report calls.jsonl --profiles profiles.yaml --by tag:owner-team --where 'tag:owner-team=s*' --format csv --quiet
  tag:owner-team,invocations,input,output,cache_read,cache_write,cost_nusd,cost_usd,unpriced,cost_reason
  search,2,2000,200,0,0,16500000,0.0165,0,

  $ assay report calls.jsonl --profiles profiles.yaml --by tag:owner-team --metrics invocations --order tag:owner-team:desc --format json --quiet
  {
    "assay": 1,
    "question": {
      "name": null,
      "by": ["tag:owner-team"],
      "metrics": ["invocations"],
      "since": null,
      "until": null,
      "where": [],
      "bucket": null,
      "zone": "UTC",
      "order": "tag:owner-team:desc",
      "limit": null
    },
    "rows": [
      {"tag:owner-team": "search", "invocations": 2},
      {"tag:owner-team": "ads", "invocations": 1},
      {"tag:owner-team": "", "invocations": 2}
    ],
    "total": {"invocations": 5},
    "about": {
      "files": 1,
      "records": 5,
      "invocations": 5,
      "duplicates": 0,
      "skipped": 0,
      "quarantined": 0,
      "files_failed": 0,
      "errors": 0,
      "unpriced": 1,
      "partial": 0,
      "bounded": 0,
      "estimated": 0,
      "unknown_usage": 0,
      "unpriced_tokens": 1100,
      "flagged": 0,
      "coverage": {
        "invocations": 5,
        "input_bodies": 0,
        "output_bodies": 0,
        "bodies_missing": 0,
        "bodies_refused": 0,
        "no_request_id": 0,
        "time_guessed": 0,
        "odd": 0,
        "incomplete": 0
      },
      "rows_cut": 0,
      "since": "2026-10-01T08:00:00Z",
      "up_to": "2026-10-05T08:00:00Z",
      "prices": "2026-10-07"
    }
  }

A store that learns of the profiles when the logs are gone says the same.

  $ assay ingest calls.jsonl --store s.db
  > assay report unpriced --store s.db --quiet
  > assay report calls.jsonl --profiles profiles.yaml --by tag:owner-team,model --format csv --quiet >logs.csv
  > : >empty.jsonl
  > assay ingest empty.jsonl --store s.db --profiles profiles.yaml
  > assay report --store s.db --by tag:owner-team,model --format csv | cmp - logs.csv && echo same
  read 1 file (0 known already), 5 records
  the store holds 5 invocations, data up to 2026-10-05T08:00:00Z
  Invocations without a full price · all data, 2026-10-01 – 2026-10-05, UTC
  
  reason                model id                             calls  users  tokens  unpriced tokens        cost
  ────────────────────────────────────────────────────────────────────────────────────────────────────────────
  profile not resolved  arn:aws:bedrock:e…erence-profile/a1      2      1   2,200            2,200  unpriced    ██████████
  profile not resolved  arn:aws:bedrock:e…erence-profile/b2      1      1   1,100            1,100  unpriced    █████
  profile not resolved  arn:aws:bedrock:e…erence-profile/c3      1      1   1,100            1,100  unpriced    █████
  ────────────────────────────────────────────────────────────────────────────────────────────────────────────
  total                                                          4      1   4,400            4,400  unpriced
  
  data up to 2026-10-05 08:00 · 5 calls in 1 file · prices of 2026-10-07
  4 unpriced · 0 duplicates removed · 0 skipped · 0 quarantined · coverage: requests seen 0.0%, responses 0.0%
  +? or "unpriced": 4,400 tokens without a rate
  why: profile not resolved
  read 0 files (0 known already), 0 records
  3 invocations that were kept before their profile was known have been priced
  the store holds 5 invocations, data up to 2026-10-05T08:00:00Z
  same

  $ assay report --store s.db --by tag:owner-team --where tag:=x
  2> assay: unknown dimension 'tag:'; did you mean tag:KEY?
  [2]

  $ assay report --store s.db --by tag
  2> assay: unknown dimension 'tag'; did you mean tag:KEY?
  [2]
