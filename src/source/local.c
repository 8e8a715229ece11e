/*
 * Local files as a source: see local.h. The walk keeps one open level per depth of the tree: the
 * sorted names of a directory, or of several that are walked together, and how far it came. The
 * kind of an entry comes with its name, so a file costs no stat unless its size is wanted; a month
 * of small log objects is tens of thousands.
 */
#include "source/local_internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

/* A name that exists is itself, whatever characters are in it; else it may be a glob. */
static enum status add_operand(struct local_walk *w, const char *operand, struct err *err)
{
    struct stat st;
    int flags = GLOB_NOCHECK | (w->names.gl_pathc ? GLOB_APPEND : 0);
    if (strcmp(operand, "-") == 0) {
        w->stdin_wanted = w->has_stdin = true;
        w->all_files = false;
        return OK;
    }
    bool literal = lstat(operand, &st) == 0;
    w->all_files = w->all_files && literal && S_ISREG(st.st_mode);
    if (w->all_files)
        w->bytes += st.st_size;
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
    w->all_files = n > 0;
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
        buf_fini(&w->levels[i].directories);
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

/* Makes w->path the directory ("" for none), a slash and the name. */
static bool set_path(struct local_walk *w, const char *directory, const char *name)
{
    buf_reset(&w->path);
    buf_str(&w->path, str_from(directory));
    if (w->path.n > 0 && w->path.p[w->path.n - 1] != '/')
        buf_char(&w->path, '/');
    buf_append(&w->path, name, strlen(name) + 1);
    if (buf_status(&w->path) != OK)
        return false;
    w->path.n--; /* the zero is there but does not count */
    return true;
}

static bool set_path_of(struct local_walk *w, const struct level *l, const struct entry *e)
{
    return set_path(w, l->directories.p + e->directory, l->names.p + e->name);
}

static int by_name(const void *a, const void *b, void *names)
{
    const struct entry *x = a, *y = b;
    const char *text = names;
    int order = strcmp(text + x->name, text + y->name);
    return order ? order : (x->directory > y->directory) - (x->directory < y->directory);
}

static bool add_entry(struct level *l, uint32_t directory, const struct dirent *d)
{
    if ((l->n & (l->n - 1)) == 0) {
        size_t cap = l->n ? l->n * 2 : 1;
        struct entry *grown = realloc(l->entries, cap * sizeof *grown);
        if (!grown)
            return false;
        l->entries = grown;
    }
    l->entries[l->n++] = (struct entry){(uint32_t)l->names.n, directory, d->d_type};
    buf_append(&l->names, d->d_name, strlen(d->d_name) + 1);
    return buf_status(&l->names) == OK;
}

/* Adds the entries of the directory at w->path to a level; one that cannot be read is reported. */
static enum status list(struct local_walk *w, struct level *l, struct err *err)
{
    DIR *dir = opendir(w->path.p);
    if (!dir) {
        if (errno == ENOMEM)
            return err_nomem(err);
        report(w, errno);
        return OK;
    }
    uint32_t directory = (uint32_t)l->directories.n;
    buf_append(&l->directories, w->path.p, w->path.n + 1);
    bool fits = buf_status(&l->directories) == OK;
    for (struct dirent *d; fits && (errno = 0, d = readdir(dir));)
        if (d->d_name[0] != '.')
            fits = add_entry(l, directory, d);
    int native = fits ? errno : 0;
    closedir(dir);
    if (!fits)
        return err_nomem(err);
    if (native != 0)
        report(w, native);
    return OK;
}

/* A further level, yet without entries; NULL when the tree is too deep, which is reported. */
static struct level *open_level(struct local_walk *w)
{
    if (w->depth == DEPTH_MAX) {
        report(w, ELOOP);
        return NULL;
    }
    struct level *l = &w->levels[w->depth++];
    l->n = l->next = l->begun = 0;
    l->first_day = l->last_day = 0;
    l->names.max = l->directories.max = (size_t)1 << 31;
    buf_reset(&l->names);
    buf_reset(&l->directories);
    l->stage = key_stage(buf_view(&w->path));
    return l;
}

static void sort_level(struct level *l)
{
    if (l->n > 0)
        qsort_r(l->entries, l->n, sizeof *l->entries, by_name, l->names.p);
}

/* Describes the file at w->path; false when it is gone, or when it is empty. */
static bool describe(struct local_walk *w, bool is_operand, struct source_item *item)
{
    *item = (struct source_item){
        .name = w->path.p, .is_path = true, .root_n = is_operand ? 0 : w->root_n};
    struct stat st;
    if (!w->stat_files && !is_operand)
        return true;
    if (stat(w->path.p, &st) != 0) {
        report(w, errno);
        return false;
    }
    item->size = st.st_size;
    item->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
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

/* Opens the directory at w->path as a further level. */
static enum status enter(struct local_walk *w, struct err *err)
{
    struct level *l = open_level(w);
    if (!l)
        return OK;
    TRY(list(w, l, err));
    sort_level(l);
    return OK;
}

/*
 * Below AWSLogs the accounts and Regions are walked together, year by year down to the hour, so
 * that records come nearly in the order of time. A store wants that: a batch then touches few of
 * its pages, where account by account each would go through the whole month again.
 */
static bool together(const struct level *l, const struct entry *a, const struct entry *b)
{
    const char *x = l->names.p + a->name, *y = l->names.p + b->name;
    switch (l->stage) {
    case STAGE_ACCOUNTS:
        return key_all_digits(str_from(x)) && key_all_digits(str_from(y));
    case STAGE_REGIONS:
        return true;
    case STAGE_KINDS:
        return strcmp(x, y) == 0 && strcmp(x, "BedrockModelInvocationLogs") == 0;
    case STAGE_YEARS:
    case STAGE_MONTHS:
    case STAGE_DAYS:
        return strcmp(x, y) == 0;
    default:
        return false;
    }
}

/* Opens the directory at w->path, which is the entry `first`, and those that go with it. */
static enum status enter_together(struct local_walk *w, struct level *from,
                                  const struct entry *first, struct err *err)
{
    struct level *l = open_level(w);
    if (!l)
        return OK;
    TRY(list(w, l, err));
    for (; from->next < from->n; from->next++) {
        const struct entry *e = &from->entries[from->next];
        if (!together(from, first, e))
            break;
        if (!set_path_of(w, from, e))
            return err_nomem(err);
        if (type_of(w, e->type) != DT_DIR)
            break;
        TRY(list(w, l, err));
    }
    sort_level(l);
    return OK;
}

/* The next entry of the innermost level. *found: it is a file to be read. */
static enum status step(struct local_walk *w, struct source_item *item, bool *found,
                        struct err *err)
{
    struct level *l = &w->levels[w->depth - 1];
    if (l->next == l->n) {
        w->depth--;
        return OK;
    }
    l->begun = l->next;
    const struct entry *e = &l->entries[l->next++];
    if (!set_path_of(w, l, e))
        return err_nomem(err);
    unsigned char type = type_of(w, e->type);
    if (type == DT_DIR)
        return enter_together(w, l, e, err);
    if (type == DT_REG && key_is_record(buf_view(&w->path)))
        *found = describe(w, false, item);
    return OK;
}

/* The next operand: a directory is entered; anything else (a pipe, too) is read as it is. */
static enum status step_operand(struct local_walk *w, struct source_item *item, bool *found,
                                struct err *err)
{
    if (!set_path(w, "", w->names.gl_pathv[w->next_operand++]))
        return err_nomem(err);
    struct stat st;
    w->root_n = w->path.n;
    if (stat(w->path.p, &st) == 0 && S_ISDIR(st.st_mode))
        return enter(w, err);
    *found = describe(w, true, item);
    return OK;
}

enum status local_next(struct local_walk *w, struct source_item *item, bool *more, struct err *err)
{
    *more = true;
    if (w->stdin_wanted) {
        w->stdin_wanted = false;
        *item = (struct source_item){.name = "-"};
        return OK;
    }
    bool found = false;
    while (!found) {
        if (w->depth > 0) {
            TRY(step(w, item, &found, err));
        } else if (w->next_operand < w->names.gl_pathc) {
            TRY(step_operand(w, item, &found, err));
        } else {
            *more = false;
            w->ended = true;
            return OK;
        }
    }
    return OK;
}
