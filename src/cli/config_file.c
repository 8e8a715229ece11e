/* assay.yaml as a file: where it is looked for, reading it, and what a command says about it. */
#include "cli/config.h"

#include "base/io.h"
#include "cli/cli.h"
#include "cli/reading.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char in_system[] = "/etc/assay/assay.yaml";

/* Ends a path with a zero byte that is not counted. */
static enum status finish(struct buf *path, struct err *err)
{
    buf_char(path, '\0');
    if (buf_status(path) == ERR_NOMEM)
        return err_nomem(err);
    if (buf_status(path) != OK)
        return err_set(err, ERR_USAGE, "the path of the configuration is too long");
    path->n--;
    return OK;
}

static enum status take(struct buf *path, const char *text, struct err *err)
{
    buf_reset(path);
    buf_str(path, str_from(text));
    return finish(path, err);
}

enum status config_find(const char *given, struct buf *path, struct err *err)
{
    const char *named = getenv("ASSAY_CONFIG"), *base = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    if (given)
        return take(path, given, err);
    if (named && *named)
        return take(path, named, err);
    buf_reset(path);
    if (base && base[0] == '/')
        buf_printf(path, "%s/assay/assay.yaml", base);
    else if (home && home[0] == '/')
        buf_printf(path, "%s/.config/assay/assay.yaml", home);
    TRY(finish(path, err));
    if (path->n && access(path->p, F_OK) == 0)
        return OK;
    if (access(in_system, F_OK) == 0)
        return take(path, in_system, err);
    return err_set(err, ERR_USAGE,
                   "no configuration: give -c FILE, or write %.200s%s%s (`assay config example` "
                   "prints one)",
                   path->p, path->n ? " or " : "", in_system);
}

enum status config_read_file(const char *path, struct config **out, struct config_findings *f,
                             struct err *err)
{
    struct buf text;
    buf_init(&text, CONFIG_FILE_MAX);
    enum status status = io_read_file(path, &text, err);
    if (status == ERR_LIMIT)
        status =
            err_set(err, ERR_PARSE, "%.300s: larger than 1 MiB; that is no configuration", path);
    if (status == ERR_NOT_FOUND)
        status = err_set(err, ERR_USAGE, "%.300s: there is no such file", path);
    if (status == OK)
        status = config_read_text(buf_view(&text), path, true, clock_now_us(), out, f, err);
    buf_fini(&text);
    return status;
}

int config_open(const char *given, struct config **out)
{
    struct buf path;
    struct err err = {0};
    struct config_findings f;
    buf_init(&path, 8192);
    config_findings_init(&f);
    enum status status = config_find(given, &path, &err);
    if (status == OK)
        status = config_read_file(path.p, out, &f, &err);
    if (f.mistakes.n)
        fwrite(f.mistakes.p, 1, f.mistakes.n, stderr);
    if (f.warnings.n)
        fwrite(f.warnings.p, 1, f.warnings.n, stderr);
    int code = EXIT_DONE;
    if (status == ERR_PARSE && f.mistakes_n > 0)
        code = EXIT_BAD_USAGE;
    else if (status != OK)
        code = cli_fail(&err);
    config_findings_fini(&f);
    buf_fini(&path);
    return code;
}

enum status config_make_state(const struct config *c, struct err *err)
{
    char path[4096];
    struct str store = str_from(c->store);
    if (store.n >= sizeof path)
        return err_set(err, ERR_LIMIT, "the path of the store is too long");
    memcpy(path, store.p, store.n + 1);
    for (size_t i = 1; i < store.n; i++) {
        if (path[i] != '/')
            continue;
        path[i] = '\0';
        /* EEXIST may be a file: then the store itself says so. A directory above may also be one
         * that may not be written but is there. */
        if (mkdir(path, 0700) != 0 && errno != EEXIST && access(path, X_OK) != 0)
            return err_errno(err, errno, "cannot make the directory %.200s", path);
        path[i] = '/';
    }
    return OK;
}

void config_reading(const struct config *c, struct reading *r)
{
    r->level = c->level;
    r->profiles = c->profiles;
    r->prices = c->prices;
    r->harness_rules = c->harness_rules;
    r->discounts.n = 0;
    for (int i = 0; i < c->discounts.n && i < OPTION_LIST_MAX; i++)
        r->discounts.v[r->discounts.n++] = c->discounts.v[i];
    r->repository_names = c->repository_names;
    r->threads = c->threads;
    r->max_line = c->max_line;
    r->max_inflated = c->max_inflated;
    r->max_ratio = c->max_ratio;
}
