/* Tables that are begun anew: see lexicon.h. */
#include "ingest/lexicon.h"

#include <pthread.h>
#include <stdlib.h>

/* An organization has some thousand series at a time, of some 200 bytes each. */
enum { SERIES = 16 * 1024, SYMBOLS = 4 * SERIES };

struct lexicon {
    struct lexicons *all;
    struct lexicon *next;
    int users; /* guarded by the lock of all */
    struct symbols *symbols;
    struct exchange_room room;
    struct intake_env env;
};

struct lexicons {
    const struct intake_env *like;
    pthread_mutex_t lock;
    struct lexicon *first; /* the newest */
};

static void free_one(struct lexicon *x)
{
    series_free(x->env.series);
    symbols_free(x->symbols);
    free(x);
}

static struct lexicon *make_one(struct lexicons *all)
{
    struct lexicon *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    x->all = all;
    x->env = *all->like;
    x->env.series = NULL;
    if (symbols_new(&x->symbols, NULL) != OK ||
        series_new(x->symbols, &x->env.series, NULL) != OK) {
        free_one(x);
        return NULL;
    }
    exchange_room_init(&x->room);
    if (all->like->room) {
        x->room.names.limit = all->like->room->names.limit;
        x->room.offers.limit = all->like->room->offers.limit;
    }
    x->env.room = &x->room;
    return x;
}

enum status lexicons_new(const struct intake_env *like, struct lexicons **out, struct err *err)
{
    struct lexicons *all = calloc(1, sizeof *all);
    if (!all)
        return err_nomem(err);
    all->like = like;
    pthread_mutex_init(&all->lock, NULL);
    *out = all;
    return OK;
}

void lexicons_free(struct lexicons *all)
{
    if (!all)
        return;
    for (struct lexicon *x = all->first, *next; x; x = next) {
        next = x->next;
        free_one(x);
    }
    pthread_mutex_destroy(&all->lock);
    free(all);
}

bool lexicon_is_full(struct lexicon *x)
{
    return series_count(x->env.series) > SERIES || symbols_count(x->symbols) > SYMBOLS;
}

struct lexicon *lexicon_take(struct lexicons *all)
{
    pthread_mutex_lock(&all->lock);
    struct lexicon *x = all->first;
    if (!x || lexicon_is_full(x)) {
        x = make_one(all);
        if (x) {
            x->next = all->first;
            all->first = x;
        }
    }
    if (x)
        x->users++;
    pthread_mutex_unlock(&all->lock);
    return x;
}

struct lexicon *lexicon_share(struct lexicon *x)
{
    pthread_mutex_lock(&x->all->lock);
    x->users++;
    pthread_mutex_unlock(&x->all->lock);
    return x;
}

void lexicon_drop(struct lexicon *x)
{
    struct lexicons *all = x->all;
    pthread_mutex_lock(&all->lock);
    x->users--;
    pthread_mutex_unlock(&all->lock);
}

const struct intake_env *lexicon_env(const struct lexicon *x)
{
    return &x->env;
}

void lexicons_sweep(struct lexicons *all)
{
    pthread_mutex_lock(&all->lock);
    /* The newest stays: who comes next takes it. */
    for (struct lexicon **at = all->first ? &all->first->next : &all->first; *at;) {
        struct lexicon *x = *at;
        if (x->users > 0) {
            at = &x->next;
            continue;
        }
        *at = x->next;
        free_one(x);
    }
    pthread_mutex_unlock(&all->lock);
}
