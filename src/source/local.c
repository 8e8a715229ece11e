/*
 * Local files as a source: see local.h. The walk keeps one open level per depth of the tree: the
 * sorted names of a directory and how far it came. The kind of an entry comes with its name, so a
 * file costs no stat unless its size is wanted; a month of small log objects is tens of thousands.
 */
#include "source/local.h"

#include "base/buf.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 64 };

struct entry {
    uint32_t name; /* offset in the level's names */
    unsigned char type;
};

struct level {
    struct buf names; /* zero-terminated, one behind the other */
    struct entry *entries;
    size_t n, next;
    size_t path_n; /* length of the directory's path */
};

struct local_walk {
    bool stat_files;
    local_problem problem;
    void *ctx;
    glob_t names; /* the operands, globs expanded */
    size_t next_operand;
    bool stdin_wanted;
    struct level levels[DEPTH_MAX];
    int depth;       /* levels in use */
    struct buf path; /* of the entry at hand, zero-terminated */
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

static bool is_record_file(const char *name, struct str path)
{
    return !strstr(name, "amazon-bedrock-logs-permission-check") && !key_facts(path).is_body;
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

enum status local_open(char *const *operands, int n, bool stat_files, local_problem problem,
                       void *ctx, struct local_walk **out, struct err *err)
{
    struct local_walk *w = calloc(1, sizeof *w);
    if (!w)
        return err_nomem(err);
    w->stat_files = stat_files;
    w->problem = problem;
    w->ctx = ctx;
    buf_init(&w->path, 1 << 20);
    enum status status = OK;
    for (int i = 0; i < n && status == OK; i++)
        status = add_operand(w, operands[i], err);
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
    for (int i = 0; i < DEPTH_MAX; i++) {
        buf_fini(&w->levels[i].names);
        free(w->levels[i].entries);
    }
    buf_fini(&w->path);
    globfree(&w->names);
    free(w);
}

static void report(struct local_walk *w, int native)
{
    char room[128];
    w->problem(w->ctx, w->path.p, strerror_r(native, room, sizeof room));
}

/* Makes w->path the first n bytes of itself, a slash and the name. */
static bool set_path(struct local_walk *w, size_t n, const char *name)
{
    w->path.n = n;
    if (n > 0 && w->path.p[n - 1] != '/')
        buf_char(&w->path, '/');
    buf_append(&w->path, name, strlen(name) + 1);
    if (buf_status(&w->path) != OK)
        return false;
    w->path.n--; /* the zero is there but does not count */
    return true;
}

static int by_name(const void *a, const void *b, void *names)
{
    const struct entry *x = a, *y = b;
    const char *text = names;
    return strcmp(text + x->name, text + y->name);
}

static bool add_entry(struct level *l, const struct dirent *d)
{
    if ((l->n & (l->n - 1)) == 0) {
        size_t cap = l->n ? l->n * 2 : 1;
        struct entry *grown = realloc(l->entries, cap * sizeof *grown);
        if (!grown)
            return false;
        l->entries = grown;
    }
    l->entries[l->n++] = (struct entry){(uint32_t)l->names.n, d->d_type};
    buf_append(&l->names, d->d_name, strlen(d->d_name) + 1);
    return buf_status(&l->names) == OK;
}

/* Opens the directory at w->path as a further level; one that cannot be read is reported. */
static enum status enter(struct local_walk *w, struct err *err)
{
    if (w->depth == DEPTH_MAX) {
        report(w, ELOOP);
        return OK;
    }
    DIR *dir = opendir(w->path.p);
    if (!dir) {
        if (errno == ENOMEM)
            return err_nomem(err);
        report(w, errno);
        return OK;
    }
    struct level *l = &w->levels[w->depth];
    l->n = l->next = 0;
    l->path_n = w->path.n;
    l->names.max = (size_t)1 << 31;
    buf_reset(&l->names);
    bool fits = true;
    for (struct dirent *d; fits && (errno = 0, d = readdir(dir));)
        if (d->d_name[0] != '.')
            fits = add_entry(l, d);
    int native = fits ? errno : 0;
    closedir(dir);
    if (!fits)
        return err_nomem(err);
    if (native != 0)
        report(w, native);
    if (l->n > 0)
        qsort_r(l->entries, l->n, sizeof *l->entries, by_name, l->names.p);
    w->depth++;
    return OK;
}

/* Describes the file at w->path; false when it is gone, or when it is empty. */
static bool describe(struct local_walk *w, bool is_operand, struct local_file *file)
{
    *file = (struct local_file){.path = w->path.p};
    struct stat st;
    if (!w->stat_files && !is_operand)
        return true;
    if (stat(w->path.p, &st) != 0) {
        report(w, errno);
        return false;
    }
    file->size = st.st_size;
    file->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    return is_operand || st.st_size > 0;
}

static unsigned char type_of(struct local_walk *w, unsigned char type)
{
    struct stat st;
    if (type != DT_UNKNOWN)
        return type;
    if (lstat(w->path.p, &st) != 0)
        return DT_UNKNOWN;
    return S_ISREG(st.st_mode) ? DT_REG : S_ISDIR(st.st_mode) ? DT_DIR : DT_LNK;
}

/* The next entry of the innermost level. *found: it is a file to be read. */
static enum status step(struct local_walk *w, struct local_file *file, bool *found, struct err *err)
{
    struct level *l = &w->levels[w->depth - 1];
    if (l->next == l->n) {
        w->depth--;
        return OK;
    }
    const struct entry *e = &l->entries[l->next++];
    const char *name = l->names.p + e->name;
    if (!set_path(w, l->path_n, name))
        return err_nomem(err);
    unsigned char type = type_of(w, e->type);
    if (type == DT_DIR)
        return enter(w, err);
    if (type == DT_REG && is_record_file(name, buf_view(&w->path)))
        *found = describe(w, false, file);
    return OK;
}

/* The next operand: a directory is entered; anything else (a pipe, too) is read as it is. */
static enum status step_operand(struct local_walk *w, struct local_file *file, bool *found,
                                struct err *err)
{
    buf_reset(&w->path);
    if (!set_path(w, 0, w->names.gl_pathv[w->next_operand++]))
        return err_nomem(err);
    struct stat st;
    if (stat(w->path.p, &st) == 0 && S_ISDIR(st.st_mode))
        return enter(w, err);
    *found = describe(w, true, file);
    return OK;
}

enum status local_next(struct local_walk *w, struct local_file *file, bool *more, struct err *err)
{
    *more = true;
    if (w->stdin_wanted) {
        w->stdin_wanted = false;
        *file = (struct local_file){.path = "-"};
        return OK;
    }
    bool found = false;
    while (!found) {
        if (w->depth > 0) {
            TRY(step(w, file, &found, err));
        } else if (w->next_operand < w->names.gl_pathc) {
            TRY(step_operand(w, file, &found, err));
        } else {
            *more = false;
            return OK;
        }
    }
    return OK;
}
