/*
 * What is remembered of requests: nearly all of a request stood in the one before it, so the same
 * system texts, tools and old messages are not indexed and walked again (exchange.h,
 * exchange_known).
 *
 * A part that is remembered is a run of whole elements of one array: of "system", of "tools", or of
 * "messages" without message 0 and the newest ones. What is kept of it follows from its bytes
 * alone, so it adds what reading them would add, whoever read them and when. It is found again by
 * the place where its array begins, its length and a keyed hash of all its bytes, 256 bits of
 * state. Where the walk does not come upon a part that was left out, or lacks something that only
 * reading tells, the request is indexed whole and read from the start (exchange_read).
 *
 * The memory is bounded: KNOWN_SLOTS of each kind. So is the time: a part that is looked for is
 * compared with the slots by one step of the hash, and at most TRIES times hashed as a whole.
 */
#include "ingest/exchange_internal.h"

enum {
    LEAST = 1024,        /* bytes that are worth remembering */
    REACH = 512,         /* how far behind a known part, or the start, the next one is looked for */
    PREFIX = 1024,       /* where in a record its body begins */
    AT_ONCE = 256 << 10, /* bytes of lines of which nothing is known */
    SETS = 16,           /* of messages, by their first step */
    TRIES = 3,           /* parts that end alike and are hashed as a whole */
    SEED_HEAD = SEED_BLOCK + 64,
    SEED_END,
    SEED_GAP,
};

static const struct {
    struct str key;
} kinds[KNOWN_KINDS] = {
    [KNOWN_SYSTEM] = {{"\"system", 7}},
    [KNOWN_TOOLS] = {{"\"tools", 6}},
    [KNOWN_MESSAGES] = {{"\"messages", 9}},
};

/* --- finding --- */

static uint64_t step_hash(const struct exchange_reader *r, uint64_t seed, const char *p)
{
    uint64_t h = hash_fold(r->key, seed, p, HASH_STEP);
    return h ? h : 1;
}

/* Of how an array begins; only messages of one conversation begin alike for sure. */
static uint64_t head_of(const struct exchange_reader *r, enum known_kind kind, const char *array)
{
    return kind == KNOWN_MESSAGES ? step_hash(r, SEED_HEAD, array) : 1;
}

/* The slots in which such a part may be. */
static struct known *slots_of(struct exchange_reader *r, enum known_kind kind, uint64_t head,
                              size_t *n)
{
    *n = kind == KNOWN_MESSAGES ? KNOWN_SLOTS / SETS : KNOWN_SLOTS_FEW;
    size_t at = kind == KNOWN_MESSAGES ? head % SETS * *n : 0;
    return &r->known[kind][at];
}

static bool may_be(const struct exchange_reader *r, const struct known *k, struct str array)
{
    size_t end = (size_t)k->from + k->n;
    return end < array.n && (array.p[end] == ',' || array.p[end] == ']') &&
           step_hash(r, SEED_END, array.p + end - HASH_STEP) == k->end;
}

static bool is_same(const struct exchange_reader *r, const struct known *k, struct str array)
{
    struct hash_lanes lanes = hash_lanes_start(r->key, SEED_GAP);
    hash_lanes_add(r->key, &lanes, array.p + k->from, k->n / HASH_STEP);
    return hash_lanes_eq(&lanes, &k->lanes);
}

/* The longest part that is known of an array; NULL when there is none among the first few that look
 * like it. */
static struct known *find(struct exchange_reader *r, enum known_kind kind, struct str array)
{
    size_t n;
    uint32_t below = UINT32_MAX;
    if (array.n < LEAST)
        return NULL;
    uint64_t head = head_of(r, kind, array.p);
    struct known *k = slots_of(r, kind, head, &n);
    for (int tries = 0; tries < TRIES; tries++) {
        struct known *best = NULL;
        for (size_t i = 0; i < n; i++)
            if (k[i].head == head && k[i].n < below && (!best || k[i].n > best->n) &&
                may_be(r, &k[i], array))
                best = &k[i];
        if (!best)
            return NULL;
        if (is_same(r, best, array)) {
            best->used = ++r->known_clock;
            return best;
        }
        below = best->n;
    }
    return NULL;
}

/* Which array of a request begins behind this text; KNOWN_KINDS: none of them. */
static enum known_kind kind_of(struct str before)
{
    enum known_kind kind = 0;
    while (kind < KNOWN_KINDS && !str_has_suffix(before, kinds[kind].key))
        kind++;
    return kind;
}

/* The known parts of the request that begins at `at`; returns where the last one ends. */
static size_t find_in_request(struct exchange_reader *r, struct str text, size_t at,
                              struct json_gap *gaps, size_t *gaps_n, size_t room)
{
    const struct str array = STR("\":[");
    size_t from = at;
    while (*gaps_n < room && r->issued_n < KNOWN_ISSUED) {
        struct str ahead = str_skip(text, from);
        ptrdiff_t found = str_find(str_of(ahead.p, ahead.n < REACH ? ahead.n : REACH), array);
        if (found < 0)
            return at;
        struct str before = str_of(ahead.p, (size_t)found);
        from += (size_t)found + array.n;
        enum known_kind kind = kind_of(before);
        struct known *k = kind < KNOWN_KINDS ? find(r, kind, str_skip(text, from)) : NULL;
        if (!k)
            continue;
        size_t start = from + k->from;
        gaps[(*gaps_n)++] = (struct json_gap){start, start + k->n, start + k->mark};
        struct known_issued *issued = &r->issued[r->issued_n++];
        issued->what = *k;
        issued->kind = kind;
        issued->gap = text.p + start;
        issued->taken = false;
        at = from = start + k->n;
    }
    return at;
}

/* Stops behind the first line with something known: then the next one may find more. */
size_t exchange_known(struct exchange_reader *r, struct str text, struct json_gap *gaps,
                      size_t room, size_t *end)
{
    const struct str body = STR("\"inputBodyJson\":{");
    size_t n = 0, at = 0;
    r->asked = text;
    r->issued_n = 0;
    *end = 0;
    while (r->known_clock && n == 0 && at < text.n && at < AT_ONCE) {
        struct str line = str_skip(text, at);
        const char *nl = memchr(line.p, '\n', line.n < PREFIX ? line.n : PREFIX);
        if (!nl && line.n > PREFIX) {
            ptrdiff_t found = str_find(str_of(line.p, PREFIX), body);
            if (found >= 0)
                at = find_in_request(r, text, at + (size_t)found + body.n, gaps, &n, room);
            nl = memchr(text.p + at, '\n', text.n - at);
        }
        if (!nl) { /* the rest of this line may come later */
            r->issued_n = 0;
            return 0;
        }
        at = *end = (size_t)(nl - text.p) + 1;
    }
    return n;
}

/* --- taking --- */

static bool is_current(const struct exchange_reader *r, const struct known_issued *i)
{
    return i->kind != KNOWN_TOOLS || r->known[KNOWN_TOOLS][i->what.slot].written == i->what.written;
}

const struct known_issued *known_take(struct exchange_reader *r, enum known_kind kind,
                                      struct json_cursor *c)
{
    const char *next = c->p + json_offset(c);
    for (size_t i = 0; i < r->issued_n; i++) {
        struct known_issued *k = &r->issued[i];
        if (k->kind != kind || k->gap + k->what.mark != next)
            continue;
        if (k->taken || k->what.depth != c->depth || json_failed(c) || !is_current(r, k))
            return NULL;
        k->taken = true;
        json_pass_gap(c);
        return k;
    }
    return NULL;
}

bool known_left(struct exchange_reader *r, struct str body)
{
    bool left = false;
    for (size_t i = 0; i < r->issued_n; i++) {
        struct known_issued *k = &r->issued[i];
        left |= !k->taken && k->gap >= body.p && k->gap < body.p + body.n;
    }
    return left;
}

/* --- remembering --- */

struct known *known_remember(struct exchange_reader *r, enum known_kind kind, uint16_t depth,
                             const char *array, struct str gap, const struct known_issued *before)
{
    const char *mark = gap.n ? memchr(gap.p, ':', gap.n) : NULL;
    size_t n;
    if (gap.n < LEAST || !mark || gap.p < r->asked.p || gap.p > r->asked.p + r->asked.n)
        return NULL;
    uint64_t head = head_of(r, kind, array);
    struct known *k = slots_of(r, kind, head, &n), *to = k;
    for (size_t i = 1; i < n; i++)
        if (k[i].used < to->used)
            to = &k[i];
    if (before && r->known[kind][before->what.slot].written == before->what.written)
        to = &r->known[kind][before->what.slot];
    struct hash_lanes lanes = before ? before->what.lanes : hash_lanes_start(r->key, SEED_GAP);
    size_t steps = before ? before->what.n / HASH_STEP : 0;
    hash_lanes_add(r->key, &lanes, gap.p + steps * HASH_STEP, gap.n / HASH_STEP - steps);
    uint64_t now = ++r->known_clock;
    *to = (struct known){.head = head,
                         .end = step_hash(r, SEED_END, gap.p + gap.n - HASH_STEP),
                         .lanes = lanes,
                         .from = (uint32_t)(gap.p - array),
                         .n = (uint32_t)gap.n,
                         .mark = (uint32_t)(mark - gap.p),
                         .depth = depth,
                         .slot = (uint32_t)(to - r->known[kind]),
                         .used = now,
                         .written = now};
    return to;
}
