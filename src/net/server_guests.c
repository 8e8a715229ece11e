/*
 * The connections of a server and their deadlines: see server_internal.h. libmicrohttpd's own
 * time-out counts from the last byte, so who sends one byte now and then could stay for ever; here
 * a thread shuts the sockets of those that take too long, and libmicrohttpd then closes them.
 *
 * Sockets that say nothing must not keep those out that have something to say. So a few places are
 * always held free: when there are fewer, somebody who sends no request just now is shut. First who
 * never sent one that was let pass, then who is between two requests; of those, who comes from
 * where most of them come from, and of these the one that waits longest. There is no fixed number
 * per address: behind a load balancer all have the same one.
 */
#include "net/server_internal.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/queue.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    LOOK_MS = 200,
    HOMES = 256,
    GRACE_US = US_PER_SECOND, /* who is idle for less is not shut: it may just have come */
};

static const int64_t NONE = INT64_MAX;

struct guest {
    struct guests *of;
    int fd;
    unsigned home; /* where it comes from: addresses by their hash */
    enum guest_state state;
    bool known;          /* a request of it was let pass */
    bool shut;           /* on its way out */
    int64_t since_us;    /* in this state; of the monotonic clock, as the next */
    int64_t deadline_us; /* NONE: it may stay */
    struct guest *next, **link;
};

struct guests {
    struct server *server;
    struct guests_limits limits;
    struct hash_key key;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct guest *first;
    unsigned n; /* those that are not on their way out */
    bool ended;
    pthread_t watcher;
};

static void shut(struct guest *g)
{
    g->shut = true;
    g->deadline_us = NONE;
    g->of->n--;
    shutdown(g->fd, SHUT_RDWR);
}

static void shut_late(struct guests *all)
{
    int64_t now = clock_monotonic_us();
    for (struct guest *g = all->first; g; g = g->next)
        if (g->deadline_us < now)
            shut(g);
}

/* Whether a goes rather than b, which is NULL at first. */
static bool goes_first(const struct guest *a, const struct guest *b, const unsigned *at_home)
{
    if (!b)
        return true;
    if (at_home[a->home] != at_home[b->home])
        return at_home[a->home] > at_home[b->home];
    return a->since_us < b->since_us;
}

static struct guest *choose(const struct guests *all)
{
    int64_t before_us = clock_monotonic_us() - GRACE_US;
    unsigned at_home[HOMES] = {0}, strangers = 0;
    struct guest *chosen = NULL;
    for (const struct guest *g = all->first; g; g = g->next) {
        at_home[g->home] += !g->shut && g->state == GUEST_IDLE;
        strangers += !g->shut && !g->known;
    }
    for (struct guest *g = all->first; g; g = g->next)
        if (!g->shut && g->state == GUEST_IDLE && g->since_us < before_us &&
            (!g->known || strangers == 0) && goes_first(g, chosen, at_home))
            chosen = g;
    return chosen;
}

static void make_room(struct guests *all)
{
    struct guest *g;
    while (all->n + all->limits.spare > all->limits.most && (g = choose(all)) != NULL)
        shut(g);
}

static void *watch(void *arg)
{
    struct guests *all = arg;
    pthread_mutex_lock(&all->lock);
    while (!all->ended) {
        int64_t until = queue_deadline(LOOK_MS);
        if (all->first)
            queue_wait(&all->changed, &all->lock, until);
        else
            pthread_cond_wait(&all->changed, &all->lock);
        shut_late(all);
        make_room(all);
    }
    pthread_mutex_unlock(&all->lock);
    return NULL;
}

enum status guests_new(struct server *server, const struct guests_limits *limits,
                       struct guests **out, struct err *err)
{
    struct guests *all = calloc(1, sizeof *all);
    if (!all)
        return err_nomem(err);
    all->server = server;
    all->limits = *limits;
    all->key = hash_key_random();
    pthread_mutex_init(&all->lock, NULL);
    pthread_cond_init(&all->changed, NULL);
    if (pthread_create(&all->watcher, NULL, watch, all) != 0) {
        pthread_cond_destroy(&all->changed);
        pthread_mutex_destroy(&all->lock);
        free(all);
        return err_set(err, ERR_NOMEM, "cannot start a thread");
    }
    *out = all;
    return OK;
}

void guests_free(struct guests *all)
{
    if (!all)
        return;
    pthread_mutex_lock(&all->lock);
    all->ended = true;
    pthread_cond_signal(&all->changed);
    pthread_mutex_unlock(&all->lock);
    pthread_join(all->watcher, NULL);
    pthread_cond_destroy(&all->changed);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

static unsigned home_of(const struct guests *all, int fd)
{
    struct sockaddr_storage a = {0};
    socklen_t n = sizeof a;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    if (getpeername(fd, (struct sockaddr *)&a, &n) != 0)
        return 0;
    memcpy(&in, &a, sizeof in);
    memcpy(&in6, &a, sizeof in6);
    uint64_t hash = a.ss_family == AF_INET
                        ? hash64(all->key, &in.sin_addr, sizeof in.sin_addr)
                        /* Who has one address of version 6 has all of its /64. */
                        : hash64(all->key, &in6.sin6_addr, sizeof in6.sin6_addr / 2);
    return (unsigned)(hash % HOMES);
}

/* Under the lock. */
static void set_state(struct guest *g, enum guest_state state)
{
    const struct guests_limits *l = &g->of->limits;
    g->state = state;
    g->known |= state != GUEST_IDLE;
    g->since_us = clock_monotonic_us();
    if (!g->shut)
        g->deadline_us = state == GUEST_SERVED
                             ? NONE
                             : g->since_us + 1000 * (g->known ? l->patience_ms : l->first_ms);
}

struct guest *guest_enter(struct guests *all, int fd)
{
    struct guest *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    pthread_mutex_lock(&all->lock);
    *g = (struct guest){.of = all, .fd = fd, .next = all->first, .link = &all->first};
    g->home = home_of(all, fd);
    set_state(g, GUEST_IDLE);
    if (g->next)
        g->next->link = &g->next;
    all->first = g;
    all->n++;
    make_room(all);
    pthread_cond_signal(&all->changed);
    pthread_mutex_unlock(&all->lock);
    return g;
}

void guest_leave(struct guest *g)
{
    pthread_mutex_lock(&g->of->lock);
    *g->link = g->next;
    if (g->next)
        g->next->link = g->link;
    g->of->n -= !g->shut;
    pthread_mutex_unlock(&g->of->lock);
    free(g);
}

void guest_is(struct guest *g, enum guest_state state)
{
    pthread_mutex_lock(&g->of->lock);
    set_state(g, state);
    pthread_mutex_unlock(&g->of->lock);
}

struct server *guest_server(const struct guest *g)
{
    return g->of->server;
}
