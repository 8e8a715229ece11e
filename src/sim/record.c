/*
 * Writing the envelope. It is the hot path of a simulation without bodies, so room is made once per
 * record and then filled without further checks.
 */
#include "sim/record.h"

#include "base/clock.h"

enum { ENVELOPE_BYTES = 8 << 10 }; /* of keys, ARNs and numbers: an ARN here has under 512 */

static inline void put(struct buf *b, const char *p, size_t n)
{
    memcpy(b->p + b->n, p, n);
    b->n += n;
}

static inline void put_lit(struct buf *b, const char *text)
{
    put(b, text, strlen(text));
}

static inline void put_str(struct buf *b, struct str s)
{
    if (s.n)
        put(b, s.p, s.n);
}

static void put_i64(struct buf *b, int64_t value)
{
    char digits[20];
    size_t n = sizeof digits;
    do {
        digits[--n] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    put(b, digits + n, sizeof digits - n);
}

static void put_count(struct buf *b, const char *key, int64_t value, bool zeros)
{
    put_lit(b, key);
    put_i64(b, zeros ? 0 : value);
}

static void put_two(char *p, int value)
{
    p[0] = (char)('0' + value / 10);
    p[1] = (char)('0' + value % 10);
}

static void put_time(struct buf *b, int64_t time_s)
{
    struct civil c = civil_from_us(time_s * US_PER_SECOND);
    char text[] = "0000-00-00T00:00:00Z";
    put_two(text, (int)(c.year / 100));
    put_two(text + 2, (int)(c.year % 100));
    put_two(text + 5, c.month);
    put_two(text + 8, c.day);
    put_two(text + 11, c.hour);
    put_two(text + 14, c.minute);
    put_two(text + 17, c.second);
    put(b, text, sizeof text - 1);
}

static void put_input(struct buf *b, const struct call *c, const struct delivery *d, bool zeros)
{
    put_lit(b, ",\"input\":{\"inputContentType\":\"application/json\"");
    if (d->in == BODY_INLINE && !zeros) {
        put_lit(b, ",\"inputBodyJson\":");
        for (int i = 0; i < c->in_n; i++)
            put_str(b, c->in[i]);
    } else if (d->in == BODY_OBJECT && !zeros) {
        put_lit(b, ",\"inputBodyS3Path\":\"");
        put_str(b, d->in_path);
        put_lit(b, "\"");
    }
    if (!c->no_counts) {
        put_count(b, ",\"inputTokenCount\":", c->input, zeros);
        if (!c->no_cache_counts) {
            put_count(b, ",\"cacheReadInputTokenCount\":", c->cache_read, zeros);
            put_count(b, ",\"cacheWriteInputTokenCount\":", c->write_5m + c->write_1h, zeros);
        }
    }
    put_lit(b, "}");
}

static void put_output(struct buf *b, const struct call *c, const struct delivery *d, bool zeros)
{
    put_lit(b, ",\"output\":{\"outputContentType\":\"application/json\"");
    if (d->out == BODY_INLINE && !zeros) {
        put_lit(b, ",\"outputBodyJson\":");
        put_str(b, c->out);
    } else if (d->out == BODY_OBJECT && !zeros) {
        put_lit(b, ",\"outputBodyS3Path\":\"");
        put_str(b, d->out_path);
        put_lit(b, "\"");
    }
    if (!c->no_counts && !c->no_output_count)
        put_count(b, ",\"outputTokenCount\":", c->output, zeros);
    put_lit(b, "}");
}

static void put_identity(struct buf *b, const struct caller *caller)
{
    put_lit(b, ",\"identity\":{\"arn\":\"");
    put_str(b, caller->arn);
    put_lit(b, "\"}");
}

static void put_metadata(struct buf *b, const struct call *c, const struct caller *caller)
{
    if (c->null_metadata) {
        put_lit(b, ",\"requestMetadata\":null");
    } else if (caller->metadata.n) {
        put_lit(b, ",\"requestMetadata\":");
        put_str(b, caller->metadata);
    }
}

static void put_request(struct buf *b, const struct org *org, const struct call *c,
                        const struct delivery *d)
{
    put_lit(b, ",\"requestId\":\"");
    put(b, d->request_id, REQUEST_ID);
    put_lit(b, "\",\"operation\":\"");
    put_lit(b, sim_operation_name(c->op));
    put_lit(b, "\",\"modelId\":\"");
    put_str(b, org->models[c->model].id);
    put_lit(b, "\"");
    if (c->error != FAIL_NOT) {
        put_lit(b, ",\"errorCode\":\"");
        put_lit(b, sim_error_name(c->error));
        put_lit(b, "\"");
    } else if (d->error_null) {
        put_lit(b, ",\"errorCode\":null");
    }
}

static bool make_room(struct buf *out, const struct call *c, const struct caller *caller,
                      const struct delivery *d)
{
    size_t n = ENVELOPE_BYTES + caller->metadata.n;
    for (int i = 0; d->in == BODY_INLINE && i < c->in_n; i++)
        n += c->in[i].n;
    return buf_reserve(out, n + (d->out == BODY_INLINE ? c->out.n : 0));
}

void record_write(struct buf *out, const struct org *org, const struct call *c,
                  const struct delivery *d, bool zeros)
{
    const struct caller *caller = &org->callers[c->caller];
    bool bare = c->error != FAIL_NOT && c->no_counts && d->in == BODY_NONE;
    if (!make_room(out, c, caller, d))
        return;
    put_lit(out, d->old_order ? "{\"schemaType\":\"ModelInvocationLog\",\"schemaVersion\":\"1.0\","
                                "\"timestamp\":\""
                              : "{\"timestamp\":\"");
    put_time(out, c->time_s);
    put_lit(out, "\",\"accountId\":\"");
    put_lit(out, org->account[caller->account]);
    put_lit(out, "\"");
    if (d->old_order)
        put_identity(out, caller);
    put_lit(out, ",\"region\":\"");
    put_lit(out, REGIONS[caller->region].name);
    put_lit(out, "\"");
    put_request(out, org, c, d);
    if (d->old_order)
        put_metadata(out, c, caller);
    if (!bare) {
        put_input(out, c, d, zeros);
        put_output(out, c, d, zeros);
    }
    if (!d->old_order) {
        put_identity(out, caller);
        put_metadata(out, c, caller);
    }
    if (c->inference) {
        put_lit(out, ",\"inferenceRegion\":\"");
        put_lit(out, REGIONS[c->inference - 1].name);
        put_lit(out, "\"");
    }
    if (!d->old_order)
        put_lit(out, ",\"schemaType\":\"ModelInvocationLog\",\"schemaVersion\":\"1.0\"");
    put_lit(out, "}\n");
}
