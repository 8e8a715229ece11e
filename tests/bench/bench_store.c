/*
 * The store alone: how fast it takes invocations in order of time and how fast the stored questions
 * are answered. Not built by default:
 *
 *     ninja -C build libassay-core.a
 *     cc -O2 -std=c17 -D_GNU_SOURCE -Isrc tests/bench/bench_store.c build/libassay-core.a \
 *        $(pkg-config --cflags --libs sqlite3 libcyaml libisal libdeflate simdjson) -lstdc++
 * -lpthread -o bench_store
 *     ./bench_store FILE INVOCATIONS DAYS PEOPLE [BATCH [content]]
 *                                   makes the store, with `content` exchanges in it, and asks
 *     ./bench_store FILE                                     asks an existing one
 */
#include "base/clock.h"
#include "base/zone.h"
#include "model/cost.h"
#include "query/answer.h"
#include "store/store.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { PER_PERSON = 10 };
#define START (INT64_C(1735689600) * US_PER_SECOND) /* 2025-01-01 */

static uint64_t state = 88172645463325252u;
static uint64_t rnd(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void need(enum status status, const struct err *err)
{
    if (status == OK)
        return;
    fprintf(stderr, "bench_store: %s\n", err->text);
    exit(1);
}

static uint32_t label(struct series *series, const char *fmt, ...) PRINTF_LIKE(2, 3);
static uint32_t label(struct series *series, const char *fmt, ...)
{
    char text[128];
    uint32_t id = 0;
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    need(symbols_intern(series_symbols(series), str_of(text, (size_t)len), &id), NULL);
    return id;
}

/* Ten series a person: models, Regions, now and then an error. */
static void make_series(struct series *series, unsigned people)
{
    for (unsigned i = 0; i < people * PER_PERSON; i++) {
        unsigned kind = i % PER_PERSON;
        struct labels l = {0};
        l.v[LABEL_ACCOUNT] = label(series, "11112222%04u", i / PER_PERSON % 7);
        l.v[LABEL_REGION] = label(series, "us-east-%u", kind % 2 + 1);
        l.v[LABEL_PRINCIPAL] =
            label(series,
                  "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Dev_0123456789abcdef/"
                  "person.%u@example.com",
                  i / PER_PERSON);
        l.v[LABEL_MODEL_ID] = label(series, "us.anthropic.claude-model-%u-v1:0", kind / 2);
        l.v[LABEL_MODEL] = label(series, "anthropic.claude-model-%u-v1:0", kind / 2);
        l.v[LABEL_SCOPE] = label(series, "geo");
        l.v[LABEL_OPERATION] = label(series, "InvokeModelWithResponseStream");
        l.v[LABEL_OUTCOME] = label(series, "%s", kind == 9 ? "unpriced" : "priced");
        if (kind == 8)
            l.v[LABEL_ERROR] = label(series, "ThrottlingException");
        if (kind == 9)
            l.v[LABEL_REASON] = label(series, "no price for this model");
        uint32_t id;
        need(series_intern(series, &l, &id), NULL);
    }
}

static void make_invocation(struct invocation *v, int64_t time_us, uint32_t series_n)
{
    /* People and their series are used unevenly: the product of two dice. */
    uint32_t person = (uint32_t)(rnd() % 1000 * (rnd() % 1000) * (series_n / PER_PERSON) / 1000000);
    uint32_t kind = (uint32_t)(rnd() % 11 * (rnd() % 11) / 11);
    *v = (struct invocation){.time_us = time_us / US_PER_SECOND * US_PER_SECOND,
                             .key = {rnd(), rnd()},
                             .content = rnd(),
                             .series = person * PER_PERSON + kind,
                             .latency_ms = (int32_t)(rnd() % 20000),
                             .first_byte_ms = LATENCY_UNKNOWN,
                             .flags = kind == 8 ? INV_ERROR : INV_INPUT_BODY | INV_OUTPUT_BODY,
                             .outcome = kind == 9 ? OUTCOME_UNPRICED : OUTCOME_PRICED};
    v->tokens[TOKENS_INPUT] = (int64_t)(rnd() % 3000);
    v->tokens[TOKENS_OUTPUT] = (int64_t)(rnd() % 2000);
    v->tokens[TOKENS_CACHE_READ] = (int64_t)(rnd() % 150000);
    v->tokens[TOKENS_CACHE_WRITE_5M] = (int64_t)(rnd() % 8000);
    for (int i = 0; kind != 9 && i < TOKEN_CLASSES; i++) {
        v->cost[i] = v->tokens[i] * 300000 * (i + 1);
        v->list_cost += v->cost[i];
    }
}

/* Everybody is in one session at a time, a new one after some 100 calls. */
struct talk {
    struct exchange x;
    struct tool_use made[2], earlier[2];
    char id[40];
    uint64_t session;
};

static struct talk *talks;
static uint32_t tools[40], servers[10], repositories[300], offers[2000];

static void make_names(struct series *series)
{
    for (unsigned i = 0; i < 40; i++)
        tools[i] = label(series, "tool_number_%u", i);
    for (unsigned i = 0; i < 10; i++)
        servers[i] = label(series, "server-%u", i);
    for (unsigned i = 0; i < 300; i++)
        repositories[i] = label(series, "%016x", i * 2654435761u);
    struct buf text;
    buf_init(&text, 1 << 16);
    for (unsigned i = 0; i < 2000; i++) {
        buf_reset(&text);
        for (unsigned j = 0; j < 8; j++)
            buf_printf(&text, "m\tserver-%u\t%u\t%u\t%u\t%u\t%u\n", j, i % (j + 7), 20u,
                       i % (j + 7) * 300, 900u, 1863u);
        for (unsigned j = 0; j < 50; j++)
            buf_printf(&text, "s\tsome-plugin:skill-number-%u\n", (i / 20 + j) % 150);
        need(symbols_intern(series_symbols(series), buf_view(&text), &offers[i]), NULL);
    }
    buf_fini(&text);
}

static void new_session(struct talk *t, uint32_t person)
{
    *t = (struct talk){.session = rnd() | 1};
    int n = snprintf(t->id, sizeof t->id, "%08x-%04x-4%03x-a%03x-%012llx", (unsigned)rnd(),
                     (unsigned)rnd() & 0xffff, (unsigned)rnd() & 0xfff, (unsigned)rnd() & 0xfff,
                     (unsigned long long)rnd() & 0xffffffffffff);
    t->x = (struct exchange){
        .session = str_of(t->id, (size_t)n),
        .kind = CALL_MAIN,
        .flags = EX_RECOGNISED,
        .repository = repositories[(person + rnd() % 3) % 300],
        .offer = offers[rnd() % 2000],
        .first = rnd(),
        .opening = rnd(),
        .system = person,
        .part = {27642, 55267, 1863, 4752, 2428, 526, 660, 300, 83},
        .made = t->made,
        .earlier = t->earlier,
    };
}

static void next_call(struct talk *t)
{
    struct exchange *x = &t->x;
    x->messages += x->messages ? 2 : 1;
    x->flags |= x->messages > 1 ? EX_HISTORY : 0u;
    x->tail = 1;
    x->prompts = rnd() % 6 == 0;
    x->history_prompts += x->prompts;
    for (unsigned i = 0; i < (x->messages > 1 ? 2u : 1u); i++) {
        if (x->recent_n == EXCHANGE_RECENT)
            for (unsigned j = 1; j < EXCHANGE_RECENT; j++)
                x->recent[j - 1] = x->recent[j];
        x->recent_n += x->recent_n < EXCHANGE_RECENT;
        x->recent[x->recent_n - 1] = rnd();
    }
    x->part[PART_USER] = (uint32_t)(rnd() % 300);
    x->part[PART_RESULTS] = (uint32_t)(rnd() % 4000);
    x->part[PART_HISTORY] += x->part[PART_RESULTS] + 500;
    x->earlier_n = x->made_n;
    for (unsigned i = 0; i < x->made_n; i++) {
        t->earlier[i] = t->made[i];
        t->earlier[i].answered = true;
    }
    x->made_n = (uint32_t)(rnd() % 10 == 0 ? 0 : rnd() % 8 == 0 ? 2 : 1);
    for (unsigned i = 0; i < x->made_n; i++) {
        bool mcp = rnd() % 8 == 0;
        t->made[i] = (struct tool_use){rnd(),
                                       rnd(),
                                       mcp ? servers[rnd() % 10] : 0,
                                       tools[rnd() % 40],
                                       mcp ? TOOL_MCP : TOOL_BUILTIN,
                                       false,
                                       false};
    }
}

/* Processor time of this process: what counts on a machine that has other work. */
static int64_t cpu_us(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * US_PER_SECOND + use.ru_utime.tv_usec +
           use.ru_stime.tv_usec;
}

/* The exchange of the next call of a person, copied as ingest does. */
static void converse(struct invocation *v, uint32_t person, struct arena *arena)
{
    struct talk *t = &talks[person];
    struct exchange *x = arena_alloc(arena, sizeof *x);
    if (!t->session || rnd() % 100 == 0)
        new_session(t, person);
    next_call(t);
    need(x ? exchange_copy(&t->x, arena, x) : ERR_NOMEM, NULL);
    v->exchange = x;
    v->session = t->session;
}

static void fill(const char *path, int64_t n, int64_t days, unsigned people, int64_t batch,
                 bool content)
{
    struct err err = {0};
    struct store *s;
    struct symbols *symbols;
    struct series *series;
    need(symbols_new(&symbols, &err), &err);
    need(series_new(symbols, &series, &err), &err);
    make_series(series, people);
    struct arena arena = {0};
    if (content)
        make_names(series);
    talks = content ? calloc(people, sizeof *talks) : NULL;
    need(store_open(path, STORE_WRITE, &s, &err), &err);
    enum { CHUNK = 8192 };
    struct invocation *v = malloc(CHUNK * sizeof *v);
    int64_t spent = 0, cpu = 0, begun = clock_monotonic_us(), in_batch = 0, mark = 0;
    need(store_begin(s, &err), &err);
    for (int64_t done = 0; done < n;) {
        size_t m = n - done < CHUNK ? (size_t)(n - done) : CHUNK;
        arena_reset(&arena);
        for (size_t i = 0; i < m; i++) {
            make_invocation(
                &v[i], START + (int64_t)((__int128)(done + (int64_t)i) * days * US_PER_DAY / n),
                series_count(series));
            if (content)
                converse(&v[i], v[i].series / PER_PERSON, &arena);
        }
        int64_t t = clock_monotonic_us(), c = cpu_us();
        need(store_put(s, series, v, m, &err), &err);
        in_batch += (int64_t)m;
        done += (int64_t)m;
        if (in_batch >= batch || done == n) {
            need(store_commit(s, &err), &err);
            in_batch = 0;
            if (done < n)
                need(store_begin(s, &err), &err);
        }
        spent += clock_monotonic_us() - t;
        cpu += cpu_us() - c;
        if (done / 1000000 > (done - (int64_t)m) / 1000000) {
            printf("%8lld: %.0f invocations/s\n", (long long)done,
                   1e6 / ((double)(spent - mark) / 1e6));
            mark = spent;
        }
    }
    printf("%lld invocations in %.2f s: %.0f/s; processor %.2f s: %.0f/s (all %.2f s)\n",
           (long long)n, (double)spent / 1e6, (double)n * 1e6 / (double)spent, (double)cpu / 1e6,
           (double)n * 1e6 / (double)cpu, (double)(clock_monotonic_us() - begun) / 1e6);
    int64_t t = clock_monotonic_us();
    store_close(s);
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    printf("close %.2f s, peak memory %ld MB\n", (double)(clock_monotonic_us() - t) / 1e6,
           use.ru_maxrss / 1024);
    free(v);
    free(talks);
    arena_fini(&arena);
    series_free(series);
    symbols_free(symbols);
}

struct heard {
    int64_t calls, bare, bytes, uses;
};

static enum status hear(void *ctx, const struct invocation *v, struct err *err)
{
    (void)err;
    struct heard *h = ctx;
    h->calls++;
    h->bytes += exchange_bytes(v->exchange);
    h->uses += v->exchange->made_n;
    return OK;
}

static enum status hear_bare(void *ctx, const struct invocation *v, struct err *err)
{
    (void)v;
    (void)err;
    ((struct heard *)ctx)->bare++;
    return OK;
}

static void ask_calls(const char *path)
{
    struct err err = {0};
    struct store *s;
    struct symbols *symbols;
    struct series *series;
    need(store_open(path, STORE_READ, &s, &err), &err);
    need(symbols_new(&symbols, &err), &err);
    need(series_new(symbols, &series, &err), &err);
    need(store_load_series(s, series, &err), &err);
    static const int64_t days[] = {1, 30, 400};
    for (size_t i = 0; i < 3; i++) {
        struct heard h = {0};
        int64_t cpu = cpu_us();
        need(store_calls(s, START, START + days[i] * US_PER_DAY, hear, hear_bare, &h, &err), &err);
        cpu = cpu_us() - cpu;
        printf("store_calls of %lld days: %lld calls, %lld without an exchange, %lld uses, %lld MB "
               "of requests; processor %.3f s, %.0f calls/s\n",
               (long long)days[i], (long long)h.calls, (long long)h.bare, (long long)h.uses,
               (long long)h.bytes >> 20, (double)cpu / 1e6,
               (double)(h.calls + bare) * 1e6 / (double)(cpu ? cpu : 1));
    }
    series_free(series);
    symbols_free(symbols);
    store_close(s);
}

/* Returns the time in all. */
static int64_t ask(const char *path, const char *name, const char *since, const char *until,
                   bool print)
{
    struct err err = {0};
    int64_t t[6] = {clock_monotonic_us()};
    struct store *s;
    struct symbols *symbols;
    struct series *series;
    struct question q;
    struct plan *plan;
    struct plan_view *view;
    struct cube *cube;
    struct about about;
    struct answer *answer;
    need(store_open(path, STORE_READ, &s, &err), &err);
    need(symbols_new(&symbols, &err), &err);
    need(series_new(symbols, &series, &err), &err);
    question_init(&q);
    need(question_named(&q, str_from(name), &err), &err);
    if (since)
        need(question_set(&q, STR("since"), str_from(since), &err), &err);
    if (until)
        need(question_set(&q, STR("until"), str_from(until), &err), &err);
    need(question_finish(&q, START + 400 * US_PER_DAY, &err), &err);
    t[1] = clock_monotonic_us();
    need(store_load_series(s, series, &err), &err);
    t[2] = clock_monotonic_us();
    need(plan_new(&q, series, NULL, &plan, &err), &err);
    need(plan_view_new(plan, &view, &err), &err);
    need(cube_new(&cube, &err), &err);
    need(store_fill(s, plan, view, cube, &err), &err);
    t[3] = clock_monotonic_us();
    need(store_about(s, &about, &err), &err);
    t[4] = clock_monotonic_us();
    need(answer_new(plan, cube, &about, STR(""), &answer, &err), &err);
    t[5] = clock_monotonic_us();
    if (print)
        printf(
            "  %-9s open %5.1f  series %5.1f  fill %6.1f  about %4.1f  answer %5.1f  all %6.1f ms"
            "  (%zu cells, %zu rows)\n",
            name, (double)(t[1] - t[0]) / 1e3, (double)(t[2] - t[1]) / 1e3,
            (double)(t[3] - t[2]) / 1e3, (double)(t[4] - t[3]) / 1e3, (double)(t[5] - t[4]) / 1e3,
            (double)(t[5] - t[0]) / 1e3, cube_cells(cube), answer->rows_n);
    answer_free(answer);
    cube_free(cube);
    plan_view_free(view);
    plan_free(plan);
    question_fini(&q);
    series_free(series);
    symbols_free(symbols);
    store_close(s);
    return t[5] - t[0];
}

/* The fastest of five, and the parts of the last one. */
static void ask_again(const char *path, const char *name, const char *since, const char *until)
{
    int64_t best = INT64_MAX;
    for (int i = 0; i < 5; i++) {
        int64_t us = ask(path, name, since, until, i == 4);
        best = us < best ? us : best;
    }
    printf("            fastest of five %.1f ms\n", (double)best / 1e3);
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc < 5) {
        fprintf(stderr, "usage: bench_store FILE [INVOCATIONS DAYS PEOPLE [BATCH [content]]]\n");
        return 2;
    }
    if (argc > 2)
        fill(argv[1], atoll(argv[2]), atoll(argv[3]), (unsigned)atoi(argv[4]),
             argc > 5 ? atoll(argv[5]) : 131072, argc > 6);
    ask_calls(argv[1]);
    static const char *const zones[] = {"UTC", "Europe/Berlin", "Asia/Kolkata"};
    static const char *const periods[][2] = {
        {NULL, NULL},
        {"2025-01-01T07:31:12Z", "2025-12-20T19:12:45Z"},
        {"2025-01-05T01:31:12Z", "2025-01-30T22:42:45Z"},
    };
    static const char *const names[] = {"overview", "people",   "teams",  "models",
                                        "regions",  "profiles", "errors", "unpriced"};
    for (size_t z = 0; z < 3; z++) {
        need(zone_set(zones[z], NULL), NULL);
        for (size_t p = 0; p < 3; p++) {
            printf("%s, %s\n", zones[z], periods[p][0] ? periods[p][0] : "everything");
            for (size_t i = 0; i < 8; i++)
                ask_again(argv[1], names[i], periods[p][0], periods[p][1]);
        }
    }
    return 0;
}
