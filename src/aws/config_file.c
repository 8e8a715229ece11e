/*
 * The AWS configuration files: see config_file.h. A text is parsed where it lies: keys and values
 * are terminated by zeros written over what parted them, and a value of several lines is pulled
 * together, which only ever shortens it. So there is one copy of each secret, and one wipe.
 */
#include "aws/config_file.h"

#include "aws/words.h"
#include "base/io.h"
#include "codec/digest.h"

#include <stdlib.h>

enum { NAME_MAX_BYTES = 1024, NOT_OURS = -1 };

struct entry {
    int kind; /* enum config_section */
    enum config_where where;
    const char *section;
    const char *parent; /* "" at the level of the section */
    const char *key;    /* "" tells only that the section exists */
    const char *value;
};

struct aws_config {
    struct buf text[2];
    struct entry *entries; /* in the order of precedence: the last one wins */
    size_t n;
};

struct parser {
    struct aws_config *c;
    enum config_where where;
    const char *name; /* of the file */
    int64_t line;
    int kind; /* of the section; NOT_OURS */
    bool in_section;
    const char *section;
    const char *key; /* the last key, on which an indented line goes on; NULL */
    char *value_end; /* of its value: where the zero is */
    size_t entry;    /* its place in entries; only in sections of ours */
    size_t indent;   /* of that key */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static enum status bad_line(const struct parser *p, const char *why, struct err *err)
{
    return err_set(err, ERR_PARSE, "%.200s, line %lld: %s", p->name, (long long)p->line, why);
}

static enum status add(struct parser *p, const char *parent, const char *key, const char *value,
                       struct err *err)
{
    struct aws_config *c = p->c;
    if (p->kind == NOT_OURS)
        return OK;
    if ((c->n & (c->n - 1)) == 0) {
        size_t cap = c->n ? c->n * 2 : 1;
        struct entry *grown = realloc(c->entries, cap * sizeof *grown);
        if (!grown)
            return err_nomem(err);
        c->entries = grown;
    }
    p->entry = c->n;
    c->entries[c->n++] = (struct entry){p->kind, p->where, p->section, parent, key, value};
    return OK;
}

/* What a section of the config file is; *name becomes its name, in place. */
static int kind_of(char *header, const char **name)
{
    static const struct {
        const char *word;
        int kind;
    } kinds[] = {{"profile", CONFIG_PROFILE},
                 {"sso-session", CONFIG_SSO_SESSION},
                 {"services", CONFIG_SERVICES}};
    if (strcmp(header, "default") == 0) {
        *name = header;
        return CONFIG_PROFILE;
    }
    char room[NAME_MAX_BYTES + 1];
    char *words[2];
    size_t n = strlen(header);
    if (n > NAME_MAX_BYTES || words_split(str_of(header, n), room, words, 2) != 2)
        return NOT_OURS;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(words[0], kinds[i].word) == 0) {
            /* A word is never longer than the line that it was cut from. */
            memcpy(header, words[1], strlen(words[1]) + 1);
            *name = header;
            return kinds[i].kind;
        }
    }
    return NOT_OURS;
}

static enum status take_header(struct parser *p, char *line, char *end, struct err *err)
{
    char *close = memrchr(line, ']', (size_t)(end - line));
    if (!close || close == line + 1)
        return bad_line(p, "a section should look like [profile name]", err);
    *close = '\0';
    p->in_section = true;
    p->key = NULL;
    p->section = line + 1;
    p->kind = p->where == CONFIG_IN_CREDENTIALS ? CONFIG_PROFILE : kind_of(line + 1, &p->section);
    return add(p, "", "", "", err);
}

static char *trim_end(char *from, char *end)
{
    while (end > from && is_blank(end[-1]))
        end--;
    return end;
}

/* Where a comment behind a blank begins, or end. */
static char *before_comment(char *from, char *end)
{
    for (char *c = from; c < end; c++)
        if ((*c == '#' || *c == ';') && (c == from || is_blank(c[-1])))
            return c;
    return end;
}

/* Cuts `key = value` apart at the first of the delimiters and terminates both. */
static enum status cut_pair(struct parser *p, char *line, char *end, const char *delimiters,
                            char **key, char **value, char **value_end, struct err *err)
{
    char *at = line;
    while (at < end && !strchr(delimiters, *at))
        at++;
    char *key_end = trim_end(line, at);
    if (at == end || key_end == line)
        return bad_line(p, "wanted `key = value`", err);
    char *from = at + 1;
    while (from < end && is_blank(*from))
        from++;
    *key_end = '\0';
    *key = line;
    if (strcasecmp(line, "credential_process") != 0)
        end = before_comment(from, end);
    *value = from;
    *value_end = trim_end(from, end);
    **value_end = '\0';
    return OK;
}

static enum status take_pair(struct parser *p, char *line, char *end, struct err *err)
{
    char *key, *value;
    if (!p->in_section)
        return bad_line(p, "a key before the first [section]", err);
    TRY(cut_pair(p, line, end, "=:", &key, &value, &p->value_end, err));
    for (char *c = key; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + ('a' - 'A'));
    p->key = key;
    return add(p, "", key, value, err);
}

/* An indented line: a key below the last one when that has no value, else more of its value. */
static enum status take_more(struct parser *p, char *line, char *end, struct err *err)
{
    char *key, *value, *value_end;
    if (p->kind == NOT_OURS)
        return OK;
    const struct entry *e = &p->c->entries[p->entry];
    if (*e->parent || !*e->value) {
        TRY(cut_pair(p, line, end, "=", &key, &value, &value_end, err));
        return add(p, p->key, key, value, err);
    }
    /* The line lies behind the value, after at least the end of a line and a blank. */
    *p->value_end++ = '\n';
    memmove(p->value_end, line, (size_t)(end - line));
    p->value_end += end - line;
    *p->value_end = '\0';
    return OK;
}

static enum status take_line(struct parser *p, char *line, char *end, struct err *err)
{
    char *from = line;
    if (memchr(line, '\0', (size_t)(end - line)))
        return bad_line(p, "a zero byte", err);
    while (from < end && is_blank(*from))
        from++;
    end = trim_end(from, end);
    size_t indent = (size_t)(from - line);
    if (from == end || *from == '#' || *from == ';')
        return OK;
    if (p->key && indent > p->indent)
        return take_more(p, from, end, err);
    p->indent = indent;
    return *from == '[' ? take_header(p, from, end, err) : take_pair(p, from, end, err);
}

static enum status parse(struct aws_config *c, int file, const char *name, struct err *err)
{
    struct buf *text = &c->text[file];
    struct parser p = {.c = c,
                       .name = name,
                       .kind = NOT_OURS,
                       .where = file == 0 ? CONFIG_IN_CONFIG : CONFIG_IN_CREDENTIALS};
    /* Room for the last zero when no end of line is there to become one. */
    buf_char(text, '\n');
    if (buf_status(text) != OK)
        return err_set(err, buf_status(text), "%.200s is too large", name);
    char *at = text->p, *end = text->p + text->n;
    if (text->n >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0)
        at += 3;
    while (at < end) {
        char *stop = memchr(at, '\n', (size_t)(end - at));
        char *next = stop + 1;
        if (stop > at && stop[-1] == '\r')
            stop--;
        p.line++;
        TRY(take_line(&p, at, stop, err));
        at = next;
    }
    return OK;
}

static void wipe_text(struct buf *text)
{
    if (text->p)
        secret_wipe(text->p, text->cap);
    buf_fini(text);
}

void config_free(struct aws_config *c)
{
    if (!c)
        return;
    for (int i = 0; i < 2; i++)
        wipe_text(&c->text[i]);
    free(c->entries);
    free(c);
}

/* All the room at once: a buffer that grows leaves copies behind. */
static enum status config_new(struct aws_config **out, struct err *err)
{
    struct aws_config *c = calloc(1, sizeof *c);
    if (!c)
        return err_nomem(err);
    for (int i = 0; i < 2; i++)
        buf_init(&c->text[i], CONFIG_FILE_MAX + 1);
    if (!buf_reserve(&c->text[0], CONFIG_FILE_MAX + 1) ||
        !buf_reserve(&c->text[1], CONFIG_FILE_MAX + 1)) {
        config_free(c);
        return err_nomem(err);
    }
    *out = c;
    return OK;
}

enum status config_parse(struct str config, const char *config_name, struct str credentials,
                         const char *credentials_name, struct aws_config **out, struct err *err)
{
    struct aws_config *c = NULL;
    TRY(config_new(&c, err));
    buf_str(&c->text[0], config);
    buf_str(&c->text[1], credentials);
    enum status status = parse(c, 0, config_name, err);
    if (status == OK)
        status = parse(c, 1, credentials_name, err);
    if (status != OK) {
        config_free(c);
        return status;
    }
    *out = c;
    return OK;
}

static enum status read_one(struct aws_config *c, int file, const struct aws_machine *m,
                            struct err *err)
{
    static const char *const variables[] = {"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"};
    static const char *const usual[] = {"~/.aws/config", "~/.aws/credentials"};
    struct buf path;
    buf_init(&path, 4096);
    const char *chosen = machine_variable(m, variables[file]);
    enum status status = machine_path(m, chosen ? chosen : usual[file], &path, err);
    if (status == OK) {
        c->text[file].max = CONFIG_FILE_MAX;
        status = io_read_file(path.p, &c->text[file], err);
        c->text[file].max++;
    }
    if (status == OK)
        status = parse(c, file, path.p, err);
    else if (status == ERR_NOT_FOUND || (status == ERR_ACCESS && !chosen))
        status = OK;
    buf_fini(&path);
    return status;
}

enum status config_read(const struct aws_machine *m, struct aws_config **out, struct err *err)
{
    struct aws_config *c = NULL;
    TRY(config_new(&c, err));
    enum status status = read_one(c, 0, m, err);
    if (status == OK)
        status = read_one(c, 1, m, err);
    if (status != OK) {
        config_free(c);
        return status;
    }
    *out = c;
    return OK;
}

static bool is_secret(const char *key)
{
    /* A command line may hold a password. */
    static const char *const secrets[] = {"aws_secret_access_key", "aws_session_token",
                                          "aws_security_token", "credential_process"};
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
        if (strcmp(key, secrets[i]) == 0)
            return true;
    return false;
}

static const char *keep_text(struct buf *kept, const char *text)
{
    size_t at = kept->n;
    buf_append(kept, text, strlen(text) + 1);
    return kept->p ? kept->p + at : "";
}

enum status config_forget_secrets(struct aws_config *c, struct err *err)
{
    struct buf kept;
    size_t n = 0, room = 0;
    for (size_t i = 0; i < c->n; i++) {
        const struct entry *e = &c->entries[i];
        room += strlen(e->section) + strlen(e->parent) + strlen(e->key) + strlen(e->value) + 4;
    }
    buf_init(&kept, room);
    if (!buf_reserve(&kept, room))
        return err_nomem(err);
    for (size_t i = 0; i < c->n; i++) {
        struct entry e = c->entries[i];
        if (is_secret(e.key))
            continue;
        e.section = keep_text(&kept, e.section);
        e.parent = keep_text(&kept, e.parent);
        e.key = keep_text(&kept, e.key);
        e.value = keep_text(&kept, e.value);
        c->entries[n++] = e;
    }
    c->n = n;
    for (int i = 0; i < 2; i++)
        wipe_text(&c->text[i]);
    c->text[0] = kept;
    return OK;
}

static const char *find(const struct aws_config *c, enum config_where where, int kind,
                        const char *name, const char *parent, const char *key)
{
    for (size_t i = c->n; i-- > 0;) {
        const struct entry *e = &c->entries[i];
        if (e->kind == kind && (e->where & where) && strcmp(e->key, key) == 0 &&
            strcmp(e->section, name) == 0 && strcmp(e->parent, parent) == 0)
            return e->value;
    }
    return NULL;
}

bool config_has(const struct aws_config *c, enum config_section kind, const char *name)
{
    return find(c, CONFIG_ANYWHERE, (int)kind, name, "", "") != NULL;
}

const char *config_get_in(const struct aws_config *c, enum config_where where,
                          enum config_section kind, const char *name, const char *key)
{
    return find(c, where, (int)kind, name, "", key);
}

const char *config_get(const struct aws_config *c, enum config_section kind, const char *name,
                       const char *key)
{
    return find(c, CONFIG_ANYWHERE, (int)kind, name, "", key);
}

const char *config_get_below(const struct aws_config *c, enum config_section kind, const char *name,
                             const char *parent, const char *key)
{
    return find(c, CONFIG_ANYWHERE, (int)kind, name, parent, key);
}
