// Tokens per user and model with ClickHouse (chdb) on one thread: node clickhouse.mjs DIRECTORY.
// Prints the seconds of the query alone and what it found, as JSON.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.env.PACKAGES, 'package.json'));
const { query } = require('chdb');

// Only the fields that the question needs; the bodies are skipped over.
const columns = `modelId String, identity Tuple(arn String),
  input Tuple(inputTokenCount Int64, cacheReadInputTokenCount Int64,
              cacheWriteInputTokenCount Int64),
  output Tuple(outputTokenCount Int64)`;
const files = join(process.argv[2], '**', '*.json.gz').replaceAll("'", "\\'");
const start = performance.now();
const text = query(`
  select identity.arn, modelId, count() n, sum(input.inputTokenCount) i,
         sum(input.cacheReadInputTokenCount) r, sum(input.cacheWriteInputTokenCount) w,
         sum(output.outputTokenCount) o
  from file('${files}', 'JSONEachRow', '${columns}')
  group by 1, 2
  settings max_threads = 1, max_parsing_threads = 1, input_format_parallel_parsing = 0,
    input_format_skip_unknown_fields = 1, input_format_json_ignore_unknown_keys_in_named_tuple = 1,
    input_format_json_defaults_for_missing_elements_in_named_tuple = 1`, 'JSONCompactEachRow');
const seconds = (performance.now() - start) / 1000;
const rows = text.trim().split('\n').map((line) => JSON.parse(line));
const sum = (i) => rows.reduce((a, row) => a + Number(row[i] ?? 0), 0);
console.log(JSON.stringify({ seconds, rows: rows.length, records: sum(2), output: sum(6) }));
