Bodies beside a record tell how long cache writes last. They are opened only below the tree that is
read, and not at all with --level counts.

  $ d=logs/AWSLogs/111122223333/BedrockModelInvocationLogs/us-east-1/2026/10/01/08; mkdir -p $d/data
  > id=00000000-0000-4000-8000-000000000009
  > printf '{"schemaType":"ModelInvocationLog","schemaVersion":"1.0","timestamp":"2026-10-01T08:15:00Z","accountId":"111122223333","region":"us-east-1","requestId":"%s","operation":"InvokeModel","modelId":"global.anthropic.claude-opus-5","identity":{"arn":"arn:aws:iam::111122223333:user/bob"},"input":{"inputTokenCount":1,"cacheWriteInputTokenCount":3000},"output":{"outputTokenCount":5,"outputBodyS3Path":"s3://bucket/%s/data/%s_output.json.gz"}}\n' $id ${d#logs/} $id >$d/a.json
  > printf '{"usage":{"cache_creation":{"ephemeral_5m_input_tokens":2000,"ephemeral_1h_input_tokens":1000}}}' | gzip >$d/data/${id}_output.json.gz
  > ask() { assay report "$@" --format csv --metrics cache_write_5m,cache_write_1h,cache_write_unknown,bodies_missing,bodies_refused,cost,cost_high; }
  > ask logs
  > ask logs --level counts
  > mv $d/data moved; ask logs
  > sed -i 's,s3://bucket/[^"]*,s3://bucket/../../../etc/passwd,' $d/a.json; ask logs
  cache_write_5m,cache_write_1h,cache_write_unknown,bodies_missing,bodies_refused,cost_nusd,cost_usd,cost_high_nusd,cost_high_usd,unpriced,cost_reason
  2000,1000,0,0,0,22630000,0.02263,22630000,0.02263,0,
  cache_write_5m,cache_write_1h,cache_write_unknown,bodies_missing,bodies_refused,cost_nusd,cost_usd,cost_high_nusd,cost_high_usd,unpriced,cost_reason
  0,0,3000,0,0,18880000,0.01888,30130000,0.03013,0,cache TTL not known
  cache_write_5m,cache_write_1h,cache_write_unknown,bodies_missing,bodies_refused,cost_nusd,cost_usd,cost_high_nusd,cost_high_usd,unpriced,cost_reason
  0,0,3000,1,0,18880000,0.01888,30130000,0.03013,0,cache TTL not known
  cache_write_5m,cache_write_1h,cache_write_unknown,bodies_missing,bodies_refused,cost_nusd,cost_usd,cost_high_nusd,cost_high_usd,unpriced,cost_reason
  0,0,3000,0,1,18880000,0.01888,30130000,0.03013,0,cache TTL not known
