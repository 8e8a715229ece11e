/*
 * Reading a group: passes, each a query of a period page by page. See cloudwatch.h for where they
 * begin.
 */
#include "source/cloudwatch_internal.h"

#include <stdio.h>

static int64_t max_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t poll_of(const struct cloudwatch *s)
{
    return s->o.poll_ms > 0 ? s->o.poll_ms : POLL_MS;
}

static int64_t near_of(const struct cloudwatch *s)
{
    int64_t overlap = cloudwatch_overlap(s), near = poll_of(s);
    near = near < NEAR_MIN_MS ? NEAR_MIN_MS : near < NEAR_MAX_MS ? near : NEAR_MAX_MS;
    return near < overlap ? near : overlap;
}

/* The start of the group's first pass. */
static int64_t first_start(const struct cloudwatch *s, const struct group *g)
{
    int64_t since = s->o.since_us == TIME_NONE ? -1 : s->o.since_us / 1000;
    if (g->known_ms == 0)
        return since;
    int64_t start = max_of(g->known_ms - cloudwatch_overlap(s), 0);
    return since >= 0 && since < start ? since : start;
}

/*
 * A thorough pass that began at some time T and came to an event of time N saw all up to N that was
 * there at T. What it did not see comes after T, and when it is late by no more than the overlap
 * its time is after T less the overlap, and N is not after T. So the next one begins at N less the
 * overlap, whether this one came to its end or was cut short; a pass over the last minutes only
 * moves nothing.
 */
static int64_t next_start(const struct cloudwatch *s, const struct group *g)
{
    if (!g->thorough)
        return max_of(g->reached_ms - near_of(s), 0);
    return g->covered_ms == 0 ? first_start(s, g)
                              : max_of(g->covered_ms - cloudwatch_overlap(s), 0);
}

int64_t cloudwatch_promise(const struct group *g, int64_t ms)
{
    return g->thorough || ms < g->swept_ms ? ms : g->swept_ms;
}

bool cloudwatch_passing(struct cloudwatch *s, struct group *g)
{
    int64_t now_us = clock_monotonic_us();
    if (g->passing || g->finished)
        return g->passing;
    if (now_us < g->next_us)
        return false;
    g->thorough = !g->begun || g->covered_ms == 0 || now_us >= g->thorough_us;
    g->pass_us = now_us;
    g->start_ms = next_start(s, g);
    /* Not beyond now: what is promised follows the newest event, and a clock that goes before must
     * not carry it off. */
    g->end_ms = aws_client_now_us(s->client) / 1000;
    if (s->o.until_us != TIME_NONE && s->o.until_us / 1000 < g->end_ms)
        g->end_ms = s->o.until_us / 1000;
    g->oldest_ms = g->newest_ms = 0;
    g->passing = g->in_order = true;
    g->restarted = false;
    g->tokens = 0;
    buf_reset(&g->token);
    return true;
}

/* Which passes are behind: what they found counts as reached. */
static void end_pass(struct cloudwatch *s, struct group *g)
{
    g->passing = false;
    g->begun = true;
    g->reached_ms = max_of(g->reached_ms, g->newest_ms);
    if (g->thorough) {
        g->covered_ms = max_of(g->covered_ms, g->newest_ms);
        g->swept_ms = max_of(g->swept_ms, g->end_ms);
        g->thorough_us = g->pass_us + cloudwatch_overlap(s) * 1000;
    }
    g->next_us = clock_monotonic_us() + poll_of(s) * 1000;
    g->finished = !s->o.follow;
    cloudwatch_raise(s, g, cloudwatch_promise(g, g->newest_ms));
}

/* The pass ends here for now. What came in order stays reached. */
static void break_pass(struct cloudwatch *s, struct group *g)
{
    g->passing = false;
    if (g->in_order && g->newest_ms > 0) {
        g->reached_ms = max_of(g->reached_ms, g->newest_ms);
        if (g->thorough)
            g->covered_ms = max_of(g->covered_ms, g->newest_ms);
        g->begun = true;
    }
    g->finished = !s->o.follow;
}

/* Of all that has trouble the first one's, which is what the source as a whole shows, so that it
 * does not change with each answer; NULL: all is well. */
static const char *first_trouble(const struct cloudwatch *s)
{
    if (s->list_trouble[0])
        return s->list_trouble;
    for (const struct group *g = s->groups; g; g = g->next)
        if (g->trouble[0])
            return g->trouble;
    return NULL;
}

void cloudwatch_trouble(struct cloudwatch *s, const char *name, char told[TROUBLE_MAX],
                        const char *reason)
{
    char now[TROUBLE_MAX];
    snprintf(now, sizeof now, "%s", reason); /* as long as what was kept */
    bool known = gauge_same(now, told);
    snprintf(told, TROUBLE_MAX, "%s", reason);
    gauge_failure(&s->gauge, first_trouble(s));
    if (!known)
        s->watch->problem(s->watch->ctx, name, reason);
}

void cloudwatch_well(struct cloudwatch *s, char told[TROUBLE_MAX], bool over)
{
    bool had = told[0] != '\0';
    if (over)
        told[0] = '\0';
    const char *left = first_trouble(s);
    if (!left)
        gauge_success(&s->gauge);
    else if (over && had)
        gauge_failure(&s->gauge, left); /* the one that was shown may be over */
    if (left)
        gauge_heard(&s->gauge);
}

/* A token that has expired (they hold for a day) is told as a parameter that is not valid: what is
 * left is asked for anew, from the newest event on. */
static bool restart(struct cloudwatch *s, struct group *g)
{
    bool expired = strcmp(logs_code(s->logs), "InvalidParameterException") == 0;
    if (!expired || g->restarted || !g->in_order || g->tokens == 0 || g->newest_ms == 0)
        return false;
    g->restarted = true;
    g->start_ms = g->newest_ms;
    g->tokens = 0;
    buf_reset(&g->token);
    return true;
}

static enum status page_failed(struct cloudwatch *s, struct group *g, enum status status,
                               const struct err *why, struct err *err)
{
    if (status == ERR_NOMEM)
        return err_nomem(err);
    if (status == ERR_INTERRUPTED || atomic_load(&s->stopped) || restart(s, g))
        return OK;
    break_pass(s, g);
    g->pause_ms = g->pause_ms ? g->pause_ms * 2 : poll_of(s);
    if (g->pause_ms > PAUSE_MAX_MS)
        g->pause_ms = PAUSE_MAX_MS;
    g->next_us = clock_monotonic_us() + g->pause_ms * 1000;
    /* Of many groups most are not Bedrock's: they do not have its stream. */
    if (status == ERR_NOT_FOUND && str_find_char(s->wants.group, '*') >= 0) {
        cloudwatch_well(s, g->trouble, true);
        return OK;
    }
    cloudwatch_trouble(s, g->name, g->trouble, why->text);
    return OK;
}

/* Pages go on as long as there are tokens. One that was given before (they are compared with a
 * marker that moves on at powers of two) means that they go round in a circle. */
static enum status note_token(struct group *g, struct str token, struct err *err)
{
    uint64_t hash = hash64((struct hash_key){0, 0}, token.p, token.n);
    if (g->tokens > 0 && hash == g->token_mark)
        return err_set(err, ERR_PARSE,
                       "logs:FilterLogEvents: the service gave a token again, so there is no end "
                       "to its pages");
    g->tokens++;
    if ((g->tokens & (g->tokens - 1)) == 0)
        g->token_mark = hash;
    buf_reset(&g->token);
    buf_str(&g->token, token);
    return buf_status(&g->token) == OK ? OK : err_set(err, ERR_PARSE, "a token is too long");
}

enum status cloudwatch_page(struct cloudwatch *s, struct group *g, struct source_item *item,
                            struct err *err)
{
    struct err why = {0};
    struct logs_page page;
    const struct logs_query q = {
        .group = str_from(g->asked),
        .region = s->region,
        .stream = s->o.all_streams ? STR("") : LOGS_BEDROCK_STREAM,
        .start_ms = g->start_ms,
        .end_ms = g->end_ms,
        .token = buf_view(&g->token),
        .limit = s->o.events_max,
    };
    quota_wait(s->o.quota, s->region, &s->stopped);
    if (atomic_load(&s->stopped))
        return OK;
    enum status status = logs_events(s->logs, &q, &page, &why);
    if (status != OK)
        return page_failed(s, g, status, &why, err);
    cloudwatch_well(s, g->trouble, page.token.n == 0);
    TRY(cloudwatch_name_page(s, g, &page, item, err));
    if (page.token.n > 0) {
        status = note_token(g, page.token, &why);
        return status == OK ? OK : page_failed(s, g, status, &why, err);
    }
    g->pause_ms = 0;
    end_pass(s, g);
    return OK;
}
