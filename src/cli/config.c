/*
 * assay.yaml: from the tree of YAML to struct config, see config.h. This file walks the tree and
 * collects what is wrong; values are config_value.c's, rules over several of them config_check.c's.
 */
#include "cli/config_internal.h"

#include "base/io.h"
#include "base/nearest.h"
#include "cli/cli.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const kind_names[CONFIG_KINDS] = {"s3", "sqs", "cloudwatch", "push"};

const char *config_kind_name(enum config_kind kind)
{
    return kind_names[kind];
}

void config_findings_init(struct config_findings *f)
{
    *f = (struct config_findings){0};
    buf_init(&f->mistakes, 1 << 16);
    buf_init(&f->warnings, 1 << 16);
}

void config_findings_fini(struct config_findings *f)
{
    buf_fini(&f->mistakes);
    buf_fini(&f->warnings);
}

const char *config_place(char out[CONFIG_PLACE], int source, const char *key)
{
    if (source < 0)
        snprintf(out, CONFIG_PLACE, "%s", key);
    else
        snprintf(out, CONFIG_PLACE, "sources[%d]%s%s", source, *key ? "." : "", key);
    return out;
}

PRINTF_LIKE(6, 0)
static void find(struct config_reading *r, struct config_finding *list, int *n, int64_t line,
                 const char *place, const char *fmt, va_list args)
{
    if ((*n)++ >= CONFIG_MISTAKES_SHOWN)
        return;
    char text[1024], at[24] = "";
    if (line > 0)
        snprintf(at, sizeof at, "%" PRId64 ":", line);
    int used = snprintf(text, sizeof text / 2, "%.300s:%s%s %s: ", r->c->path, at,
                        list == r->warnings ? " warning:" : "", place);
    if (used < 0 || (size_t)used >= sizeof text / 2)
        used = sizeof text / 2 - 1;
    vsnprintf(text + used, sizeof text - (size_t)used, fmt, args);
    list[*n - 1] = (struct config_finding){line, config_keep(r, str_from(text))};
}

void config_mistake(struct config_reading *r, int64_t line, const char *place, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    find(r, r->mistakes, &r->mistakes_n, line, place, fmt, args);
    va_end(args);
}

void config_warning(struct config_reading *r, int64_t line, const char *place, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    find(r, r->warnings, &r->warnings_n, line, place, fmt, args);
    va_end(args);
}

/* In the order of the lines; what is about no line stands first. */
static void put_findings(struct config_reading *r, struct config_finding *list, int n,
                         struct buf *out)
{
    int shown = n < CONFIG_MISTAKES_SHOWN ? n : CONFIG_MISTAKES_SHOWN;
    for (int i = 1; i < shown; i++)
        for (int k = i; k > 0 && list[k - 1].line > list[k].line; k--) {
            struct config_finding other = list[k];
            list[k] = list[k - 1];
            list[k - 1] = other;
        }
    for (int i = 0; i < shown; i++)
        buf_printf(out, "%s\n", list[i].text);
    if (n > shown)
        buf_printf(out, "%.300s: … and %d more\n", r->c->path, n - shown);
}

static int key_index(const struct config_key *key)
{
    return (int)(key - config_keys);
}

/* "not of a push source, but of s3 and cloudwatch": the key is right elsewhere. */
static void misplaced(struct config_reading *r, const struct config_key *key, unsigned of,
                      int64_t line, const char *place)
{
    if (of == OF_TOP) {
        config_mistake(r, line, place, "belongs to an entry of sources, not to the top");
        return;
    }
    if (key->of & OF_TOP) {
        config_mistake(r, line, place, "belongs to the top of the file, not to a source");
        return;
    }
    char kinds[64];
    struct buf list;
    buf_on(&list, kinds, sizeof kinds);
    const char *own = "";
    for (int k = 0; k < CONFIG_KINDS; k++) {
        if (key->of & 1U << k)
            buf_printf(&list, "%s%s", list.n ? ", " : "", kind_names[k]);
        if (of & 1U << k)
            own = kind_names[k];
    }
    config_mistake(r, line, place, "not of a source of kind %s, only of: %.*s", own,
                   STR_ARG(buf_view(&list)));
}

static void unknown(struct config_reading *r, struct str name, unsigned of, int64_t line,
                    const char *place)
{
    struct nearest near = nearest_start(name);
    for (int i = 0; i < CONFIG_KEYS; i++)
        if (config_keys[i].of & of)
            nearest_offer(&near, str_from(config_keys[i].name));
    if (near.best.p)
        config_mistake(r, line, place, "unknown key; did you mean %.*s?", STR_ARG(near.best));
    else
        config_mistake(r, line, place, "unknown key; `assay config example` shows all");
}

/* A key as a message may show it: what is long or odd could be somebody's text. */
static const char *shown_key(char out[STR_FOUND], struct str key)
{
    if (key.n > 0 && key.n < STR_FOUND - 1 && str_is_plain(key))
        snprintf(out, STR_FOUND, "%.*s", STR_ARG(key));
    else
        snprintf(out, STR_FOUND, "(a key of %zu bytes)", key.n);
    return out;
}

/* The entries of one mapping into `base`; `of` is where it stands, `lines` by index of the key. */
static void read_mapping(struct config_reading *r, const struct yaml_node *map, unsigned of,
                         int source, void *base, int64_t *lines)
{
    for (const struct yaml_node *node = map->first; node; node = node->next) {
        char room[CONFIG_PLACE], name[STR_FOUND];
        const char *place = config_place(room, source, shown_key(name, node->key));
        const struct config_key *key = config_key_find(node->key, of);
        const struct config_key *other = config_key_find(node->key, OF_SOURCES | OF_TOP);
        if (!key && other) {
            misplaced(r, other, of, node->line, place);
        } else if (!key) {
            unknown(r, node->key, of, node->line, place);
        } else if (lines[key_index(key)]) {
            config_mistake(r, node->line, place, "stands twice, also in line %" PRId64,
                           lines[key_index(key)]);
        } else {
            lines[key_index(key)] = node->line;
            const struct config_spot spot = {key, base, node->line, place};
            if (key->type != TYPE_SOURCES)
                config_value(r, &spot, node);
        }
    }
}

static const struct yaml_node *child(const struct yaml_node *map, const char *key)
{
    for (const struct yaml_node *n = map->first; n; n = n->next)
        if (str_eq(n->key, str_from(key)))
            return n->kind == YAML_TEXT && n->null ? NULL : n;
    return NULL;
}

/* By url or listen; CONFIG_KINDS when that cannot be told. */
static enum config_kind kind_of(struct config_reading *r, const struct yaml_node *map, int source)
{
    char place[CONFIG_PLACE];
    const struct yaml_node *url = child(map, "url"), *listen = child(map, "listen");
    if (url && listen)
        config_mistake(r, listen->line, config_place(place, source, "listen"),
                       "a source has url or listen, not both");
    else if (!url && !listen)
        config_mistake(r, map->line, config_place(place, source, ""),
                       "nothing to read; wanted url (%s) or listen", config_wanted(TYPE_URL));
    else if (listen)
        return CONFIG_PUSH;
    else if (url->kind == YAML_TEXT)
        return config_url_kind(url->text);
    return CONFIG_KINDS;
}

static void read_source(struct config_reading *r, const struct yaml_node *node, int i)
{
    struct config_source *s = &r->c->sources[i];
    char place[CONFIG_PLACE];
    *s = (struct config_source){.kind = CONFIG_KINDS, .since_us = TIME_NONE, .line = node->line};
    if (node->kind != YAML_MAPPING) {
        config_mistake(r, node->line, config_place(place, i, ""),
                       "wanted keys and values, beginning with url or listen");
        return;
    }
    s->kind = kind_of(r, node, i);
    unsigned of = s->kind == CONFIG_KINDS ? OF_SOURCES : 1U << s->kind;
    for (int k = 0; k < CONFIG_KEYS; k++)
        if (s->kind != CONFIG_KINDS && (config_keys[k].of & of))
            config_default(r, &config_keys[k], s);
    read_mapping(r, node, of, i, s, r->lines[i]);
}

static void read_sources(struct config_reading *r, const struct yaml_node *root)
{
    const struct yaml_node *list = child(root, "sources");
    if (!list || (list->kind == YAML_LIST && list->n == 0)) {
        config_mistake(r, list ? list->line : 0, "sources",
                       "nothing to read; wanted a list with at least one `- url: s3://…`");
        return;
    }
    if (list->kind != YAML_LIST) {
        config_mistake(r, list->line, "sources", "wanted %s", config_wanted(TYPE_SOURCES));
        return;
    }
    if (list->n > CONFIG_SOURCES_MAX)
        config_mistake(r, list->line, "sources", "more than %d", CONFIG_SOURCES_MAX);
    int n = list->n < CONFIG_SOURCES_MAX ? list->n : CONFIG_SOURCES_MAX;
    r->c->sources = arena_alloc(&r->c->arena, (size_t)n * sizeof *r->c->sources);
    r->lines = arena_alloc(&r->c->arena, (size_t)n * sizeof *r->lines);
    if (!r->c->sources || !r->lines) {
        r->no_memory = true;
        return;
    }
    memset(r->lines, 0, (size_t)n * sizeof *r->lines);
    r->c->sources_n = n;
    const struct yaml_node *node = list->first;
    for (int i = 0; i < n; i++, node = node->next)
        read_source(r, node, i);
}

/* As root the place of system services, else that of the user's state (XDG base directories). */
static void default_store(struct config_reading *r)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    struct buf path;
    buf_init(&path, 4096);
    if (geteuid() == 0)
        buf_str(&path, STR("/var/lib/assay/assay.db"));
    else if (state && state[0] == '/')
        buf_printf(&path, "%s/assay/assay.db", state);
    else if (home && home[0] == '/')
        buf_printf(&path, "%s/.local/state/assay/assay.db", home);
    else
        config_mistake(r, 0, "store", "not given, and there is no home directory for a default");
    if (buf_status(&path) != OK)
        config_mistake(r, 0, "store", "not given, and the path of its default is too long");
    r->c->store = config_keep(r, buf_view(&path));
    r->c->store_is_default = true;
    buf_fini(&path);
}

static void find_directory(struct config_reading *r)
{
    struct str path = str_from(r->c->path);
    size_t n = path.n;
    while (n > 0 && path.p[n - 1] != '/')
        n--;
    char here[4096] = ".";
    if (path.p[0] != '/' && !getcwd(here, sizeof here))
        snprintf(here, sizeof here, ".");
    struct buf out;
    buf_init(&out, 16384);
    if (path.p[0] != '/')
        buf_printf(&out, "%s%s", here, n ? "/" : "");
    buf_append(&out, path.p, n ? n - 1 : 0);
    r->no_memory |= buf_status(&out) != OK;
    r->directory = config_keep(r, buf_view(&out));
    buf_fini(&out);
}

static void read_root(struct config_reading *r, const struct yaml_node *root)
{
    for (int k = 0; k < CONFIG_KEYS; k++)
        if (config_keys[k].of == OF_TOP)
            config_default(r, &config_keys[k], r->c);
    if (root->kind != YAML_MAPPING && !(root->kind == YAML_TEXT && root->null)) {
        config_mistake(r, root->line, "file",
                       "wanted keys and values; `assay config example` shows them");
        return;
    }
    read_mapping(r, root, OF_TOP, -1, r->c, r->top_lines);
    read_sources(r, root);
    if (!r->c->store)
        default_store(r);
    config_check(r);
}

enum status config_read_text(struct str text, const char *path, bool files, int64_t now_us,
                             struct config **out, struct config_findings *f, struct err *err)
{
    struct config *c = calloc(1, sizeof *c);
    if (!c)
        return err_nomem(err);
    arena_init(&c->arena);
    struct config_reading r = {.c = c, .files = files, .now_us = now_us};
    c->path = "";
    c->path = config_keep(&r, str_from(path));
    find_directory(&r);
    struct yaml_node *root = NULL;
    enum status status = yaml_tree_read(text, path, &c->arena, &root, err);
    if (status == OK) {
        read_root(&r, root);
        put_findings(&r, r.mistakes, r.mistakes_n, &f->mistakes);
        put_findings(&r, r.warnings, r.warnings_n, &f->warnings);
        f->mistakes_n = r.mistakes_n;
        f->warnings_n = r.warnings_n;
        if (r.no_memory || buf_status(&f->mistakes) != OK || buf_status(&f->warnings) != OK)
            status = err_nomem(err);
        else if (r.mistakes_n)
            status = err_set(err, ERR_PARSE, "%.300s: %d mistake%s", path, r.mistakes_n,
                             r.mistakes_n == 1 ? "" : "s");
    } else if (status == ERR_PARSE && err) {
        buf_printf(&f->mistakes, "%s\n", err->text);
        f->mistakes_n = 1;
    }
    if (status != OK) {
        config_close(c);
        return status;
    }
    *out = c;
    return OK;
}

void config_close(struct config *c)
{
    if (!c)
        return;
    struct arena arena = c->arena;
    arena_fini(&arena);
    free(c);
}
