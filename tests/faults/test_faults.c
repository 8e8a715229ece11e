/*
 * Memory that runs out at any point, and system calls that come short, are interrupted or fail:
 * the whole way from files to an answer ends with ERR_NOMEM, or with the right answer, or with an
 * error that says what happened. Leaks show in the build with AddressSanitizer.
 */
#include "codec/gz.h"
#include "faults.h"
#include "ingest/dedupe.h"
#include "ingest/load.h"
#include "ingest/oneshot.h"
#include "query/sessions.h"
#include "report/render.h"
#include "sim/sim.h"
#include "unit.h"

#include "base/io.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], logs[128], store_path[128];

#define RECORD(id)                                                                                 \
    "{\"schemaType\":\"ModelInvocationLog\",\"timestamp\":\"2026-10-20T12:00:00Z\","               \
    "\"accountId\":\"012345678901\",\"region\":\"us-east-1\",\"requestId\":\"" id "\","            \
    "\"operation\":\"InvokeModel\",\"modelId\":\"global.anthropic.claude-sonnet-5-5\","            \
    "\"input\":{\"inputTokenCount\":10},\"output\":{\"outputTokenCount\":2},"                      \
    "\"identity\":{\"arn\":\"arn:aws:iam::012345678901:user/\\u0061da\"}}"
#define QUOTED(id)                                                                                 \
    "{\\\"requestId\\\":\\\"" id "\\\",\\\"timestamp\\\":\\\"2026-10-20T12:00:00Z\\\","            \
    "\\\"modelId\\\":\\\"us.amazon.nova-pro-v1:0\\\",\\\"input\\\":{\\\"inputTokenCount\\\":7}}"

static void write_text(const char *name, struct str text, bool packed)
{
    char path[256];
    struct buf out;
    snprintf(path, sizeof path, "%s/%s", logs, name);
    buf_init(&out, 1 << 20);
    if (packed)
        assert_int_equal(gz_deflate(text, 1, &out, NULL), OK);
    else
        buf_str(&out, text);
    assert_int_equal(io_write_file(path, buf_view(&out), NULL), OK);
    buf_fini(&out);
}

/* A small simulated tree with offloaded bodies, and beside it what it does not have: CloudWatch
 * messages, a broken line, console CSV. */
static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/assay-faults-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(logs, sizeof logs, "%s/logs", folder);
    snprintf(store_path, sizeof store_path, "%s/store", folder);
    const struct sim_options o = {.dir = logs,
                                  .users = 2,
                                  .days = 1,
                                  .seed = 2,
                                  .start_day = 20727,
                                  .records = 60,
                                  .body_scale = 5,
                                  .bodies = SIM_S3};
    struct sim_report report;
    struct err err = {0};
    if (sim_run(&o, &report, &err) != OK)
        fail_msg("%s", err.text);
    write_text("message.gz",
               STR("{\"messageType\":\"DATA_MESSAGE\",\"owner\":\"012345678901\",\"logEvents\":["
                   "{\"id\":\"1\",\"timestamp\":1792497600000,\"message\":\"" QUOTED(
                       "c1") "\"},"
                             "{\"id\":\"2\",\"timestamp\":1792497600000,\"message\":\"" QUOTED(
                                 "c2") "\"}]}"),
               true);
    write_text("lines", STR(RECORD("a") "\n{\"broken\":[}\n" RECORD("b") "\n" RECORD("a") "\n"),
               false);
    write_text("table.csv",
               STR("timestamp,message\n1792497600000,\"{\"\"requestId\"\":\"\"t\"\","
                   "\"\"modelId\"\":\"\"m\"\"}\"\n"),
               false);
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    faults_none();
    return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* All that a report is made of. */
struct way {
    struct pricing *pricing;
    struct symbols *symbols;
    struct series *series;
    struct directory *directory;
    struct question question;
    struct plan *plan;
    struct plan_view *view;
    struct cube *cube;
    struct answer *answer;
    struct source *source;
    struct store *store;
    struct about about;
};

static const char PROFILES[] =
    "- arn: arn:aws:bedrock:us-east-1:012345678901:application-inference-profile/x\n"
    "  model: anthropic.claude-opus-5\n  scope: geo\n  name: search\n";
static const char PRICES[] =
    "model_id_pattern,provider,display_name,region_scope,input_per_mtok,output_per_mtok\n"
    "acme.model-1*,acme,Model 1,*,1,2.5\n";
static const char DIRECTORY[] = "match,person,team,cost_centre\n*@example.com,,search,4100\n"
                                "arn:aws:iam::012345678901:user/ada,Ada,build,4200\n";

static enum status open_way(struct way *w, struct err *err)
{
    TRY(pricing_new(&w->pricing, err));
    TRY(pricing_override(w->pricing, STR(PRICES), "prices", err));
    TRY(pricing_profiles(w->pricing, STR(PROFILES), "profiles", err));
    TRY(pricing_discount(w->pricing, STR("provider:amazon=10"), err));
    TRY(directory_load(STR(DIRECTORY), "directory", &w->directory, err));
    TRY(symbols_new(&w->symbols, err));
    TRY(series_new(w->symbols, &w->series, err));
    TRY(question_set(&w->question, STR("by"), STR("user,team,model,outcome"), err));
    TRY(question_set(&w->question, STR("metrics"),
                     STR("invocations,errors,input,output,cache_read,cost,users"), err));
    TRY(question_set(&w->question, STR("where"), STR("region!=nowhere"), err));
    TRY(zone_set("UTC", err));
    TRY(question_finish(&w->question, INT64_C(1793000000000000), err));
    TRY(plan_new(&w->question, w->series, w->directory, &w->plan, err));
    TRY(plan_view_new(w->plan, &w->view, err));
    return cube_new(&w->cube, err);
}

static void close_way(struct way *w)
{
    source_close(w->source);
    store_close(w->store);
    answer_free(w->answer);
    cube_free(w->cube);
    plan_view_free(w->view);
    plan_free(w->plan);
    question_fini(&w->question);
    directory_free(w->directory);
    series_free(w->series);
    symbols_free(w->symbols);
    pricing_free(w->pricing);
}

static enum status render_all(struct way *w, struct buf *out, struct err *err)
{
    TRY(answer_new(w->plan, w->cube, &w->about, pricing_date(w->pricing), &w->answer, err));
    for (int format = 0; format < REPORT_FORMATS; format++) {
        struct report_options o = {
            .format = (enum report_format)format, .width = 120, .bars = true};
        TRY(report_render(w->answer, &o, out, err));
    }
    return buf_status(out) == OK ? OK : err_nomem(err);
}

static void take_trouble(void *ctx, const struct crew_trouble *t)
{
    (void)ctx;
    assert_non_null(t->reason);
}

static enum status from_files(struct way *w, struct buf *out, struct err *err)
{
    char *operands[] = {logs};
    TRY(open_way(w, err));
    TRY(source_local_new(operands, 1, &w->source, err));
    const struct intake_env env = {
        .series = w->series, .pricing = w->pricing, .key = {1, 2}, .detail = DETAIL_CONTENT};
    const struct oneshot o = {
        .source = w->source, .threads = 1, .env = &env, .plan = w->plan, .trouble = take_trouble};
    TRY(oneshot_run(&o, w->cube, &w->about, err));
    return render_all(w, out, err);
}

static enum status into_store(struct way *w, struct buf *out, struct err *err)
{
    (void)out;
    char *operands[] = {logs};
    TRY(open_way(w, err));
    TRY(source_local_new(operands, 1, &w->source, err));
    TRY(store_open(store_path, STORE_WRITE, &w->store, err));
    const struct intake_env env = {.series = w->series,
                                   .pricing = w->pricing,
                                   .key = store_hash_key(w->store),
                                   .detail = DETAIL_CONTENT};
    const struct load load = {.source = w->source,
                              .threads = 1,
                              .env = &env,
                              .store = w->store,
                              .store_path = store_path,
                              .trouble = take_trouble};
    struct load_result result;
    return load_run(&load, &result, err);
}

static enum status from_store(struct way *w, struct buf *out, struct err *err)
{
    TRY(open_way(w, err));
    TRY(store_open(store_path, STORE_READ, &w->store, err));
    TRY(store_load_series(w->store, w->series, err));
    TRY(store_fill(w->store, w->plan, w->view, w->cube, err));
    TRY(store_about(w->store, &w->about, err));
    return render_all(w, out, err);
}

typedef enum status (*journey)(struct way *w, struct buf *out, struct err *err);

static enum status go(journey where, struct buf *out, struct err *err)
{
    struct way w = {0};
    question_init(&w.question);
    buf_init(out, 1 << 24);
    enum status status = where(&w, out, err);
    close_way(&w);
    return status;
}

/* The text of a journey without faults. */
static struct buf reference(journey where)
{
    struct buf out;
    struct err err = {0};
    faults_none();
    if (go(where, &out, &err) != OK)
        fail_msg("without faults: %s", err.text);
    return out;
}

static void remove_store(void)
{
    static const char *const tails[] = {"", "-wal", "-shm", "-lock", "-journal"};
    char path[160];
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        snprintf(path, sizeof path, "%s%s", store_path, tails[i]);
        unlink(path);
    }
}

/* What differs is shown from the line on in which it does. */
static void assert_same(const struct buf *found, const struct buf *wanted, const char *when,
                        int64_t n)
{
    size_t at = 0, line = 0;
    while (at < found->n && at < wanted->n && found->p[at] == wanted->p[at]) {
        line = found->p[at] == '\n' ? at + 1 : line;
        at++;
    }
    if (at == found->n && at == wanted->n)
        return;
    fail_msg("%s %lld, byte %zu: found\n%.*s\nwanted\n%.*s", when, (long long)n, at,
             (int)(found->n - line < 300 ? found->n - line : 300), found->p + line,
             (int)(wanted->n - line < 300 ? wanted->n - line : 300), wanted->p + line);
}

/* How far apart the failing allocations lie: all of the first, then fewer. */
static int64_t next_point(int64_t n, int64_t dense)
{
    return n < dense ? n + 1 : n + 1 + n / 40;
}

/* A journey with each allocation failing; `after` looks at what it left behind. */
static void fail_everywhere(journey where, bool all_after, int64_t dense, void (*before)(void),
                            void (*after)(int64_t n))
{
    struct buf wanted = reference(where);
    int64_t failed = 0;
    for (int64_t n = 0;; n = next_point(n, dense)) {
        struct buf out;
        struct err err = {0};
        if (before)
            before();
        faults_fail_allocation(n, all_after);
        enum status status = go(where, &out, &err);
        bool reached = faults_allocations() > n;
        faults_none();
        if (status == OK)
            assert_same(&out, &wanted, "allocation", n);
        else if (status != ERR_NOMEM || err.text[0] == '\0')
            fail_msg("allocation %lld: %s: '%s'", (long long)n, status_text(status), err.text);
        failed += status != OK;
        buf_fini(&out);
        if (after)
            after(n);
        if (!reached)
            break;
    }
    assert_true(failed > 50);
    buf_fini(&wanted);
}

static void a_report_survives_the_failure_of_any_allocation(void **state)
{
    (void)state;
    fail_everywhere(from_files, false, 400, NULL, NULL);
}

static void a_report_survives_the_end_of_all_memory_at_any_point(void **state)
{
    (void)state;
    fail_everywhere(from_files, true, 400, NULL, NULL);
}

static struct buf stored;

/* The store is whole: a clean run completes it, and then it says what it must. */
static void complete_store(int64_t n)
{
    struct buf out;
    struct err err = {0};
    if (go(into_store, &out, &err) != OK)
        fail_msg("after allocation %lld: %s", (long long)n, err.text);
    buf_fini(&out);
    out = reference(from_store);
    assert_same(&out, &stored, "in a store, after allocation", n);
    buf_fini(&out);
}

static void an_ingest_survives_the_failure_of_any_allocation(void **state)
{
    (void)state;
    remove_store();
    struct buf none = reference(into_store);
    stored = reference(from_store);
    fail_everywhere(into_store, false, 60, remove_store, complete_store);
    fail_everywhere(into_store, true, 10, remove_store, complete_store);
    buf_fini(&stored);
    buf_fini(&none);
}

static void a_question_to_a_store_survives_the_failure_of_any_allocation(void **state)
{
    (void)state;
    remove_store();
    struct buf none = reference(into_store);
    fail_everywhere(from_store, false, 100, NULL, NULL);
    buf_fini(&none);
}

static void store_and_files_agree(void **state)
{
    (void)state;
    remove_store();
    struct buf none = reference(into_store), files = reference(from_files);
    struct buf store = reference(from_store);
    assert_same(&store, &files, "store", 0);
    assert_non_null(memmem(files.p, files.n, STR("Ada").p, 3));
    buf_fini(&none);
    buf_fini(&files);
    buf_fini(&store);
}

static void short_and_interrupted_reads_give_the_same_answer(void **state)
{
    (void)state;
    struct buf wanted = reference(from_files), out;
    static const int most[] = {1, 7, 4096};
    for (size_t i = 0; i < sizeof most / sizeof most[0]; i++) {
        struct err err = {0};
        faults_short_calls(most[i]);
        if (go(from_files, &out, &err) != OK)
            fail_msg("%d bytes at a time: %s", most[i], err.text);
        assert_true(faults_reads() > (most[i] == 1 ? 10000 : 50));
        faults_none();
        assert_same(&out, &wanted, "bytes at a time:", most[i]);
        buf_fini(&out);
    }
    buf_fini(&wanted);
}

/* A report of what can be read; the number of files that could not be. */
static int64_t files_failed(struct str text)
{
    struct str mark = STR("\"files_failed\": ");
    ptrdiff_t at = str_find(text, mark);
    assert_true(at >= 0);
    return strtoll(text.p + at + (ptrdiff_t)mark.n, NULL, 10);
}

static void reads_and_opens_that_fail_cost_their_files_only(void **state)
{
    (void)state;
    struct buf out = reference(from_files);
    int64_t reads = faults_reads(), opens = faults_opens();
    buf_fini(&out);
    assert_true(reads > 10 && opens > 5);
    for (int64_t n = 0; n < reads + opens; n++) {
        struct err err = {0};
        if (n < reads)
            faults_fail_reads(n, EIO);
        else
            faults_fail_opens(n - reads, n % 2 ? EMFILE : EACCES);
        if (go(from_files, &out, &err) != OK)
            fail_msg("call %lld: %s", (long long)n, err.text);
        /* Only bodies are read after the last file was. */
        if (n == 0 || n == reads)
            assert_true(files_failed(buf_view(&out)) > 0);
        buf_fini(&out);
    }
}

static void a_full_disk_is_told(void **state)
{
    (void)state;
    char path[160];
    struct err err = {0};
    snprintf(path, sizeof path, "%s/written", folder);
    faults_fail_writes(0, ENOSPC);
    assert_int_equal(io_write_file(path, STR("text"), &err), ERR_FULL);
    assert_non_null(strstr(err.text, path));
    assert_non_null(strstr(err.text, "No space left"));
    assert_int_equal(access(path, F_OK), -1);
    faults_none();
    assert_int_equal(io_refresh_file(path, STR("old"), 0600, &err), OK);
    faults_fail_writes(0, ENOSPC);
    assert_int_equal(io_refresh_file(path, STR("text"), 0600, &err), ERR_FULL);
    assert_int_equal(access(path, F_OK), 0);
    strcat(path, ".new");
    assert_int_equal(access(path, F_OK), -1);
    snprintf(path, sizeof path, "%s/sim", folder);
    const struct sim_options o = {
        .dir = path, .users = 1, .days = 1, .start_day = 20727, .records = 20, .body_scale = 1};
    struct sim_report report;
    err = (struct err){0};
    assert_int_equal(sim_run(&o, &report, &err), ERR_FULL);
    assert_non_null(strstr(err.text, path));
    faults_none();
}

static enum status count_one(void *ctx, const struct invocation *v, struct err *err)
{
    (void)err;
    *(int64_t *)ctx += v->tokens[TOKENS_INPUT];
    return OK;
}

/* Offers distinct and repeated invocations, all in one part of the table, so that its file is
 * needed; *tokens are those that count. */
static enum status offer_many(uint64_t limit, int64_t *tokens, struct err *err)
{
    enum { OFFERS = 9000, DISTINCT = 4000 };
    struct dedupe *d = NULL;
    enum status status = dedupe_new(limit, &d, err);
    *tokens = 0;
    for (int i = 0; status == OK && i < OFFERS; i++) {
        uint64_t id = (uint64_t)(i * 7919 % DISTINCT);
        struct invocation v = {.time_us = INT64_C(1790000000000000) + i,
                               .key = {.hi = id << 20, .lo = id * UINT64_C(0x9E3779B97F4A7C15)},
                               .content = id};
        v.tokens[TOKENS_INPUT] = i;
        struct invocation old;
        enum verdict verdict;
        status = dedupe_offer(d, &v, &verdict, &old, err);
        if (status == OK && verdict == VERDICT_REPLACE)
            *tokens -= old.tokens[TOKENS_INPUT];
        if (status == OK && (verdict == VERDICT_NEW || verdict == VERDICT_REPLACE))
            *tokens += v.tokens[TOKENS_INPUT];
    }
    if (status == OK)
        status = dedupe_finish(d, count_one, tokens, err);
    if (status == OK && dedupe_count(d) != DISTINCT)
        fail_msg("%lld distinct", (long long)dedupe_count(d));
    dedupe_free(d);
    return status;
}

static void duplicates_survive_the_failure_of_any_allocation(void **state)
{
    (void)state;
    static const uint64_t limits[] = {0, 4096};
    int64_t wanted, tokens;
    assert_int_equal(offer_many(0, &wanted, NULL), OK);
    for (int i = 0; i < 2; i++) {
        for (int64_t n = 0;; n++) {
            struct err err = {0};
            faults_fail_allocation(n, false);
            enum status status = offer_many(limits[i], &tokens, &err);
            bool reached = faults_allocations() > n;
            faults_none();
            if (status == OK)
                assert_int_equal(tokens, wanted);
            else
                assert_int_equal(status, ERR_NOMEM);
            if (!reached)
                break;
        }
    }
}

static void the_file_of_duplicates_may_come_short_or_full(void **state)
{
    (void)state;
    static const uint64_t limits[] = {0, 4096};
    int64_t wanted, tokens;
    faults_none();
    assert_int_equal(offer_many(0, &wanted, NULL), OK);
    for (int i = 0; i < 2; i++) {
        struct err err = {0};
        faults_short_calls(1000);
        assert_int_equal(offer_many(limits[i], &tokens, &err), OK);
        assert_true(faults_writes() > 0 && faults_reads() > 0);
        assert_int_equal(tokens, wanted);
        faults_fail_writes(0, ENOSPC);
        assert_int_equal(offer_many(limits[i], &tokens, &err), ERR_FULL);
        assert_non_null(strstr(err.text, "No space left"));
        err = (struct err){0};
        faults_fail_reads(0, EIO);
        assert_int_equal(offer_many(limits[i], &tokens, &err), ERR_IO);
        assert_true(err.text[0] != '\0');
        faults_none();
    }
}

static enum status add_calls(void *ctx, const struct session *s)
{
    *(int64_t *)ctx += s->prompts + 100 * (int64_t)s->calls_n + 10000;
    return OK;
}

/* Calls of some sessions, a part of them dropped or never confirmed, through a file; *sum is what
 * the sessions come to. */
static enum status gather_many(uint64_t memory, int64_t *sum, struct err *err)
{
    enum { CALLS = 6000, SESSIONS = 300 };
    const struct sessions_options o = {.fold = {.key = {1, 2}}, .memory = memory};
    struct sessions *s = NULL;
    enum status status = sessions_new(&o, 2, &s, err);
    *sum = 0;
    for (uint64_t i = 0; status == OK && i < CALLS; i++) {
        const struct tool_use use = {.id = i + 1, .input = i % 7, .name = 3};
        const struct exchange x = {.session = i % SESSIONS % 3 ? STR("0198-session") : STR(""),
                                   .kind = i % 5 ? CALL_MAIN : CALL_SUBAGENT,
                                   .prompts = 1,
                                   .messages = (uint32_t)(1 + i / SESSIONS),
                                   .first = i % SESSIONS + 1,
                                   .recent = {i + 1},
                                   .recent_n = 1,
                                   .made = &use,
                                   .made_n = 1};
        const struct invocation v = {.time_us = (int64_t)i * 1000000,
                                     .key = {i, i * UINT64_C(0x9E3779B97F4A7C15)},
                                     .content = i + 1,
                                     .exchange = &x,
                                     .session = i % SESSIONS + 1};
        bool pending = i % 4 == 0;
        status = sessions_put(s, (int)(i % 2), &v, pending ? SESSIONS_PENDING : SESSIONS_SURE, err);
        if (status == OK && pending && i % 8 == 0)
            status = sessions_confirm(s, 0, &v, err);
        if (status == OK && i % 9 == 0)
            status = sessions_drop(s, 1, &v, err);
    }
    if (status == OK)
        status = sessions_each(s, add_calls, sum, err);
    sessions_free(s);
    return status;
}

static void sessions_survive_the_failure_of_any_allocation(void **state)
{
    (void)state;
    static const uint64_t memories[] = {0, 1};
    int64_t wanted, sum;
    faults_none();
    assert_int_equal(gather_many(0, &wanted, NULL), OK);
    for (int i = 0; i < 2; i++) {
        for (int64_t n = 0;; n = next_point(n, 250)) {
            struct err err = {0};
            faults_fail_allocation(n, n % 2);
            enum status status = gather_many(memories[i], &sum, &err);
            bool reached = faults_allocations() > n;
            faults_none();
            if (status == OK)
                assert_int_equal(sum, wanted);
            else if (status != ERR_NOMEM || err.text[0] == '\0')
                fail_msg("allocation %lld: %s: '%s'", (long long)n, status_text(status), err.text);
            if (!reached)
                break;
        }
    }
}

static void the_file_of_sessions_may_come_short_or_full(void **state)
{
    (void)state;
    int64_t wanted, sum;
    faults_none();
    assert_int_equal(gather_many(0, &wanted, NULL), OK);
    faults_short_calls(100);
    assert_int_equal(gather_many(1, &sum, NULL), OK);
    int64_t writes = faults_writes(), reads = faults_reads();
    assert_true(writes > 0 && reads > 0);
    assert_int_equal(sum, wanted);
    faults_none();
    for (int64_t n = 0; n < 6; n++) {
        struct err err = {0};
        faults_fail_writes(n * 300, ENOSPC);
        assert_int_equal(gather_many(1, &sum, &err), ERR_FULL);
        assert_non_null(strstr(err.text, "No space left"));
        err = (struct err){0};
        faults_none();
        faults_fail_reads(n * 300, EIO);
        assert_int_equal(gather_many(1, &sum, &err), ERR_IO);
        assert_non_null(strstr(err.text, "temporary file"));
        faults_none();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(store_and_files_agree),
        cmocka_unit_test(a_report_survives_the_failure_of_any_allocation),
        cmocka_unit_test(a_report_survives_the_end_of_all_memory_at_any_point),
        cmocka_unit_test(an_ingest_survives_the_failure_of_any_allocation),
        cmocka_unit_test(a_question_to_a_store_survives_the_failure_of_any_allocation),
        cmocka_unit_test(short_and_interrupted_reads_give_the_same_answer),
        cmocka_unit_test(reads_and_opens_that_fail_cost_their_files_only),
        cmocka_unit_test(a_full_disk_is_told),
        cmocka_unit_test(duplicates_survive_the_failure_of_any_allocation),
        cmocka_unit_test(the_file_of_duplicates_may_come_short_or_full),
        cmocka_unit_test(sessions_survive_the_failure_of_any_allocation),
        cmocka_unit_test(the_file_of_sessions_may_come_short_or_full),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
