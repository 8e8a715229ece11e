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

static int64_t bound_of(int attempt)
{
    int64_t bound = RETRY_BASE_MS;
    for (int i = 1; i < attempt && bound < RETRY_CAP_MS; i++)
        bound *= 2;
    return bound < RETRY_CAP_MS ? bound : RETRY_CAP_MS;
}

int64_t retry_next(struct retry *r, int64_t retry_after_s)
{
    if (r->attempts < r->attempts_max)
        r->attempts++;
    if (r->attempts >= r->attempts_max)
        return -1;
    uint64_t drawn = hash_mix(r->seed, (uint64_t)r->attempts);
    int64_t wait = (int64_t)(drawn % (uint64_t)(bound_of(r->attempts) + 1));
    if (retry_after_s < 0)
        return wait;
    int64_t asked = (retry_after_s < RETRY_AFTER_MAX_S ? retry_after_s : RETRY_AFTER_MAX_S) * 1000;
    return wait > asked ? wait : asked;
}

int64_t retry_after_of(struct str header)
{
    int64_t seconds;
    return str_to_i64(str_trim(header), &seconds) ? seconds : -1;
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
