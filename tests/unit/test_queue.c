/* base/queue: who waits for somebody waits as long as was said, whatever is done to the clock of
 * the world meanwhile. */
#include "base/clock.h"
#include "base/queue.h"
#include "unit.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* In front of the C library's: the world's clock is an hour ahead of what the kernel takes it for,
 * as it was for whoever read it just before it was set back. */
int clock_gettime(clockid_t clock, struct timespec *t)
{
    int failed = (int)syscall(SYS_clock_gettime, clock, t);
    if (!failed && clock == CLOCK_REALTIME)
        t->tv_sec += 3600;
    return failed;
}

static void a_clock_that_is_set_back_holds_nobody_up(void **state)
{
    (void)state;
    struct queue *q;
    bool late = false;
    assert_int_equal(queue_new(1, &q, NULL), OK);
    int64_t began = clock_monotonic_us();
    alarm(20);
    assert_null(queue_pop_within(q, 30, &late));
    alarm(0);
    int64_t took = clock_monotonic_us() - began;
    assert_true(late);
    assert_true(took >= 30000);
    queue_free(q);
}

static void a_deadline_that_has_passed_ends_the_waiting_at_once(void **state)
{
    (void)state;
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t never = PTHREAD_COND_INITIALIZER;
    pthread_mutex_lock(&lock);
    assert_int_not_equal(queue_wait(&never, &lock, queue_deadline(-1000)), 0);
    pthread_mutex_unlock(&lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_that_is_set_back_holds_nobody_up),
        cmocka_unit_test(a_deadline_that_has_passed_ends_the_waiting_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
