/* Waiting between attempts: see retry.h. */
#include "net/retry.h"

#include "base/clock.h"
#include "base/hash.h"

#include <time.h>

enum { SLICE_MS = 50 };

void retry_init(struct retry *r, int attempts_max, uint64_t seed)
{
    *r = (struct retry){.attempts_max = attempts_max, .seed = seed};
}

static int64_t bound_of(int64_t base_ms, int attempt)
{
    int64_t bound = base_ms;
    for (int i = 1; i < attempt && bound < RETRY_CAP_MS; i++)
        bound *= 2;
    return bound < RETRY_CAP_MS ? bound : RETRY_CAP_MS;
}

int64_t retry_next(struct retry *r, int64_t base_ms, int64_t asked_ms)
{
    if (r->attempts < r->attempts_max)
        r->attempts++;
    if (r->attempts >= r->attempts_max)
        return -1;
    uint64_t drawn = hash_mix(r->seed, (uint64_t)r->attempts);
    int64_t wait = (int64_t)(drawn % (uint64_t)(bound_of(base_ms, r->attempts) + 1));
    if (asked_ms > RETRY_AFTER_MAX_MS)
        asked_ms = RETRY_AFTER_MAX_MS;
    return wait > asked_ms ? wait : asked_ms;
}

int64_t retry_after_of(struct str header)
{
    int64_t seconds;
    if (!str_to_i64(str_trim(header), &seconds) || seconds < 0)
        return -1;
    return seconds < RETRY_AFTER_MAX_MS / 1000 ? seconds * 1000 : RETRY_AFTER_MAX_MS;
}

bool retry_worth(int http_status)
{
    switch (http_status) {
    case 0:
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
        return true;
    default:
        return false;
    }
}

void retry_wait(int64_t ms, const _Atomic bool *cancel)
{
    const int64_t end_us = clock_monotonic_us() + ms * 1000;
    while (!(cancel && *cancel)) {
        int64_t left_us = end_us - clock_monotonic_us();
        if (left_us <= 0)
            return;
        int64_t nap_us = left_us < SLICE_MS * 1000 ? left_us : SLICE_MS * 1000;
        nanosleep(&(struct timespec){.tv_nsec = (long)(nap_us * 1000)}, NULL);
    }
}
