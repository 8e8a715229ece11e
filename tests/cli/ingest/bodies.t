A body that is delivered after its record is found by the next run.

  $ hour=AWSLogs/012345678901/BedrockModelInvocationLogs/us-east-1/2026/10/20/12
  > mkdir -p "logs/$hour"
  > cat >"logs/$hour/a.json" <<END
  > {"schemaType":"ModelInvocationLog","requestId":"r1","modelId":"global.anthropic.claude-opus-5",
  > "accountId":"012345678901","region":"us-east-1","timestamp":"2026-10-20T12:00:00Z",
  > "input":{"cacheWriteInputTokenCount":100},
  > "output":{"outputBodyS3Path":"s3://b/$hour/data/r1_output.json"}}
  > END
  > ask() { assay report --by model --metrics cache_write_1h,cache_write_unknown,cost --store s.db --format csv; }
  > assay ingest logs --store s.db --quiet; ask
  > mkdir "logs/$hour/data"
  > echo '{"usage":{"cache_creation":{"ephemeral_1h_input_tokens":100}}}' >"logs/$hour/data/r1_output.json"
  > assay ingest logs --store s.db --quiet; ask
  > assay ingest logs --store s.db --quiet
  read 1 file (0 known already), 1 record
  the store holds 1 invocation, data up to 2026-10-20T12:00:00Z
  model,cache_write_1h,cache_write_unknown,cost_nusd,cost_usd,unpriced,cost_reason
  anthropic.claude-opus-5,0,100,625000,0.000625,0,cache TTL not known
  read 1 file (0 known already), 1 record
  the store holds 1 invocation, data up to 2026-10-20T12:00:00Z
  model,cache_write_1h,cache_write_unknown,cost_nusd,cost_usd,unpriced,cost_reason
  anthropic.claude-opus-5,100,0,1000000,0.001,0,
  read 0 files (1 known already), 0 records
  the store holds 1 invocation, data up to 2026-10-20T12:00:00Z
