/* What several keys of assay.yaml must agree on, and the files that it names: see config.h. */
#include "cli/config_internal.h"

#include "base/io.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The line of a key, or of its source when it was not given. */
static int64_t line_of(const struct config_reading *r, int source, const char *key)
{
    const struct config_key *k = config_key_find(str_from(key), source < 0 ? OF_TOP : OF_SOURCES);
    if (source < 0)
        return k ? r->top_lines[k - config_keys] : 0;
    int64_t line = k ? r->lines[source][k - config_keys] : 0;
    return line ? line : r->c->sources[source].line;
}

/* What can be taken from a URL: "bucket/prefix", the queue, the group; other letters become _. */
static void default_name(struct config_reading *r, struct config_source *s)
{
    char name[129];
    size_t n = 0;
    struct str text = str_from(s->kind == CONFIG_PUSH ? "push" : s->url);
    if (s->kind == CONFIG_S3)
        text = str_skip(text, strlen("s3://"));
    if (s->kind == CONFIG_CLOUDWATCH)
        text = str_skip(text, strlen("cloudwatch:"));
    while (s->kind == CONFIG_SQS && str_find_char(text, '/') >= 0)
        str_cut(&text, '/');
    while (text.n && text.p[text.n - 1] == '/')
        text.n--;
    if (text.n == 0) /* the group "/" */
        text = str_from(config_kind_name(s->kind));
    for (; n < text.n && n + 1 < sizeof name; n++)
        name[n] = text.p[n];
    for (size_t i = 0; i < n; i++)
        if (!str_is_plain(str_of(name + i, 1)))
            name[i] = '_';
    s->name = config_keep(r, str_of(name, n));
}

static void check_names(struct config_reading *r)
{
    char place[CONFIG_PLACE];
    for (int i = 0; i < r->c->sources_n; i++) {
        struct config_source *s = &r->c->sources[i];
        if (!s->name && (s->url || s->kind == CONFIG_PUSH))
            default_name(r, s);
        for (int k = 0; k < i && s->name; k++)
            if (r->c->sources[k].name && strcmp(s->name, r->c->sources[k].name) == 0) {
                config_mistake(r, line_of(r, i, "name"), config_place(place, i, "name"),
                               "sources[%d] has the same name; give one of them another", k);
                break;
            }
    }
}

static bool same_address(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static void check_addresses(struct config_reading *r)
{
    char place[CONFIG_PLACE];
    for (int i = 0; i < r->c->sources_n; i++) {
        const char *listen = r->c->sources[i].listen;
        bool taken = same_address(listen, r->c->status_listen);
        for (int k = 0; k < i; k++)
            taken |= same_address(listen, r->c->sources[k].listen);
        if (taken)
            config_mistake(r, line_of(r, i, "listen"), config_place(place, i, "listen"),
                           "the same address as another source's or as status_listen");
    }
}

/* A door to the network has a certificate and asks for a key; behind a proxy on the same machine
 * that is the proxy's work. */
static void check_push(struct config_reading *r, int i)
{
    char place[CONFIG_PLACE];
    const struct config_source *s = &r->c->sources[i];
    bool open = s->listen && !config_is_loopback(s->listen);
    const struct {
        const char *name, *value, *other;
    } pair[] = {{"certificate", s->certificate, s->key}, {"key", s->key, s->certificate}};
    for (int k = 0; k < 2; k++)
        if (!pair[k].value && (open || pair[k].other))
            config_mistake(r, line_of(r, i, "listen"), config_place(place, i, pair[k].name), "%s",
                           pair[k].other ? "wanted, too: certificate and key belong together"
                                         : "wanted where others than this machine can connect; "
                                           "or listen on 127.0.0.1 behind a proxy");
    if (!s->access_key_file && open)
        config_mistake(r, line_of(r, i, "listen"), config_place(place, i, "access_key_file"),
                       "wanted where others than this machine can connect; otherwise anybody "
                       "could deliver records");
}

static void check_source(struct config_reading *r, int i)
{
    char place[CONFIG_PLACE];
    struct config_source *s = &r->c->sources[i];
    if (s->kind == CONFIG_PUSH)
        check_push(r, i);
    if (s->external_id && !s->role_arn)
        config_mistake(r, line_of(r, i, "external_id"), config_place(place, i, "external_id"),
                       "needs role_arn, the role that asks for it");
    if (s->body_buckets.n && r->c->level && strcmp(r->c->level, "counts") == 0)
        config_warning(r, line_of(r, i, "body_buckets"), config_place(place, i, "body_buckets"),
                       "of no use with level: counts, which opens no bodies");
    if (s->kind == CONFIG_SQS && s->url && strncmp(s->url, "http://", 7) == 0)
        config_warning(r, line_of(r, i, "url"), config_place(place, i, "url"),
                       "not encrypted; AWS itself wants https://");
    if (!s->profile)
        s->profile = r->c->profile;
    if (!s->region)
        s->region = r->c->region;
}

/* The contents are for whoever uses the file. `closed` are the rights that others than `who` should
 * not have. A name of such a file is not shown: the secret itself may have been written there. */
static void check_file(struct config_reading *r, int64_t line, const char *place, const char *path,
                       mode_t closed, const char *who)
{
    struct stat st;
    if (!path)
        return;
    int missing = stat(path, &st) != 0 ? errno : 0;
    const char *why = missing == ENOENT ? "there is no such file" : "cannot be looked at";
    if (missing && who)
        config_mistake(r, line, place, "%s", why);
    else if (missing)
        config_mistake(r, line, place, "%s: %.300s", why, path);
    else if (!S_ISREG(st.st_mode))
        config_mistake(r, line, place, "not a file");
    else if (access(path, R_OK) != 0)
        config_mistake(r, line, place, "may not be read by this user");
    else if (st.st_mode & closed)
        config_warning(r, line, place, "readable by others than %s (mode %03o); chmod %s", who,
                       (unsigned)(st.st_mode & 0777), closed & S_IRGRP ? "600" : "o-rwx");
}

static void check_store(struct config_reading *r)
{
    struct stat st;
    struct str path = str_from(r->c->store);
    int64_t line = line_of(r, -1, "store");
    if (stat(r->c->store, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            config_mistake(r, line, "store", "is a directory; wanted a file in it");
        return;
    }
    size_t n = path.n;
    while (n > 1 && path.p[n - 1] != '/')
        n--;
    const char *directory = config_keep(r, str_of(path.p, n));
    if (r->c->store_is_default || (stat(directory, &st) == 0 && S_ISDIR(st.st_mode)))
        return;
    /* One directory is made with it; more that are missing are rather a mistake. */
    while (n > 1 && path.p[n - 1] == '/')
        n--;
    bool exists = lstat(config_keep(r, str_of(path.p, n)), &st) == 0; /* and is something else */
    while (n > 1 && path.p[n - 1] != '/')
        n--;
    const char *above = config_keep(r, str_of(path.p, n));
    if (exists || stat(above, &st) != 0 || !S_ISDIR(st.st_mode))
        config_mistake(r, line, "store", "there is no directory %.200s to make it in", directory);
}

static void check_files(struct config_reading *r)
{
    const struct {
        const char *name, *path;
    } named[] = {{"profiles", r->c->profiles},
                 {"prices", r->c->prices},
                 {"harness_rules", r->c->harness_rules}};
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++)
        check_file(r, line_of(r, -1, named[i].name), named[i].name, named[i].path, 0, NULL);
    check_store(r);
    for (int i = 0; i < r->c->sources_n; i++) {
        char place[CONFIG_PLACE];
        const struct config_source *s = &r->c->sources[i];
        check_file(r, line_of(r, i, "certificate"), config_place(place, i, "certificate"),
                   s->certificate, 0, NULL);
        check_file(r, line_of(r, i, "key"), config_place(place, i, "key"), s->key, S_IRWXO,
                   "its owner and group");
        check_file(r, line_of(r, i, "access_key_file"), config_place(place, i, "access_key_file"),
                   s->access_key_file, S_IRWXG | S_IRWXO, "its owner");
    }
}

static void add_bucket(const char **v, int *n, const char *name)
{
    for (int i = 0; i < *n; i++)
        if (strcmp(v[i], name) == 0)
            return;
    v[(*n)++] = name;
}

/* Whoever may write to a queue can name any bucket. Those of the configuration are meant, as far as
 * it has buckets besides the queue; with a queue alone nothing tells which, and any is read. */
static void name_buckets(struct config_reading *r, int at)
{
    char place[CONFIG_PLACE];
    struct config_source *s = &r->c->sources[at];
    size_t most = (size_t)(r->c->sources_n + s->body_buckets.n);
    if (s->kind != CONFIG_SQS || s->buckets.n > 0)
        return;
    const char **v = arena_alloc(&r->c->arena, most * sizeof(char *));
    int n = 0;
    r->no_memory |= !v;
    for (int i = 0; v && i < r->c->sources_n; i++) {
        const struct config_source *other = &r->c->sources[i];
        if (other->kind != CONFIG_S3 || !other->url)
            continue;
        struct str rest = str_skip(str_from(other->url), strlen("s3://"));
        add_bucket(v, &n, config_keep(r, str_cut(&rest, '/')));
    }
    if (n == 0) {
        config_warning(r, line_of(r, at, "url"), config_place(place, at, "buckets"),
                       "not given, and there is no bucket as a source: whoever may write to the "
                       "queue can have objects of any bucket counted that the keys may read");
        return;
    }
    for (int i = 0; i < s->body_buckets.n; i++)
        add_bucket(v, &n, s->body_buckets.v[i]);
    s->buckets = (struct config_list){v, n};
}

void config_check(struct config_reading *r)
{
    check_names(r);
    check_addresses(r);
    for (int i = 0; i < r->c->sources_n; i++)
        check_source(r, i);
    for (int i = 0; i < r->c->sources_n; i++)
        name_buckets(r, i);
    int64_t facts = r->c->keep_facts_days, sums = r->c->keep_rollups_days;
    if (sums && (!facts || facts > sums))
        config_mistake(r, line_of(r, -1, "keep_rollups"), "keep_rollups",
                       "shorter than keep_facts; sums are kept at least as long");
    if (r->files)
        check_files(r);
}
