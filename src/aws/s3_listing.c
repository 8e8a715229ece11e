/*
 * Listings: see s3.h. Keys are asked for percent-encoded, because XML 1.0 has no way to write most
 * control characters; a server that does not do so says so (EncodingType), and that may stand
 * behind the keys. So texts are kept as they came and decoded at the end of the page.
 */
#include "aws/s3_internal.h"
#include "codec/uri.h"
#include "codec/xml.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    PAGE_BYTES = 8 << 20,
    TOKEN_MAX = 8192,
    /* Pages without a name but with a token come where many versions were deleted. */
    EMPTY_PAGES_MAX = 1000,
    SIZE_UNKNOWN = -1,
};

void s3_listing_init(struct s3_listing *l, const struct s3_query *q)
{
    *l = (struct s3_listing){.query = *q};
    buf_init(&l->token, TOKEN_MAX);
    buf_init(&l->furthest, TOKEN_MAX);
}

void s3_listing_fini(struct s3_listing *l)
{
    buf_fini(&l->token);
    buf_fini(&l->furthest);
}

enum status s3_listing_jump(struct s3_listing *l, struct str key, struct err *err)
{
    buf_reset(&l->token);
    buf_reset(&l->furthest);
    buf_str(&l->furthest, key);
    if (buf_status(&l->furthest) != OK)
        return err_set(err, buf_status(&l->furthest), "a key of %zu bytes", key.n);
    return OK;
}

void s3_listing_resume(struct s3_listing *l)
{
    buf_reset(&l->token);
}

void s3_page_init(struct s3_page *p)
{
    *p = (struct s3_page){.n = 0};
    arena_init(&p->arena);
    aws_answer_init(&p->answer);
}

void s3_page_fini(struct s3_page *p)
{
    free(p->objects);
    free(p->folders);
    arena_fini(&p->arena);
    aws_answer_fini(&p->answer);
}

struct reading {
    struct s3_page *page;
    bool is_listing, truncated, encoded;
    int depth;
    bool in_object, in_folder, restored;
    struct s3_object object;
    struct str folder, token;
};

/* Room for one more at the end of an array; NULL when memory is short. */
static void *grown(void *array, size_t n, size_t *cap, size_t each)
{
    if (n < *cap)
        return array;
    size_t more = *cap ? *cap * 2 : 256;
    void *bigger = realloc(array, more * each);
    if (bigger)
        *cap = more;
    return bigger;
}

static enum status on_open(void *ctx, struct str name, struct err *err)
{
    (void)err;
    struct reading *r = ctx;
    r->depth++;
    if (r->depth == 1)
        r->is_listing = str_eq(name, STR("ListBucketResult"));
    if (r->depth != 2)
        return OK;
    r->in_object = str_eq(name, STR("Contents"));
    r->in_folder = str_eq(name, STR("CommonPrefixes"));
    r->object = (struct s3_object){.size = SIZE_UNKNOWN};
    r->folder = STR_NONE;
    r->restored = false;
    return OK;
}

static enum status keep(struct reading *r, struct str *to, struct str text, struct err *err)
{
    *to = arena_str(&r->page->arena, text);
    return to->p ? OK : err_nomem(err);
}

static enum status add_object(struct s3_page *p, const struct s3_object *o, struct err *err)
{
    void *array = grown(p->objects, p->n, &p->cap, sizeof *p->objects);
    if (!array)
        return err_nomem(err);
    p->objects = array;
    p->objects[p->n++] = *o;
    return OK;
}

static enum status add_folder(struct s3_page *p, struct str folder, struct err *err)
{
    void *array = grown(p->folders, p->folders_n, &p->folders_cap, sizeof *p->folders);
    if (!array)
        return err_nomem(err);
    p->folders = array;
    p->folders[p->folders_n++] = folder;
    return OK;
}

/* Inside <Contents> or <CommonPrefixes>. */
static enum status read_part(struct reading *r, struct str name, struct str text, struct err *err)
{
    if (r->in_folder && str_eq(name, STR("Prefix")))
        return keep(r, &r->folder, text, err);
    if (!r->in_object)
        return OK;
    if (str_eq(name, STR("Key")))
        return keep(r, &r->object.key, text, err);
    if (str_eq(name, STR("Size")) && !str_to_i64(str_trim(text), &r->object.size))
        r->object.size = SIZE_UNKNOWN;
    if (str_eq(name, STR("LastModified")) && !time_parse(str_trim(text), &r->object.modified_us))
        r->object.modified_us = 0;
    if (str_eq(name, STR("StorageClass")))
        r->object.archived =
            str_eq(str_trim(text), STR("GLACIER")) || str_eq(str_trim(text), STR("DEEP_ARCHIVE"));
    return OK;
}

static enum status on_close(void *ctx, struct str name, struct str text, struct err *err)
{
    struct reading *r = ctx;
    int depth = r->depth--;
    /* <RestoreStatus><IsRestoreInProgress>: there is one only where somebody asked for it. */
    if (depth == 4 && r->in_object && str_eq(name, STR("IsRestoreInProgress")))
        r->restored = str_eq(str_trim(text), STR("false"));
    if (depth == 3)
        return read_part(r, name, text, err);
    if (depth != 2)
        return OK;
    r->object.archived = r->object.archived && !r->restored;
    if (r->in_object && r->object.key.n > 0)
        TRY(add_object(r->page, &r->object, err));
    if (r->in_folder && r->folder.n > 0)
        TRY(add_folder(r->page, r->folder, err));
    if (str_eq(name, STR("IsTruncated")))
        r->truncated = str_eq(str_trim(text), STR("true"));
    if (str_eq(name, STR("EncodingType")))
        r->encoded = str_eq(str_trim(text), STR("url"));
    if (str_eq(name, STR("NextContinuationToken")))
        return keep(r, &r->token, text, err);
    return OK;
}

static enum status decode(struct reading *r, struct str *s, struct buf *room, struct err *err)
{
    buf_reset(room);
    if (!r->encoded || (str_find_char(*s, '%') < 0 && str_find_char(*s, '+') < 0))
        return OK;
    if (!uri_decode(*s, true, room))
        return err_set(err, buf_status(room) == OK ? ERR_PARSE : buf_status(room),
                       "a listing has a key that is not encoded as it says");
    return keep(r, s, buf_view(room), err);
}

static enum status decode_all(struct reading *r, struct err *err)
{
    struct buf room;
    enum status status = OK;
    buf_init(&room, XML_TEXT_MAX);
    for (size_t i = 0; i < r->page->n && status == OK; i++)
        status = decode(r, &r->page->objects[i].key, &room, err);
    for (size_t i = 0; i < r->page->folders_n && status == OK; i++)
        status = decode(r, &r->page->folders[i], &room, err);
    buf_fini(&room);
    return status;
}

static struct str greatest(const struct s3_page *p)
{
    struct str last = STR_NONE;
    for (size_t i = 0; i < p->n; i++)
        if (!last.p || str_cmp(p->objects[i].key, last) > 0)
            last = p->objects[i].key;
    for (size_t i = 0; i < p->folders_n; i++)
        if (!last.p || str_cmp(p->folders[i], last) > 0)
            last = p->folders[i];
    return last;
}

/* Whether the page brings the listing on; then the listing is behind it. */
static enum status advance(struct s3_listing *l, const struct reading *r, struct err *err)
{
    struct str last = greatest(r->page);
    if (r->truncated && r->token.n == 0)
        return err_set(err, ERR_PARSE, "the listing says that it goes on, but not where");
    if (r->truncated && str_eq(r->token, buf_view(&l->token)))
        return err_set(err, ERR_PARSE, "the listing repeats its continuation token");
    if (last.p && l->furthest.n > 0 && str_cmp(last, buf_view(&l->furthest)) <= 0)
        return err_set(err, ERR_PARSE, "the listing repeats a page, or is not in order");
    if (r->truncated && !last.p && ++l->empty_pages > EMPTY_PAGES_MAX)
        return err_set(err, ERR_PARSE, "the listing has %d empty pages", EMPTY_PAGES_MAX);
    buf_reset(&l->token);
    if (last.p) {
        buf_reset(&l->furthest);
        buf_str(&l->furthest, last);
        l->empty_pages = 0;
    }
    if (r->truncated)
        buf_str(&l->token, r->token);
    if (buf_status(&l->token) != OK || buf_status(&l->furthest) != OK)
        return err_set(err, ERR_LIMIT, "the listing has a key or token of more than %d bytes",
                       TOKEN_MAX);
    l->ended = !r->truncated;
    return OK;
}

static enum status read_page(struct s3_listing *l, struct s3_page *p, struct err *err)
{
    struct reading r = {.page = p};
    const struct xml_visitor visitor = {.ctx = &r, .open = on_open, .close = on_close};
    TRY(xml_read(buf_view(&p->answer.http.body), &visitor, err));
    if (!r.is_listing)
        return err_set(err, ERR_PARSE, "the answer is no listing of S3");
    TRY(decode_all(&r, err));
    return advance(l, &r, err);
}

enum status s3_list(struct aws_client *c, struct s3_bucket *b, struct s3_listing *l,
                    struct s3_page *p, struct err *err)
{
    static const struct sigv4_pair restored = {{"x-amz-optional-object-attributes", 32},
                                               {"RestoreStatus", 13}};
    char max_keys[16];
    struct sigv4_pair query[7] = {{STR("list-type"), STR("2")}, {STR("encoding-type"), STR("url")}};
    size_t n = 2;
    if (l->query.prefix.n > 0)
        query[n++] = (struct sigv4_pair){STR("prefix"), l->query.prefix};
    if (l->query.by_folder)
        query[n++] = (struct sigv4_pair){STR("delimiter"), STR("/")};
    if (l->query.max_keys > 0) {
        snprintf(max_keys, sizeof max_keys, "%d", l->query.max_keys);
        query[n++] = (struct sigv4_pair){STR("max-keys"), str_from(max_keys)};
    }
    if (l->token.n > 0)
        query[n++] = (struct sigv4_pair){STR("continuation-token"), buf_view(&l->token)};
    else if (l->furthest.n > 0)
        query[n++] = (struct sigv4_pair){STR("start-after"), buf_view(&l->furthest)};
    else if (l->query.start_after.n > 0)
        query[n++] = (struct sigv4_pair){STR("start-after"), l->query.start_after};
    const struct aws_call call = {.method = "GET",
                                  .query = query,
                                  .query_n = n,
                                  .headers = &restored,
                                  .headers_n = 1,
                                  .limits = {.memory_max = PAGE_BYTES},
                                  .action = "s3:ListBucket"};
    p->n = p->folders_n = 0;
    p->answer.code[0] = '\0';
    arena_reset(&p->arena);
    TRY(s3_send(c, b, &call, &p->answer, err));
    struct err cause = {0};
    enum status status = read_page(l, p, &cause);
    if (status != OK) {
        p->n = p->folders_n = 0;
        return err_set(err, status, "s3:ListBucket on %s: %.300s", s3_bucket_name(b).p, cause.text);
    }
    return OK;
}

bool s3_page_denied(const struct s3_page *p)
{
    return strncmp(p->answer.code, "AccessDenied", 12) == 0 ||
           strcmp(p->answer.code, "AllAccessDisabled") == 0;
}
