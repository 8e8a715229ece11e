/* Local files as a source: see local.h. */
#include "source/local.h"

#include <errno.h>
#include <fts.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct local_walk {
    local_problem problem;
    void *ctx;
    glob_t names; /* the operands, globs expanded */
    FTS *fts;
    bool stdin_wanted;
};

/* True and the element's text, moving *rest, while there are elements. */
static bool next_element(struct str *rest, struct str *element)
{
    if (!rest->p)
        return false;
    *element = str_cut(rest, '/');
    return true;
}

static bool all_digits(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

/* The rest of the path behind the last "AWSLogs/<digits>/BedrockModelInvocationLogs/": a prefix
 * may hold slashes, "data", even "AWSLogs". */
static bool find_layout(struct str path, struct str *account, struct str *rest)
{
    bool found = false;
    struct str element, left = path;
    while (next_element(&left, &element)) {
        struct str ahead = left, number, kind;
        if (str_eq(element, STR("AWSLogs")) && next_element(&ahead, &number) &&
            all_digits(number) && next_element(&ahead, &kind) &&
            str_eq(kind, STR("BedrockModelInvocationLogs"))) {
            *account = number;
            *rest = ahead;
            found = true;
        }
    }
    return found;
}

static bool is_body_name(struct str name)
{
    return str_find(name, STR("_input.json")) >= 0 || str_find(name, STR("_output.json")) >= 0 ||
           str_find(name, STR("_input_media")) >= 0;
}

struct key_facts key_facts(struct str path)
{
    struct key_facts facts = {.hour_us = TIME_NONE};
    struct str rest, element, parent = STR_NONE, name = STR_NONE;
    if (!find_layout(path, &facts.account, &rest)) {
        while (next_element(&path, &element)) {
            parent = name;
            name = element;
        }
        facts.is_body = str_eq(parent, STR("data")) && is_body_name(name);
        return facts;
    }
    next_element(&rest, &facts.region);
    int64_t part[4];
    int n = 0;
    while (n < 4 && next_element(&rest, &element) && all_digits(element) && element.n <= 4 &&
           str_to_i64(element, &part[n]))
        n++;
    struct civil c = {.year = 1970, .month = 1, .day = 1};
    if (n == 4 && part[1] >= 1 && part[1] <= 12 && part[2] >= 1 && part[2] <= 31 && part[3] <= 23) {
        c = (struct civil){part[0], (int)part[1], (int)part[2], (int)part[3], 0, 0, 0};
        facts.hour_us = us_from_civil(&c);
    }
    struct str first = STR_NONE;
    next_element(&rest, &first);
    facts.is_body = str_eq(first, STR("data")) && rest.p != NULL;
    return facts;
}

static bool is_record_file(const FTSENT *e)
{
    if (e->fts_statp->st_size == 0 || e->fts_name[0] == '.' ||
        strstr(e->fts_name, "amazon-bedrock-logs-permission-check"))
        return false;
    return !key_facts(str_of(e->fts_path, e->fts_pathlen)).is_body;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* A name that exists is itself, whatever characters are in it; else it may be a glob. */
static enum status add_operand(struct local_walk *w, const char *operand, struct err *err)
{
    struct stat st;
    int flags = GLOB_NOCHECK | (w->names.gl_pathc ? GLOB_APPEND : 0);
    if (strcmp(operand, "-") == 0) {
        w->stdin_wanted = true;
        return OK;
    }
    /* Without GLOB_NOMAGIC's help: a literal name must not lose its backslashes either. */
    bool literal = lstat(operand, &st) == 0;
    if (literal)
        flags |= GLOB_NOESCAPE;
    char *pattern = NULL;
    if (literal && strpbrk(operand, "*?[")) {
        /* Quote each special character as a set of one. */
        pattern = malloc(strlen(operand) * 3 + 1);
        if (!pattern)
            return err_nomem(err);
        char *to = pattern;
        for (const char *c = operand; *c; c++) {
            bool special = strchr("*?[", *c) != NULL;
            if (special)
                *to++ = '[';
            *to++ = *c;
            if (special)
                *to++ = ']';
        }
        *to = '\0';
    }
    int code = glob(pattern ? pattern : operand, flags, NULL, &w->names);
    free(pattern);
    return code == GLOB_NOSPACE ? err_nomem(err) : OK;
}

enum status local_open(char *const *operands, int n, local_problem problem, void *ctx,
                       struct local_walk **out, struct err *err)
{
    struct local_walk *w = calloc(1, sizeof *w);
    if (!w)
        return err_nomem(err);
    w->problem = problem;
    w->ctx = ctx;
    enum status status = OK;
    for (int i = 0; i < n && status == OK; i++)
        status = add_operand(w, operands[i], err);
    if (status == OK && w->names.gl_pathc > 0) {
        w->fts = fts_open(w->names.gl_pathv, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
        if (!w->fts)
            status = err_errno(err, errno, "cannot walk the operands");
    }
    if (status != OK) {
        local_close(w);
        return status;
    }
    *out = w;
    return OK;
}

void local_close(struct local_walk *w)
{
    if (!w)
        return;
    if (w->fts)
        fts_close(w->fts);
    globfree(&w->names);
    free(w);
}

static void report_problem(struct local_walk *w, const FTSENT *e)
{
    char room[128];
    w->problem(w->ctx, e->fts_path, strerror_r(e->fts_errno, room, sizeof room));
}

enum status local_next(struct local_walk *w, struct local_file *file, bool *more, struct err *err)
{
    *more = true;
    if (w->stdin_wanted) {
        w->stdin_wanted = false;
        *file = (struct local_file){.path = "-"};
        return OK;
    }
    for (FTSENT *e; w->fts && (errno = 0, e = fts_read(w->fts));) {
        switch (e->fts_info) {
        case FTS_F:
        case FTS_DEFAULT: /* a pipe or device is read only when it was named itself */
            if (e->fts_info == FTS_DEFAULT && e->fts_level > 0)
                break;
            if (e->fts_level > 0 && !is_record_file(e))
                break;
            *file = (struct local_file){
                .path = e->fts_accpath,
                .size = e->fts_statp->st_size,
                .mtime_ns = (int64_t)e->fts_statp->st_mtim.tv_sec * 1000000000 +
                            e->fts_statp->st_mtim.tv_nsec,
            };
            return OK;
        case FTS_D:
            if (e->fts_level > 0 && e->fts_name[0] == '.')
                fts_set(w->fts, e, FTS_SKIP);
            break;
        case FTS_DNR:
        case FTS_ERR:
        case FTS_NS:
        case FTS_SLNONE:
            report_problem(w, e);
            break;
        default:
            break;
        }
    }
    if (w->fts && errno == ENOMEM)
        return err_nomem(err);
    *more = false;
    return OK;
}
