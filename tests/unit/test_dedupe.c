/* ingest/dedupe: any order, any number of copies and threads, any memory: the same result. */
#include "ingest/dedupe.h"

#include "unit.h"

#include <pthread.h>
#include <stdlib.h>

enum { KEYS = 20000, MANY_KEYS = 150000, COPIES = 3 };

static uint64_t random_state = 88172645463325252ULL;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static struct hash128 key_of(int i)
{
    return hash128((struct hash_key){5, 6}, &i, sizeof i);
}

/* Copy c of key i: later copies have larger counts for a third of the keys. */
static struct invocation copy_of(int i, int c)
{
    struct invocation v = {.time_us = 1000 + i, .key = key_of(i), .content = (uint64_t)i};
    v.tokens[TOKENS_INPUT] = i % 3 == 0 ? i * c : i;
    v.cost[TOKENS_INPUT] = v.tokens[TOKENS_INPUT] * 7;
    v.list_cost = v.cost[TOKENS_INPUT];
    v.latency_ms = v.first_byte_ms = LATENCY_UNKNOWN;
    return v;
}

static int64_t expected_sum(int keys)
{
    int64_t sum = 0;
    for (int i = 0; i < keys; i++)
        sum += copy_of(i, COPIES - 1).tokens[TOKENS_INPUT];
    return sum;
}

struct tally {
    int64_t n, sum;
};

static enum status count(void *ctx, const struct invocation *v, struct err *err)
{
    (void)err;
    struct tally *t = ctx;
    t->n++;
    t->sum += v->tokens[TOKENS_INPUT];
    return OK;
}

static void offer(struct dedupe *d, const struct invocation *v, struct tally *t)
{
    enum verdict verdict;
    struct invocation old;
    assert_int_equal(dedupe_offer(d, v, &verdict, &old, NULL), OK);
    if (verdict == VERDICT_REPLACE) {
        t->n--;
        t->sum -= old.tokens[TOKENS_INPUT];
    }
    if (verdict == VERDICT_NEW || verdict == VERDICT_REPLACE)
        count(t, v, NULL);
}

static int *shuffled(int keys)
{
    int *order = malloc(sizeof(int) * (size_t)keys * COPIES);
    for (int i = 0; i < keys * COPIES; i++)
        order[i] = i;
    for (int i = keys * COPIES - 1; i > 0; i--) {
        int j = (int)(next_random() % (uint64_t)(i + 1)), swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
    return order;
}

static void check(int keys, uint64_t memory)
{
    struct dedupe *d;
    struct tally t = {0, 0};
    int *order = shuffled(keys);
    assert_int_equal(dedupe_new(memory, &d, NULL), OK);
    for (int i = 0; i < keys * COPIES; i++) {
        struct invocation v = copy_of(order[i] / COPIES, order[i] % COPIES);
        offer(d, &v, &t);
    }
    assert_int_equal(dedupe_finish(d, count, &t, NULL), OK);
    assert_int_equal(t.n, keys);
    assert_int_equal(t.sum, expected_sum(keys));
    assert_int_equal(dedupe_count(d), keys);
    dedupe_free(d);
    free(order);
}

static void rule_45_any_order_ends_with_the_larger_counts(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++)
        check(KEYS, 0);
}

static void past_the_memory_limit_the_result_is_the_same(void **state)
{
    (void)state;
    check(KEYS, 1);
    check(KEYS, 100 << 10);
    check(KEYS, 400 << 10);
    check(MANY_KEYS, 1); /* so many that they are sorted out in more than one pass */
}

static void the_table_needs_about_twenty_bytes_a_key(void **state)
{
    (void)state;
    enum { MANY = 400000 };
    struct dedupe *d;
    struct tally t = {0, 0};
    assert_int_equal(dedupe_new(0, &d, NULL), OK);
    uint64_t worst = 0;
    for (int i = 0; i < MANY; i++) {
        struct invocation v = copy_of(i, 0);
        offer(d, &v, &t);
        if (i > 100000 && dedupe_memory(d) * 100 / (uint64_t)(i + 1) > worst)
            worst = dedupe_memory(d) * 100 / (uint64_t)(i + 1);
    }
    assert_true(worst <= 2400); /* at its emptiest, right after growing */
    assert_true(dedupe_memory(d) / MANY <= 22);
    dedupe_free(d);
}

struct job {
    struct dedupe *d;
    const int *order;
    int from, to;
    struct tally t;
};

static void *run_job(void *arg)
{
    struct job *j = arg;
    for (int i = j->from; i < j->to; i++) {
        struct invocation v = copy_of(j->order[i] / COPIES, j->order[i] % COPIES);
        offer(j->d, &v, &j->t);
    }
    return NULL;
}

static void threads_agree_on_one_of_each(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    struct dedupe *d;
    int *order = shuffled(KEYS);
    struct job jobs[THREADS];
    pthread_t threads[THREADS];
    struct tally t = {0, 0};
    assert_int_equal(dedupe_new(300 << 10, &d, NULL), OK);
    for (int i = 0; i < THREADS; i++) {
        jobs[i] = (struct job){
            d, order, KEYS * COPIES / THREADS * i, KEYS * COPIES / THREADS * (i + 1), {0, 0}};
        pthread_create(&threads[i], NULL, run_job, &jobs[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        t.n += jobs[i].t.n;
        t.sum += jobs[i].t.sum;
    }
    assert_int_equal(dedupe_finish(d, count, &t, NULL), OK);
    assert_int_equal(t.n, KEYS);
    assert_int_equal(t.sum, expected_sum(KEYS));
    dedupe_free(d);
    free(order);
}

/* The record of the stronger copy is kept whatever comes first, on ties too. */
static void rule_47_ties_are_broken_the_same_way_in_any_order(void **state)
{
    (void)state;
    struct invocation a = copy_of(1, 0), b = a;
    b.flags |= INV_OUTPUT_BODY;
    assert_true(invocation_beats(&b, &a) && !invocation_beats(&a, &b));
    b = a;
    b.flags |= INV_ERROR;
    assert_true(invocation_beats(&a, &b) && !invocation_beats(&b, &a));
    b = a;
    b.time_us--;
    assert_true(invocation_beats(&b, &a) && !invocation_beats(&a, &b));
    b = a;
    b.content++;
    assert_true(invocation_beats(&a, &b) != invocation_beats(&b, &a));
    assert_false(invocation_beats(&a, &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_45_any_order_ends_with_the_larger_counts),
        cmocka_unit_test(past_the_memory_limit_the_result_is_the_same),
        cmocka_unit_test(the_table_needs_about_twenty_bytes_a_key),
        cmocka_unit_test(threads_agree_on_one_of_each),
        cmocka_unit_test(rule_47_ties_are_broken_the_same_way_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
