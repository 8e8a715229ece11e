/*
 * The heart: any bytes as a log file, through the reader, the intake and the sorting out of
 * duplicates, with small limits. Whatever comes in, the counters must agree with what was handed
 * on, no figure may be negative, and neither compression nor the level of detail may change how
 * many records there are.
 */
#include "codec/gz.h"
#include "ingest/dedupe.h"
#include "ingest/intake.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct reader_limits LIMITS = {.max_line = 16 << 10, .max_inflated = 1 << 20};

struct seen {
    struct intake *intake;
    struct dedupe *dedupe;
    int64_t records, quarantined, counted;
    int64_t tokens; /* of what counts, so that two readings can be compared */
};

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_amounts(const struct invocation *v)
{
    int64_t cost = 0;
    for (int i = 0; i < TOKEN_CLASSES; i++) {
        check(v->tokens[i] >= 0 && v->cost[i] >= 0);
        check(!__builtin_add_overflow(cost, v->cost[i], &cost));
    }
    check(v->cost_span >= 0 && v->list_cost >= cost && v->unpriced_tokens >= 0);
    check(v->latency_ms >= LATENCY_UNKNOWN && v->first_byte_ms >= LATENCY_UNKNOWN);
}

static enum status on_record(void *ctx, struct record *r, const struct origin *from,
                             struct err *err)
{
    struct seen *s = ctx;
    struct invocation v, old;
    enum verdict verdict;
    s->records++;
    TRY(intake_record(s->intake, r, from, &v, err));
    check_amounts(&v);
    TRY(dedupe_offer(s->dedupe, &v, &verdict, &old, err));
    if (verdict == VERDICT_REPLACE) {
        check(invocation_tokens(&v) >= invocation_tokens(&old));
        s->tokens -= invocation_tokens(&old);
    }
    if (verdict == VERDICT_NEW || verdict == VERDICT_REPLACE) {
        s->counted += verdict == VERDICT_NEW;
        s->tokens += invocation_tokens(&v);
    }
    return OK;
}

static void on_quarantine(void *ctx, const struct origin *from, const char *reason)
{
    struct seen *s = ctx;
    check(reason && reason[0] && from->offset >= 0);
    s->quarantined++;
}

static enum status on_deferred(void *ctx, const struct invocation *v, struct err *err)
{
    (void)err;
    struct seen *s = ctx;
    s->counted++;
    s->tokens += invocation_tokens(v);
    return OK;
}

static const struct pricing *prices(void)
{
    static struct pricing *p;
    if (!p)
        check(pricing_new(&p, NULL) == OK);
    return p;
}

static const struct harness_rules *rules(void)
{
    static struct harness_rules *r;
    if (!r)
        check(harness_rules_new(STR(""), "", &r, NULL) == OK);
    return r;
}

static struct seen read_all(struct str bytes, enum level_of_detail detail, uint64_t memory)
{
    struct symbols *symbols = NULL;
    struct series *series = NULL;
    struct reader *reader = NULL;
    struct seen s = {.records = 0};
    check(symbols_new(&symbols, NULL) == OK && series_new(symbols, &series, NULL) == OK);
    const struct intake_env env = {.series = series,
                                   .pricing = prices(),
                                   .key = {1, 2},
                                   .detail = detail,
                                   .limits = LIMITS,
                                   .exchange = true,
                                   .rules = rules()};
    check(intake_new(&env, &s.intake, NULL) == OK && reader_new(LIMITS, &reader, NULL) == OK);
    check(dedupe_new(memory, &s.dedupe, NULL) == OK);

    struct about about;
    about_init(&about);
    const struct origin from = {.name = "/nowhere", .delivery_us = TIME_NONE};
    const struct reader_sink sink = {&s, on_record, on_quarantine, NULL};
    check(reader_bytes(reader, bytes, &from, &sink, &about, NULL) == OK);
    check(dedupe_finish(s.dedupe, on_deferred, &s, NULL) == OK);

    check(about.n[ABOUT_RECORDS] == s.records && about.n[ABOUT_QUARANTINED] == s.quarantined);
    check(about.n[ABOUT_FILES] == 1 && about.n[ABOUT_FILES_FAILED] <= 1);
    check(about.n[ABOUT_BYTES] <= (int64_t)LIMITS.max_inflated + (1 << 20));
    check(s.counted == dedupe_count(s.dedupe) && s.counted <= s.records && s.tokens >= 0);
    dedupe_free(s.dedupe);
    reader_free(reader);
    intake_free(s.intake);
    series_free(series);
    symbols_free(symbols);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = str_of((const char *)data, size);
    struct seen plain = read_all(bytes, DETAIL_CONTENT, 0);
    struct seen counts = read_all(bytes, DETAIL_COUNTS, 0);
    check(counts.records == plain.records && counts.quarantined == plain.quarantined);
    if (gz_is_gzip(bytes))
        return 0;
    struct buf packed;
    buf_init(&packed, 1 << 20);
    if (gz_deflate(bytes, 1, &packed, NULL) == OK && buf_status(&packed) == OK) {
        struct seen unpacked = read_all(buf_view(&packed), DETAIL_CONTENT, 4096);
        check(unpacked.records == plain.records && unpacked.quarantined == plain.quarantined);
        check(unpacked.counted == plain.counted && unpacked.tokens == plain.tokens);
    }
    buf_fini(&packed);
    return 0;
}
