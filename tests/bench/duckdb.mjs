// Tokens per user and model with DuckDB on one thread: node duckdb.mjs DIRECTORY. Prints the seconds
// of the query alone (without the start of node and of the library) and what it found, as JSON.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.env.PACKAGES, 'package.json'));
const { DuckDBInstance } = require('@duckdb/node-api');

const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
const connection = await instance.connect();
// Only the fields that the question needs; the bodies are skipped over.
const columns = `{
  modelId: 'VARCHAR', identity: 'STRUCT(arn VARCHAR)',
  input: 'STRUCT(inputTokenCount BIGINT, cacheReadInputTokenCount BIGINT,
                 cacheWriteInputTokenCount BIGINT)',
  output: 'STRUCT(outputTokenCount BIGINT)'}`;
const files = join(process.argv[2], '**', '*.json.gz').replaceAll("'", "''");
const start = performance.now();
const reader = await connection.runAndReadAll(`
  select identity.arn, modelId, count(*) n, sum(input.inputTokenCount) i,
         sum(input.cacheReadInputTokenCount) r, sum(input.cacheWriteInputTokenCount) w,
         sum(output.outputTokenCount) o
  from read_json('${files}', format = 'newline_delimited', columns = ${columns},
                 maximum_object_size = 67108864)
  group by all`);
const rows = reader.getRows();
const seconds = (performance.now() - start) / 1000;
const sum = (i) => Number(rows.reduce((a, row) => a + BigInt(row[i] ?? 0), 0n));
console.log(JSON.stringify({ seconds, rows: rows.length, records: sum(2), output: sum(6) }));
