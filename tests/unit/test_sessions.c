/* query/sessions: the calls of a session come together whatever way they came. */
#include "query/sessions.h"

#include "ingest/oneshot.h"
#include "session_fixture.h"

#include <pthread.h>
#include <sys/resource.h>
#include <time.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MANY = 20000 };
#else
enum { MANY = 1000000 };
#endif

static uint64_t random_state = 88172645463325252ULL;

static uint64_t any(uint64_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % below;
}

/* What of all sessions does not depend on their order. */
struct total {
    uint64_t digest;
    size_t sessions, calls;
};

static enum status add_session(void *ctx, const struct session *s)
{
    struct total *t = ctx;
    t->digest += session_digest(s);
    t->sessions++;
    t->calls += s->calls_n;
    return OK;
}

static struct sessions *open_sessions(uint64_t memory, int threads, struct series *series)
{
    const struct sessions_options o = {.series = series, .fold = {.key = {3, 4}}, .memory = memory};
    struct sessions *s;
    assert_int_equal(sessions_new(&o, threads, &s, NULL), OK);
    return s;
}

static struct total total_of(struct sessions *s)
{
    struct total t = {0};
    struct err err = {0};
    if (sessions_each(s, add_session, &t, &err) != OK)
        fail_msg("%s", err.text);
    return t;
}

static void put(struct sessions *s, const struct session_call *c, enum sessions_how how)
{
    assert_int_equal(sessions_put(s, 0, &c->v, how, NULL), OK);
}

static struct session_call *main_call(struct made_calls *c, int64_t second, uint64_t message)
{
    struct talk t = {.message = {message}, .n = 1};
    return add_call(c, second, CALL_MAIN, &t);
}

static void what_is_dropped_does_not_count(void **state)
{
    (void)state;
    struct made_calls c = {0};
    for (int i = 0; i < 4; i++)
        main_call(&c, i, (uint64_t)i + 1);
    struct sessions *s = open_sessions(0, 1, NULL);
    assert_int_equal(sessions_drop(s, 0, &c.v[2].v, NULL), OK); /* also before it is put */
    for (int i = 0; i < 3; i++)
        put(s, &c.v[i], SESSIONS_SURE);
    assert_int_equal(sessions_drop(s, 0, &c.v[1].v, NULL), OK);
    struct invocation other = c.v[0].v;
    other.content++; /* another record of the same call */
    assert_int_equal(sessions_drop(s, 0, &other, NULL), OK);
    assert_int_equal(total_of(s).calls, 1);
    struct invocation name = {.key = c.v[0].v.key, .content = c.v[0].v.content, .session = 5};
    assert_int_equal(sessions_drop(s, 0, &name, NULL), OK); /* key, content, session are enough */
    assert_int_equal(total_of(s).calls, 0);
    sessions_free(s);
}

/* A record without a usable time has that of its delivery: two copies differ in nothing else. */
static void of_copies_that_differ_in_time_only_the_one_dropped_goes(void **state)
{
    (void)state;
    struct made_calls c = {0};
    main_call(&c, 10, 1);
    struct session_call later = c.v[0];
    later.v.time_us += 5;
    struct sessions *s = open_sessions(0, 1, NULL);
    put(s, &later, SESSIONS_SURE);
    assert_int_equal(sessions_drop(s, 0, &later.v, NULL), OK);
    put(s, &c.v[0], SESSIONS_SURE);
    struct folded *f = folded_calls();
    f->n = 0;
    assert_int_equal(sessions_each(s, keep_session, f, NULL), OK);
    assert_int_equal(f->n, 1);
    assert_true(f->v[0].first_us == 10 * SECOND_US && f->v[0].calls_n == 1);
    sessions_free(s);
}

static void what_is_pending_counts_when_it_is_confirmed(void **state)
{
    (void)state;
    struct made_calls c = {0};
    for (int i = 0; i < 3; i++)
        main_call(&c, i, (uint64_t)i + 1);
    struct sessions *s = open_sessions(0, 1, NULL);
    assert_int_equal(sessions_confirm(s, 0, &c.v[0].v, NULL), OK);
    for (int i = 0; i < 3; i++)
        put(s, &c.v[i], SESSIONS_PENDING);
    assert_int_equal(total_of(s).calls, 1);
    put(s, &c.v[2], SESSIONS_PENDING);
    assert_int_equal(sessions_confirm(s, 0, &c.v[2].v, NULL), OK);
    assert_int_equal(total_of(s).calls, 2);
    sessions_free(s);
}

static void several_puts_of_one_record_are_one_call(void **state)
{
    (void)state;
    struct made_calls c = {0};
    main_call(&c, 1, 1);
    struct sessions *s = open_sessions(0, 3, NULL);
    for (int i = 0; i < 3; i++)
        assert_int_equal(sessions_put(s, i, &c.v[0].v, SESSIONS_SURE, NULL), OK);
    struct total t = total_of(s);
    assert_true(t.sessions == 1 && t.calls == 1);
    sessions_free(s);
}

static void what_has_no_session_is_passed_over(void **state)
{
    (void)state;
    struct made_calls c = {0};
    main_call(&c, 1, 1)->v.session = 0;
    main_call(&c, 1, 1)->v.exchange = NULL;
    struct sessions *s = open_sessions(0, 1, NULL);
    put(s, &c.v[0], SESSIONS_SURE);
    put(s, &c.v[1], SESSIONS_SURE);
    assert_int_equal(sessions_drop(s, 0, &c.v[0].v, NULL), OK);
    assert_int_equal(total_of(s).sessions, 0);
    assert_int_equal(sessions_spilled(s), 0);
    sessions_free(s);
}

/* The hash of a session is 64 bits: who found two that collide must not join what others said. */
static void a_collision_of_hashes_joins_neither_ids_nor_principals(void **state)
{
    (void)state;
    struct symbols *symbols;
    struct series *series;
    uint32_t ids[2];
    assert_int_equal(symbols_new(&symbols, NULL), OK);
    assert_int_equal(series_new(symbols, &series, NULL), OK);
    for (int i = 0; i < 2; i++) {
        struct labels l = {0};
        assert_int_equal(
            symbols_intern(symbols, i ? STR("arn:b") : STR("arn:a"), &l.v[LABEL_PRINCIPAL]), OK);
        assert_int_equal(series_intern(series, &l, &ids[i]), OK);
    }
    struct made_calls c = {0};
    for (int i = 0; i < 12; i++) {
        struct session_call *call = main_call(&c, i, (uint64_t)i + 1);
        call->v.series = ids[i % 2];
        exchange_in(call)->session = i % 3 ? STR("x") : STR("y");
    }
    struct sessions *s = open_sessions(0, 1, series);
    for (int i = 0; i < 12; i++)
        put(s, &c.v[i], SESSIONS_SURE);
    struct total t = total_of(s);
    assert_int_equal(t.sessions, 4);
    assert_int_equal(t.calls, 12);
    sessions_free(s);
    series_free(series);
    symbols_free(symbols);
}

/* --- any order, any number of copies and threads, any memory --- */

enum { CALLS = 2500, COPIES = 3, HASHES = 90 };

static struct made_calls population(void)
{
    static const struct str ids[] = {{"", 0}, {"0b7d6a39-1111-4222-8333-444455556666", 36}};
    struct made_calls c = {0};
    for (uint64_t i = 0; i < CALLS; i++) {
        /* One session is far larger than the others. */
        uint64_t session = any(3) ? 1 + any(HASHES) : 1;
        struct talk t = {.message = {session}, .n = 1 + (uint32_t)any(9)};
        for (uint32_t k = 1; k < t.n; k++)
            t.message[k] = session * 100 + k;
        struct session_call *call =
            add_call(&c, (int64_t)any(5000), any(3) ? CALL_MAIN : CALL_SUBAGENT, &t);
        struct exchange *x = exchange_in(call);
        x->session = ids[session % 2];
        x->prompts = (uint32_t)any(2);
        call->v.session = session;
        call->v.key = hash128((struct hash_key){5, 6}, &i, sizeof i);
        for (uint64_t k = any(3); k > 0; k--)
            makes(call, tool(any(1000), (uint32_t)any(9), any(3)));
    }
    return c;
}

/* Copy k of a call: sometimes the same, sometimes with larger counts; some have no bodies. */
static struct invocation copy_of(const struct made_calls *c, int i, int k)
{
    struct invocation v = c->v[i].v;
    v.tokens[TOKENS_INPUT] = 10 + (i % 3 == 0 ? k : 0);
    v.cost[TOKENS_INPUT] = v.tokens[TOKENS_INPUT] * 5;
    v.list_cost = v.cost[TOKENS_INPUT];
    v.content = (uint64_t)i * 1000 + (uint64_t)(i % 3 == 0 ? k : 0);
    v.latency_ms = v.first_byte_ms = LATENCY_UNKNOWN;
    if (i % 3 == 0 && k == i % 7) { /* also the one that wins */
        v.exchange = NULL;
        v.session = 0;
    }
    return v;
}

static struct total expected(const struct made_calls *c)
{
    struct total t = {0};
    const struct session_options options = {.key = {3, 4}};
    struct session_call *calls = calloc(CALLS, sizeof *calls);
    for (uint64_t session = 1; session <= HASHES; session++) {
        struct arena arena;
        size_t n = 0;
        for (int i = 0; i < CALLS; i++) {
            struct invocation v = copy_of(c, i, COPIES - 1);
            if (v.session == session)
                calls[n++] = (struct session_call){.v = v};
        }
        arena_init(&arena);
        assert_int_equal(session_fold(calls, n, &options, &arena, add_session, &t, NULL), OK);
        arena_fini(&arena);
    }
    free(calls);
    return t;
}

struct job {
    struct dedupe *d;
    struct sessions *s;
    const struct made_calls *c;
    const int *order;
    int worker, from, to;
};

static void *run_job(void *arg)
{
    const struct job *j = arg;
    for (int i = j->from; i < j->to; i++) {
        struct invocation v = copy_of(j->c, j->order[i] / COPIES, j->order[i] % COPIES), old;
        enum verdict verdict;
        assert_int_equal(dedupe_offer(j->d, &v, &verdict, &old, NULL), OK);
        assert_int_equal(oneshot_gather(j->s, j->worker, &v, verdict, &old, NULL), OK);
    }
    return NULL;
}

static enum status confirm(void *ctx, const struct invocation *v, struct err *err)
{
    return sessions_confirm(ctx, 0, v, err);
}

static void check(const struct made_calls *c, struct total wanted, int threads,
                  uint64_t dedupe_limit, uint64_t memory)
{
    enum { OFFERS = CALLS * COPIES, THREADS = 4 };
    int *order = malloc(sizeof(int) * OFFERS);
    for (int i = 0; i < OFFERS; i++)
        order[i] = i;
    for (int i = OFFERS - 1; i > 0; i--) {
        int j = (int)any((uint64_t)i + 1), swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
    struct dedupe *d;
    struct sessions *s = open_sessions(memory, threads, NULL);
    struct job jobs[THREADS];
    pthread_t ids[THREADS];
    assert_int_equal(dedupe_new(dedupe_limit, &d, NULL), OK);
    for (int i = 0; i < threads; i++) {
        jobs[i] = (struct job){d, s, c, order, i, OFFERS / threads * i, OFFERS / threads * (i + 1)};
        pthread_create(&ids[i], NULL, run_job, &jobs[i]);
    }
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    assert_int_equal(dedupe_finish(d, confirm, s, NULL), OK);
    for (int again = 0; again < 2; again++) {
        struct total t = total_of(s);
        assert_int_equal(t.sessions, wanted.sessions);
        assert_int_equal(t.calls, wanted.calls);
        assert_true(t.digest == wanted.digest);
    }
    if (memory == 1)
        assert_true(sessions_spilled(s) > 0);
    sessions_free(s);
    dedupe_free(d);
    free(order);
}

static void any_order_threads_and_memory_give_the_same_sessions(void **state)
{
    (void)state;
    static const uint64_t memories[] = {0, 1, 20 << 10, 200 << 10};
    struct made_calls c = population();
    struct total wanted = expected(&c);
    assert_true(wanted.sessions > 80 && wanted.calls > 2000);
    for (int threads = 1; threads <= 4; threads *= 2)
        for (size_t k = 0; k < sizeof memories / sizeof memories[0]; k++)
            for (int tiny = 0; tiny < 2; tiny++)
                check(&c, wanted, threads, tiny ? 1 : 0, memories[k]);
}

/* A session like those of Claude Code: an id, a growing history, a tool or two per answer. */
static void fill_usual(uint64_t i, struct exchange *x, struct tool_use *uses, struct invocation *v)
{
    enum { CALLS_EACH = 50 };
    uint64_t session = i / CALLS_EACH, step = i % CALLS_EACH;
    static char id[40];
    snprintf(id, sizeof id, "%08x-0000-4000-8000-000000000000", (unsigned)session);
    *x = (struct exchange){.session = str_of(id, 36),
                           .kind = CALL_MAIN,
                           .flags = step ? EX_HISTORY | EX_RECOGNISED : EX_RECOGNISED,
                           .repository = 900,
                           .offer = 5000,
                           .messages = (uint32_t)(1 + 2 * step),
                           .tail = 1,
                           .prompts = step % 8 == 0,
                           .history_prompts = (uint32_t)(1 + step / 8),
                           .first = session + 1,
                           .opening = session + 2,
                           .system = 77,
                           .recent_n = step > 3 ? EXCHANGE_RECENT : (uint32_t)(1 + 2 * step),
                           .part = {27000, 50000, 2000, 4752, 1834, 500, 660, 300, 92, 3000, 40000},
                           .made = uses,
                           .made_n = 1,
                           .earlier = uses + 1,
                           .earlier_n = step > 0};
    for (uint32_t k = 0; k < x->recent_n; k++)
        x->recent[k] = (session << 20) + x->messages - x->recent_n + k + 1;
    uses[0] = (struct tool_use){.id = i + 2, .input = i * 77, .name = 300 + i % 9};
    uses[1] = (struct tool_use){.id = i + 1, .input = i * 77 - 77, .name = 300, .answered = true};
    *v = (struct invocation){.time_us = INT64_C(1790000000000000) + (int64_t)i * 300000,
                             .key = hash128((struct hash_key){5, 6}, &i, sizeof i),
                             .content = i * 0x9E3779B97F4A7C15,
                             .series = (uint32_t)(i % 1000),
                             .tokens = {20, 400, 90000, 3000},
                             .cost = {60000000, 6000000000, 27000000000, 11250000000},
                             .list_cost = INT64_C(44310000000),
                             .latency_ms = 9000,
                             .first_byte_ms = 1200,
                             .exchange = x,
                             .session = session * 0xD6E8FEB86659FD93 + 1};
}

static long peak_kb(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_maxrss;
}

static void memory_is_bounded_and_sessions_come_whole(void **state)
{
    (void)state;
    static const uint64_t memories[] = {8 << 20, 0};
    for (int m = 0; m < 2; m++) {
        struct sessions *s = open_sessions(memories[m], 2, NULL);
        struct exchange x;
        struct tool_use uses[2];
        struct invocation v;
        clock_t start = clock();
        long before = peak_kb();
        for (uint64_t i = 0; i < MANY; i++) { /* all sessions at once */
            fill_usual(i * 7919 % MANY, &x, uses, &v);
            assert_int_equal(sessions_put(s, (int)(i % 2), &v, SESSIONS_SURE, NULL), OK);
        }
        clock_t middle = clock();
        struct total t = total_of(s);
        clock_t end = clock();
        print_message("# %d calls: %llu bytes each in the file, %lld ms in, %lld ms out, "
                      "%llu KiB counted, %ld KiB more resident\n",
                      (int)MANY, (unsigned long long)(sessions_spilled(s) / MANY),
                      (long long)(middle - start) * 1000 / CLOCKS_PER_SEC,
                      (long long)(end - middle) * 1000 / CLOCKS_PER_SEC,
                      (unsigned long long)sessions_memory(s) >> 10, peak_kb() - before);
        assert_int_equal(t.sessions, MANY / 50);
        assert_int_equal(t.calls, MANY);
        uint64_t memory = memories[m] ? memories[m] : 32 << 20;
        assert_true(sessions_memory(s) < memory * 3 / 2 + (1 << 20));
        sessions_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_dropped_does_not_count),
        cmocka_unit_test(of_copies_that_differ_in_time_only_the_one_dropped_goes),
        cmocka_unit_test(what_is_pending_counts_when_it_is_confirmed),
        cmocka_unit_test(several_puts_of_one_record_are_one_call),
        cmocka_unit_test(what_has_no_session_is_passed_over),
        cmocka_unit_test(a_collision_of_hashes_joins_neither_ids_nor_principals),
        cmocka_unit_test(memory_is_bounded_and_sessions_come_whole),
        cmocka_unit_test(any_order_threads_and_memory_give_the_same_sessions),
    };
    return cmocka_run_group_tests(tests, NULL, forget_calls);
}
