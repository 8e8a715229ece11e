/*
 * What an invocation takes from its record and from the usage in its answer: counts, flags, time,
 * key. Labels and price, which need tables, are in intake.c.
 */
#include "ingest/intake_internal.h"

static int64_t first_of(int64_t envelope, int64_t body, uint32_t *flags)
{
    if (envelope == COUNT_ABSENT)
        return body;
    if (body != COUNT_ABSENT && body != envelope)
        *flags |= INV_ODD;
    return envelope;
}

static int64_t or_zero(int64_t count)
{
    return count == COUNT_ABSENT ? 0 : count;
}

/*
 * Cache writes by TTL. The envelope's total is trusted; a split that is larger keeps its ratio
 * within the total, one that is smaller leaves a remainder of unknown TTL (bedrock-logs 2.3).
 */
static void split_writes(int64_t total, const struct usage *u, struct invocation *v)
{
    int64_t five = or_zero(u->write_5m), hour = or_zero(u->write_1h);
    bool split = u->write_5m != COUNT_ABSENT || u->write_1h != COUNT_ABSENT;
    if (split && five + hour > total) {
        v->flags |= INV_ODD;
        __extension__ typedef __int128 wide;
        hour = (int64_t)((wide)total * hour / (five + hour));
        five = total - hour;
    }
    v->tokens[TOKENS_CACHE_WRITE_5M] = five;
    v->tokens[TOKENS_CACHE_WRITE_1H] = hour;
    v->tokens[TOKENS_CACHE_WRITE_UNKNOWN] = total - five - hour;
}

void intake_counts(const struct record *r, const struct usage *u, struct invocation *v)
{
    int64_t input = first_of(r->input_tokens, u->input, &v->flags);
    /* The body's output count is provisional until message_delta: no disagreement before it. */
    bool provisional = u->stream && !u->complete;
    int64_t output = first_of(r->output_tokens, provisional ? COUNT_ABSENT : u->output, &v->flags);
    if (output == COUNT_ABSENT)
        output = u->output;
    int64_t read = first_of(r->cache_read, u->cache_read, &v->flags);
    int64_t write = first_of(r->cache_write, u->cache_write, &v->flags);
    if (write == COUNT_ABSENT && (u->write_5m != COUNT_ABSENT || u->write_1h != COUNT_ABSENT))
        write = or_zero(u->write_5m) + or_zero(u->write_1h);
    if (input == COUNT_ABSENT && output == COUNT_ABSENT && read == COUNT_ABSENT &&
        write == COUNT_ABSENT)
        v->flags |= INV_NO_COUNTS;
    if (read == COUNT_ABSENT && write == COUNT_ABSENT)
        v->flags |= INV_NO_CACHE_COUNTS;
    v->tokens[TOKENS_INPUT] = or_zero(input);
    v->tokens[TOKENS_OUTPUT] = or_zero(output);
    v->tokens[TOKENS_CACHE_READ] = or_zero(read);
    split_writes(or_zero(write), u, v);
}

void intake_flags(const struct record *r, const struct usage *u, struct invocation *v)
{
    if (r->error.n > 0)
        v->flags |= INV_ERROR;
    if (r->odd || u->odd)
        v->flags |= INV_ODD;
    if (r->input.has_body)
        v->flags |= INV_INPUT_BODY;
    if (r->output.has_body)
        v->flags |= INV_OUTPUT_BODY;
    if (r->input.path.n > 0 || r->output.path.n > 0)
        v->flags |= INV_BODY_PATH;
    if (u->guardrail)
        v->flags |= INV_GUARDRAIL;
    if (u->stream && !u->complete)
        v->flags |= INV_INCOMPLETE;
    v->latency_ms = u->latency_ms;
    v->first_byte_ms = u->first_byte_ms;
}

void intake_time(const struct record *r, const struct origin *from, struct invocation *v)
{
    if (time_parse(r->timestamp, &v->time_us))
        return;
    v->flags |= INV_TIME_GUESSED;
    bool known = from->delivery_us >= 0 && from->delivery_us < TIME_END;
    v->time_us = known ? from->delivery_us : 0;
}

void intake_key(struct hash_key key, const struct record *r, struct str account, struct str region,
                struct invocation *v)
{
    char bytes[4 * RECORD_NAME_MAX];
    size_t n = 0;
    bool has_id = r->request_id.n > 0;
    const struct str parts[] = {account, region, r->request_id, has_id ? STR_NONE : r->timestamp,
                                has_id ? STR_NONE : r->model_id};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        size_t fits = sizeof bytes - n - 1;
        size_t take = parts[i].n < fits ? parts[i].n : fits;
        if (take)
            memcpy(bytes + n, parts[i].p, take);
        n += take;
        bytes[n++] = '\0';
        if (n >= sizeof bytes - 1)
            break;
    }
    v->key = hash128(key, bytes, n);
    if (has_id)
        return;
    v->flags |= INV_NO_REQUEST_ID;
    struct {
        struct hash128 names;
        uint64_t arn, operation;
        int64_t tokens[TOKEN_CLASSES];
        int64_t latency;
    } rest = {v->key,
              hash64(key, r->arn.p, r->arn.n),
              hash64(key, r->operation.p, r->operation.n),
              {0},
              v->latency_ms};
    memcpy(rest.tokens, v->tokens, sizeof rest.tokens);
    v->key = hash128(key, &rest, sizeof rest);
}
