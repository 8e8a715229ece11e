/*
 * Profiles that become known after their calls were kept (store_reprice): whatever the order of
 * records, answers and batches, the store agrees with one that knew from the start (bedrock-logs
 * 31 and 33; profile facts, section 3). And what the store remembers of profiles.
 */
#include "store_fixture.h"

#include "model/content.h"

enum { PROFILES = 4, KNOWN = 3, CALLS = 3000 };

static const char *const bases[KNOWN] = {"anthropic.claude-opus-4-8", "anthropic.claude-sonnet-4-6",
                                         "amazon.nova-pro-v1:0"};
static const enum model_scope scopes[KNOWN] = {SCOPE_GLOBAL, SCOPE_UNKNOWN, SCOPE_IN_REGION};

static void arn_of(char out[128], unsigned i)
{
    snprintf(out, 128,
             "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/profile%u", i);
}

static struct profile profile_of(char arn[128], unsigned i)
{
    static const struct tag tags[] = {{{"team", 4}, {"search", 6}}, {{"a=b", 3}, {"", 0}}};
    arn_of(arn, i);
    return (struct profile){.arn = str_from(arn),
                            .base = str_from(bases[i]),
                            .geo = STR(""),
                            .name = STR("a name"),
                            .scope = scopes[i],
                            .tags = tags,
                            .tags_n = i};
}

static void learn(struct pricing *p, unsigned i)
{
    char arn[128];
    struct profile profile = profile_of(arn, i);
    GOOD(pricing_learn(p, &profile, &failure));
}

/* Prices a call as intake does, and gives it its series. */
static void price(struct fixture *f, const struct pricing *p, const struct labels *with,
                  struct invocation *v)
{
    struct labels l = *with;
    struct symbols *y = f->symbols;
    struct price_match m;
    const struct price_key key = {.account = symbols_text(y, l.v[LABEL_ACCOUNT]),
                                  .region = symbols_text(y, l.v[LABEL_REGION]),
                                  .model_id = symbols_text(y, l.v[LABEL_MODEL_ID]),
                                  .body_model = STR(""),
                                  .inference_region = STR(""),
                                  .tier = symbols_text(y, l.v[LABEL_TIER]),
                                  .latency_optimized = v->flags & INV_OPTIMIZED,
                                  .time_us = v->time_us};
    pricing_find(p, &key, &m);
    struct str reason = pricing_apply(&m, v);
    const struct {
        enum label label;
        struct str text;
    } made[] = {{LABEL_MODEL, m.model},
                {LABEL_SCOPE, m.scope},
                {LABEL_GEO, m.geo},
                {LABEL_OUTCOME, str_from(outcome_name(v->outcome))},
                {LABEL_REASON, reason}};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
        GOOD(symbols_intern(y, made[i].text, &l.v[made[i].label]));
    GOOD(series_intern(f->series, &l, &v->series));
    v->content = content_of(v, content_of_labels(y, &l));
}

static struct labels random_labels(struct fixture *f)
{
    static const char *const tiers[] = {"", "priority", "flex", "batch"};
    char arn[128];
    uint64_t r = fixture_random(f);
    struct labels l = {0};
    arn_of(arn, (unsigned)(r % PROFILES));
    l.v[LABEL_ACCOUNT] = fixture_label(f->series, "111122223333");
    l.v[LABEL_REGION] = fixture_label(f->series, "%s", r >> 8 & 1 ? "us-east-1" : "eu-west-1");
    l.v[LABEL_PRINCIPAL] =
        fixture_label(f->series, "arn:aws:iam::111122223333:user/u%u", (unsigned)(r >> 16) % 20);
    l.v[LABEL_MODEL_ID] = fixture_label(f->series, "%s", arn);
    l.v[LABEL_TIER] = fixture_label(f->series, "%s", tiers[r >> 24 & 3]);
    return l;
}

static const struct asked by_labels = {"model,scope,reason,outcome,user",
                                       "invocations,unpriced,cost,cost_high",
                                       NULL,
                                       BUCKET_NONE,
                                       INT64_MIN,
                                       INT64_MAX};
static const struct asked by_hour = {"time,model_id", "invocations,cost", NULL,
                                     BUCKET_HOUR,     INT64_MIN,          INT64_MAX};

static void agrees(struct fixture *f)
{
    fixture_agrees(f);
    fixture_same_answer(f, f->store, &by_labels);
    fixture_same_answer(f, f->store, &by_hour);
}

/* A batch of calls as a reader prices them that knows `reads`, while `knows` is true of them. */
static void put_calls(struct fixture *f, const struct pricing *reads, const struct pricing *knows,
                      size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct invocation v = fixture_invocation(f, 9), truth;
        struct labels l = random_labels(f);
        v.flags |= fixture_random(f) % 4 ? 0 : INV_OPTIMIZED;
        v.tokens[TOKENS_INPUT] += fixture_random(f) % 4 ? 0 : 300000; /* long context */
        truth = v;
        price(f, knows, &l, &truth);
        price(f, reads, &l, &v);
        GOOD(store_put(f->store, f->series, &v, 1, &failure));
        if (fixture_random(f) % 8 == 0) /* logged twice, and read by one who knew */
            GOOD(store_put(f->store, f->series, &truth, 1, &failure));
        fixture_expect(f, &truth);
    }
}

static void commit(struct fixture *f)
{
    GOOD(store_commit(f->store, &failure));
}

/* Readers never know anything; the writer learns one profile after the other. */
static void a_store_that_learns_later_agrees_with_one_that_knew(void **state)
{
    (void)state;
    struct fixture f;
    struct pricing *reads, *all, *writes;
    struct store_repriced done;
    fixture_open(&f, 11);
    GOOD(pricing_new(&reads, &failure));
    GOOD(pricing_new(&all, &failure));
    GOOD(pricing_new(&writes, &failure));
    for (unsigned i = 0; i < KNOWN; i++)
        learn(all, i);
    for (unsigned i = 0; i < KNOWN; i++) {
        GOOD(store_begin(f.store, &failure));
        put_calls(&f, reads, all, CALLS / 2);
        commit(&f);
        GOOD(store_begin(f.store, &failure));
        put_calls(&f, reads, all, 200); /* not yet settled */
        learn(writes, i);
        GOOD(store_reprice(f.store, writes, INT64_MAX, &done, &failure));
        assert_true(done.invocations > 0);
        assert_int_equal(done.gone, 0);
        put_calls(&f, reads, all, 200); /* still under way when the answer came */
        commit(&f);
        GOOD(store_check(f.store, &failure));
    }
    agrees(&f);
    GOOD(store_begin(f.store, &failure));
    GOOD(store_reprice(f.store, writes, INT64_MAX, &done, &failure));
    commit(&f);
    assert_int_equal(done.invocations, 0);
    fixture_reopen(&f);
    agrees(&f);
    pricing_free(reads);
    pricing_free(all);
    pricing_free(writes);
    fixture_close(&f);
}

static void what_is_rolled_back_is_priced_another_time(void **state)
{
    (void)state;
    struct fixture f;
    struct pricing *reads, *all;
    struct store_repriced done;
    fixture_open(&f, 12);
    GOOD(pricing_new(&reads, &failure));
    GOOD(pricing_new(&all, &failure));
    for (unsigned i = 0; i < KNOWN; i++)
        learn(all, i);
    GOOD(store_begin(f.store, &failure));
    put_calls(&f, reads, all, 500);
    commit(&f);
    GOOD(store_begin(f.store, &failure));
    GOOD(store_reprice(f.store, all, INT64_MAX, &done, &failure));
    store_rollback(f.store);
    GOOD(store_check(f.store, &failure));
    fixture_reopen(&f);
    GOOD(store_begin(f.store, &failure));
    int64_t before = done.invocations;
    GOOD(store_reprice(f.store, all, INT64_MAX, &done, &failure));
    assert_int_equal(done.invocations, before);
    commit(&f);
    agrees(&f);
    assert_int_equal(store_reprice(f.store, all, INT64_MAX, &done, NULL), ERR_USAGE);
    pricing_free(reads);
    pricing_free(all);
    fixture_close(&f);
}

/* Piece by piece, with commits and new calls between; also when it is interrupted. */
static void pieces_come_to_the_same(void **state)
{
    (void)state;
    struct fixture f;
    struct pricing *reads, *all;
    struct store_repriced done = {.more = true};
    int pieces = 0;
    fixture_open(&f, 14);
    GOOD(pricing_new(&reads, &failure));
    GOOD(pricing_new(&all, &failure));
    for (unsigned i = 0; i < KNOWN; i++)
        learn(all, i);
    GOOD(store_begin(f.store, &failure));
    put_calls(&f, reads, all, CALLS / 2);
    commit(&f);
    for (; done.more; pieces++) {
        if (pieces == 2)
            fixture_reopen(&f);
        GOOD(store_begin(f.store, &failure));
        if (pieces < 3)
            put_calls(&f, reads, all, 50);
        GOOD(store_reprice(f.store, all, 50, &done, &failure));
        commit(&f);
        GOOD(store_check(f.store, &failure));
    }
    assert_true(pieces > 3);
    agrees(&f);
    pricing_free(reads);
    pricing_free(all);
    fixture_close(&f);
}

/* A record that is priced by who knew is the same as the one that was priced again. */
static void a_duplicate_of_what_was_priced_again_changes_nothing(void **state)
{
    (void)state;
    struct fixture f;
    struct pricing *reads, *all;
    struct store_repriced done;
    fixture_open(&f, 13);
    GOOD(pricing_new(&reads, &failure));
    GOOD(pricing_new(&all, &failure));
    learn(all, 0);
    struct labels l = random_labels(&f);
    char arn[128];
    arn_of(arn, 0);
    l.v[LABEL_MODEL_ID] = fixture_label(f.series, "%s", arn);
    struct invocation v = fixture_invocation(&f, 1), truth = v;
    price(&f, reads, &l, &v);
    price(&f, all, &l, &truth);
    assert_true(v.series != truth.series);
    GOOD(store_begin(f.store, &failure));
    GOOD(store_put(f.store, f.series, &v, 1, &failure));
    GOOD(store_reprice(f.store, all, INT64_MAX, &done, &failure));
    commit(&f);
    assert_int_equal(done.invocations, 1);
    fixture_put(&f, &truth, 1);
    agrees(&f);
    pricing_free(reads);
    pricing_free(all);
    fixture_close(&f);
}

struct rows {
    int n;
    struct store_profile last;
    char base[64], key[16];
};

static enum status take_row(void *ctx, const struct store_profile *p, struct err *err)
{
    (void)err;
    struct rows *r = ctx;
    r->n++;
    r->last = *p;
    snprintf(r->base, sizeof r->base, "%.*s", STR_ARG(p->profile.base));
    if (p->profile.tags_n == 2)
        snprintf(r->key, sizeof r->key, "%.*s", STR_ARG(p->profile.tags[1].key));
    return OK;
}

static enum status count_arn(void *ctx, struct str arn, struct err *err)
{
    (void)err;
    assert_true(arn.n > 0);
    ++*(int *)ctx;
    return OK;
}

static void profiles_are_remembered(void **state)
{
    (void)state;
    struct fixture f;
    struct rows rows = {0};
    struct pricing *reads;
    char arn[128];
    fixture_open(&f, 14);
    GOOD(store_profiles(f.store, take_row, &rows, &failure));
    assert_int_equal(rows.n, 0);
    struct store_profile p = {.profile = profile_of(arn, 2), .asked_us = 77};
    assert_int_equal(store_put_profile(f.store, &p, NULL), ERR_USAGE);
    GOOD(store_begin(f.store, &failure));
    GOOD(store_put_profile(f.store, &p, &failure));
    p.profile.scope = SCOPE_GLOBAL;
    p.status = STORE_PROFILE_GIVEN;
    GOOD(store_put_profile(f.store, &p, &failure));
    commit(&f);
    fixture_reopen(&f);
    GOOD(store_profiles(f.store, take_row, &rows, &failure));
    assert_int_equal(rows.n, 1);
    assert_int_equal(rows.last.status, STORE_PROFILE_GIVEN);
    assert_int_equal(rows.last.profile.scope, SCOPE_GLOBAL);
    assert_int_equal(rows.last.asked_us, 77);
    assert_string_equal(rows.base, bases[2]);
    assert_string_equal(rows.key, "a=b");
    uint32_t from = 0;
    int n = 0;
    GOOD(pricing_new(&reads, &failure));
    GOOD(store_begin(f.store, &failure));
    put_calls(&f, reads, reads, 20);
    commit(&f);
    GOOD(store_profile_arns(f.store, &from, count_arn, &n, &failure));
    assert_true(n > 0 && from > 0);
    n = 0;
    GOOD(store_profile_arns(f.store, &from, count_arn, &n, &failure));
    assert_int_equal(n, 0);
    pricing_free(reads);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_that_learns_later_agrees_with_one_that_knew),
        cmocka_unit_test(what_is_rolled_back_is_priced_another_time),
        cmocka_unit_test(pieces_come_to_the_same),
        cmocka_unit_test(a_duplicate_of_what_was_priced_again_changes_nothing),
        cmocka_unit_test(profiles_are_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
