/*
 * The connections of a server and their deadlines: see server_internal.h. libmicrohttpd's own
 * time-out counts from the last byte, so who sends one byte now and then could stay for ever; here
 * a thread shuts the sockets of those that take too long, and libmicrohttpd then closes them.
 */
#include "net/server_internal.h"

#include "base/clock.h"
#include "base/queue.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { LOOK_MS = 200 };

static const int64_t NONE = INT64_MAX;

struct guest {
    struct guests *of;
    int fd;
    int64_t deadline_us; /* of the monotonic clock */
    struct guest *next, **link;
};

struct guests {
    struct server *server;
    int64_t patience_us;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct guest *first;
    bool ended;
    pthread_t watcher;
};

static void shut_late(struct guests *all)
{
    int64_t now = clock_monotonic_us();
    for (struct guest *g = all->first; g; g = g->next)
        if (g->deadline_us < now) {
            g->deadline_us = NONE;
            shutdown(g->fd, SHUT_RDWR);
        }
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
    }
    pthread_mutex_unlock(&all->lock);
    return NULL;
}

enum status guests_new(struct server *server, int64_t patience_ms, struct guests **out,
                       struct err *err)
{
    struct guests *all = calloc(1, sizeof *all);
    if (!all)
        return err_nomem(err);
    all->server = server;
    all->patience_us = patience_ms * 1000;
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

struct guest *guest_enter(struct guests *all, int fd)
{
    struct guest *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    pthread_mutex_lock(&all->lock);
    *g = (struct guest){all, fd, clock_monotonic_us() + all->patience_us, all->first, &all->first};
    if (g->next)
        g->next->link = &g->next;
    all->first = g;
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
    pthread_mutex_unlock(&g->of->lock);
    free(g);
}

void guest_hurry(struct guest *g, bool hurry)
{
    pthread_mutex_lock(&g->of->lock);
    g->deadline_us = hurry ? clock_monotonic_us() + g->of->patience_us : NONE;
    pthread_mutex_unlock(&g->of->lock);
}

struct server *guest_server(const struct guest *g)
{
    return g->of->server;
}
