/* How sessions begin and end: as whom, with which program, how long, and what must happen. */
#include "sim/dev_internal.h"

#include "sim/words.h"

#include <stdlib.h>

/* Which scenes the first people play in their first sessions; the others live as they like. */
enum { SCENES = 3 };
static const uint32_t scenes[SCENES][PLAYERS] = {
    {SCENE_AGENTS | SCENE_MCP | SCENE_ERRORS, SCENE_COMPACT | SCENE_MIDTURN | SCENE_MCP, 0,
     SCENE_RETRIES | SCENE_SKILL, 0, SCENE_RUNAWAY},
    {SCENE_RESUMED | SCENE_MCP | SCENE_SKILL, SCENE_COMMANDS | SCENE_ERRORS, 0,
     SCENE_COLD | SCENE_AGENTS, 0, SCENE_CONTINUED | SCENE_MCP},
    {SCENE_CONTINUED | SCENE_COMMANDS, SCENE_COLD | SCENE_SKILL | SCENE_OVERSIZED, 0,
     SCENE_COMPACT | SCENE_MIDTURN, 0, SCENE_RETRIES | SCENE_AGENTS},
};

static bool session_texts(const struct sim *s, struct dev *d)
{
    bool converse = d->harness != CLAUDE_CODE;
    talk_init(&d->main.talk, s->text, converse);
    talk_init(&d->side, s->text, converse);
    for (int i = 0; i < PLAN_TOOLS; i++)
        buf_init(&d->brief[i], 1 << 20);
    d->sub = calloc(SUBS, sizeof *d->sub);
    for (int i = 0; d->sub && i < SUBS; i++)
        talk_init(&d->sub[i].talk, s->text, converse);
    return d->sub != NULL;
}

void session_texts_end(struct dev *d)
{
    if (!d->sub)
        return;
    talk_fini(&d->main.talk);
    talk_fini(&d->side);
    for (int i = 0; i < PLAN_TOOLS; i++)
        buf_fini(&d->brief[i]);
    for (int i = 0; i < SUBS; i++)
        talk_fini(&d->sub[i].talk);
    free(d->sub);
    d->sub = NULL;
}

bool session_texts_ok(const struct dev *d)
{
    bool ok = talk_ok(&d->main.talk) && talk_ok(&d->side);
    for (int i = 0; d->sub && i < SUBS; i++)
        ok = ok && talk_ok(&d->sub[i].talk);
    for (int i = 0; i < PLAN_TOOLS; i++)
        ok = ok && buf_status(&d->brief[i]) == OK;
    return ok;
}

/* Texts of a finished session are given back: thousands of people are idle at any time. */
void session_end(struct dev *d)
{
    note_end(d->note);
    d->note = NULL;
    session_texts_end(d);
}

/* Those who use other harnesses try one after the other, the first ones a new one each time. */
static enum harness pick_harness(const struct sim *s, const struct dev *d)
{
    uint32_t what = s->org.callers[d->caller].what;
    if (what < CHAT_FIRST || what > CHAT_PEOPLE)
        return (enum harness)what;
    uint32_t shift =
        d->caller < PLAYERS ? d->sessions_n + (d->caller == 4 ? 3 : 0) : d->sessions_n / 8;
    return (enum harness)(CHAT_FIRST +
                          (what - CHAT_FIRST + shift) % (CHAT_PEOPLE - CHAT_FIRST + 1));
}

/* As whom, and what must happen. */
static void cast(const struct sim *s, struct dev *d)
{
    const struct caller *c = &s->org.callers[d->caller];
    bool other = rng_one_in(&d->rng, 4);
    if (d->caller < PLAYERS && d->sessions_n < SCENES + 1)
        other = d->sessions_n == 2;
    d->as = c->second && other ? c->second : d->caller;
    d->scene = d->pending = 0;
    if (d->as == d->caller && d->caller < PLAYERS && d->harness == CLAUDE_CODE &&
        d->scenes_n < SCENES)
        d->scene = d->pending = scenes[d->scenes_n++][d->caller];
}

/* How long the session will be. */
static void measure(struct dev *d)
{
    struct rng *r = &d->rng;
    d->prompts_left = rng_skewed(r, 1, 18);
    d->calls_left = rng_skewed(r, 1, 20);
    d->limit = rng_one_in(r, 6) ? 55000 : CONTEXT_LIMIT;
    if (d->harness == AIDER)
        d->calls_left = 1;
    if (d->caller < PLAYERS && d->harness != CLAUDE_CODE)
        d->prompts_left = rng_between(r, 2, 5);
    if (!d->scene)
        return;
    d->limit = CONTEXT_LIMIT;
    d->prompts_left = dev_has(d, SCENE_COMMANDS) ? 8 : rng_between(r, 3, 5);
    d->calls_left = rng_between(r, 8, 12);
    if (dev_has(d, SCENE_OVERSIZED)) {
        d->prompts_left = 3;
        d->calls_left = 3;
    }
    if (dev_has(d, SCENE_RUNAWAY)) {
        d->prompts_left = 1;
        d->calls_left = 50;
    }
}

static void begin_note(struct sim *s, struct dev *d)
{
    const struct caller *c = &s->org.callers[d->as];
    bool inferred = d->harness != CLAUDE_CODE && d->harness != AGENTCORE;
    d->offered = false;
    if (c->no_bodies)
        return;
    d->note = note_new(s->book, c->arn, inferred ? NULL : d->session);
    for (uint32_t i = 0; d->harness == CLAUDE_CODE && i < d->setup.servers_n; i++)
        note_server(d->note, i, words_at(&WORDS_MCP_SERVER, d->setup.server[i]));
    d->main.noted = note_thread(d->note, CALL_MAIN, NOTE_NONE, "");
}

static enum status begin_new(struct sim *s, struct dev *d)
{
    d->harness = pick_harness(s, d);
    if (!session_texts(s, d))
        return err_nomem(s->err);
    s->sessions++;
    cast(s, d);
    d->sessions_n++;
    const struct desk *desk = &s->org.desk[s->org.callers[d->as].desk];
    d->model = rng_one_in(&d->rng, 3) ? desk->sonnet : desk->opus;
    rng_uuid(&d->rng, d->session);
    struct str arn = s->org.callers[d->as].arn;
    if (d->harness == AGENTCORE) /* its name ends with the session's id */
        memcpy(d->session, arn.p + arn.n - (UUID_TEXT - 1), UUID_TEXT - 1);
    measure(d);
    d->interrupted = d->connected = false;
    d->steps = d->tries = d->typed = 0;
    d->loaded = 0;
    d->next_server = NO_SERVER;
    begin_note(s, d);
    dev_begin_thread(s, d, &d->main, THREAD_MAIN);
    if (dev_has(d, SCENE_COMPACT))
        d->limit = d->main.prefix + d->main.history + 9000;
    return OK;
}

enum status session_begin(struct sim *s, struct dev *d)
{
    d->sessions_left -= d->sessions_left > 0;
    bool again = d->kept;
    d->kept = false;
    if (again) {
        d->prompts_left = rng_skewed(&d->rng, 1, 6);
        d->calls_left = rng_skewed(&d->rng, 1, 12);
        d->scene = d->pending = 0;
    } else {
        TRY(begin_new(s, d));
    }
    bool earlier = dev_has(d, SCENE_RESUMED) && !again;
    if (earlier)
        dev_earlier(s, d);
    dev_prompt(s, d);
    if (d->harness != CLAUDE_CODE) {
        d->phase = PHASE_MAIN;
        return OK;
    }
    /* Print mode makes no title. */
    d->titled = again || earlier || d->setup.entrypoint[0] != 'c';
    d->probes_left = rng_between(&d->rng, 2, 3);
    d->phase = PHASE_PROBE;
    return OK;
}
