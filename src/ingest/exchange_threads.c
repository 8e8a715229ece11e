/*
 * What is remembered of a thread: a request repeats nearly all of the one before it, and what its
 * earlier messages amount to is known. That they are the same is seen by message 0's digest, by the
 * number of their tokens and bytes, by samples of the text and by the digests of the last ones of
 * them; otherwise all messages are walked, with the same result. An old message that was changed
 * into one of the same length and shape may go unseen: no program does that, and what it costs is
 * a prompt more or less in the count of the conversation that did it.
 */
#include "ingest/exchange_internal.h"

enum { SAMPLES = 8 };

/* Of a few places of the first messages: where their tokens are and what stands there. */
static uint64_t sample_of(const struct json_cursor *first, const struct walked *so_far)
{
    size_t start = json_offset(first);
    uint64_t h = SEED_MESSAGE;
    for (uint64_t i = 1; i <= SAMPLES; i++) {
        struct json_cursor c = *first;
        uint64_t text = 0;
        json_return(&c, json_place(first) + (uint32_t)(so_far->place * i / (SAMPLES + 1)));
        size_t at = json_offset(&c);
        if (at + sizeof text <= start + so_far->bytes)
            memcpy(&text, c.p + at, sizeof text);
        h = hash_mix(hash_mix(h, at - start), text);
    }
    return h;
}

/* The digest of the message at a position; 0 when it is not among the recent ones. */
static uint64_t recent_digest(const struct exchange *x, uint32_t n, uint32_t position)
{
    return position + x->recent_n >= n && position < n ? x->recent[position + x->recent_n - n] : 0;
}

/* Listings are looked for again: their texts are wanted. */
void thread_resume(struct exchange_reader *r, struct json_cursor *c, struct walk *w)
{
    const struct thread_slot *t = &r->threads[r->x.first % THREAD_SLOTS];
    struct json_cursor ahead = *c;
    if (t->first != r->x.first || json_failed(c))
        return;
    json_return(&ahead, json_place(&w->first) + t->walked.place);
    size_t at = json_offset(&ahead);
    if (at != json_offset(&w->first) + t->walked.bytes || at == ahead.n || ahead.p[at] != ',' ||
        sample_of(&w->first, &t->walked) != t->sample)
        return;
    for (uint32_t i = 0; i < t->listings_n; i++) {
        struct message m = {.mode = LIGHT, .last = STR("")};
        struct json_cursor listing = message_at(w, t->listing[i]);
        read_lightly(r, &listing, &m);
        w->listing[i] = t->listing[i];
    }
    w->listings_n = t->listings_n;
    w->now = t->walked;
    w->past[w->now.n % (SETTLED + 1)] = w->now;
    for (uint32_t i = 1; i <= EXCHANGE_RECENT && i <= w->now.n; i++)
        w->place[(w->now.n - i) % PLACES] = t->recent[(w->now.n - i) % EXCHANGE_RECENT];
    w->from = t;
    ahead.value_due = false;
    *c = ahead;
}

bool thread_is_same(const struct exchange_reader *r, const struct walk *w)
{
    uint32_t known = 0;
    if (!w->from)
        return true;
    for (uint32_t i = 1; i <= EXCHANGE_RECENT && i <= w->from->walked.n; i++) {
        uint32_t position = w->from->walked.n - i;
        uint64_t then = w->from->digest[position % EXCHANGE_RECENT];
        uint64_t now = recent_digest(&r->x, w->now.n, position);
        if (then && now && then != now)
            return false;
        known += then && now;
    }
    return known > 0;
}

/* What had to be left out of a request is not remembered. */
void thread_remember(struct exchange_reader *r, const struct walk *w)
{
    if (w->now.n <= SETTLED + 1 || w->now.assistant_at <= 1 || w->listings_n > THREAD_LISTINGS ||
        (r->x.flags & (EX_ODD | EX_TOOLS_CUT)))
        return;
    struct thread_slot *t = &r->threads[r->x.first % THREAD_SLOTS];
    uint32_t n = w->now.n - SETTLED;
    if (w->from && n < t->walked.n)
        return;
    if (!w->from)
        memcpy(t->front, w->front, sizeof t->front);
    t->first = r->x.first;
    t->opening = r->x.opening;
    t->walked = w->past[n % (SETTLED + 1)];
    t->sample = sample_of(&w->first, &t->walked);
    for (uint32_t i = 1; i <= EXCHANGE_RECENT && i <= n; i++) {
        t->recent[(n - i) % EXCHANGE_RECENT] = w->place[(n - i) % PLACES];
        t->digest[(n - i) % EXCHANGE_RECENT] = recent_digest(&r->x, w->now.n, n - i);
    }
    t->listings_n = 0;
    for (uint32_t i = 0; i < w->listings_n; i++)
        if (w->listing[i] < t->walked.place)
            t->listing[t->listings_n++] = w->listing[i];
}
