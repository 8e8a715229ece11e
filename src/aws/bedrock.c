/* The control plane of Bedrock: see bedrock.h. */
#include "aws/bedrock.h"

#include "aws/endpoint.h"
#include "codec/json.h"
#include "codec/jsonw.h"
#include "codec/uri.h"

#include <stdio.h>

void bedrock_profile_init(struct bedrock_profile *p)
{
    *p = (struct bedrock_profile){.models_n = 0};
    arena_init(&p->arena);
}

void bedrock_profile_fini(struct bedrock_profile *p)
{
    arena_fini(&p->arena);
}

void bedrock_tags_init(struct bedrock_tags *t)
{
    *t = (struct bedrock_tags){.n = 0};
    arena_init(&t->arena);
}

void bedrock_tags_fini(struct bedrock_tags *t)
{
    arena_fini(&t->arena);
}

/* The Region of an ARN, into room; NULL (the client's) for anything else. */
static const char *region_of(struct str identifier, char room[ENDPOINT_REGION_MAX])
{
    if (!str_has_prefix(identifier, STR("arn:")))
        return NULL;
    struct str region = STR("");
    for (int i = 0; i < 4; i++)
        region = str_cut(&identifier, ':');
    if (!endpoint_is_region(region))
        return NULL;
    snprintf(room, ENDPOINT_REGION_MAX, "%.*s", STR_ARG(region));
    return room;
}

/* An answer that is being read. */
struct reading {
    struct aws_answer answer;
    struct json *json;
    struct json_cursor at; /* in the object that the answer is */
    struct buf plain;
    const char *action;
};

static void begin(struct reading *r, const char *action)
{
    *r = (struct reading){.action = action};
    aws_answer_init(&r->answer);
    buf_init(&r->plain, BEDROCK_IDENTIFIER_MAX * 4);
}

static void end(struct reading *r)
{
    aws_answer_fini(&r->answer);
    json_free(r->json);
    buf_fini(&r->plain);
}

static enum status not_an_answer(const struct reading *r, struct err *err)
{
    return err_set(err, ERR_PARSE, "%s: the answer is not what Bedrock answers", r->action);
}

static enum status ask(struct aws_client *c, const struct aws_call *call, struct reading *r,
                       struct err *err)
{
    struct json_text text;
    struct buf *body = &r->answer.http.body;
    TRY(aws_send(c, call, &r->answer, err));
    TRY(json_new(&r->json, err));
    if (!buf_reserve(body, JSON_PADDING))
        return err_nomem(err);
    enum status status = json_index(r->json, body->p, body->n, &text, NULL);
    if (status == OK)
        status = json_check(&text, NULL);
    if (status == ERR_NOMEM)
        return err_nomem(err);
    if (status != OK)
        return not_an_answer(r, err);
    r->at = json_begin(&text);
    return json_enter_object(&r->at) ? OK : not_an_answer(r, err);
}

/* Takes the text that is due, decoded; anything else is left out. */
static enum status take_text(struct reading *r, struct arena *arena, struct str *out,
                             struct err *err)
{
    struct str raw;
    if (!json_string(&r->at, &raw))
        return OK;
    buf_reset(&r->plain);
    if (!json_unescape(raw, &r->plain) || buf_status(&r->plain) != OK)
        return buf_status(&r->plain) == ERR_NOMEM ? err_nomem(err) : not_an_answer(r, err);
    *out = arena_str(arena, buf_view(&r->plain));
    return out->p ? OK : err_nomem(err);
}

static enum status take_models(struct reading *r, struct bedrock_profile *p, struct err *err)
{
    if (!json_enter_array(&r->at))
        return OK;
    while (json_next_item(&r->at)) {
        struct str arn = STR("");
        if (!json_enter_object(&r->at))
            continue;
        for (struct str key; json_next_key(&r->at, &key);)
            if (str_eq(key, STR("modelArn")))
                TRY(take_text(r, &p->arena, &arn, err));
            else
                json_skip(&r->at);
        if (arn.n > 0 && p->models_n == BEDROCK_MODELS_MAX)
            return err_set(err, ERR_LIMIT, "%s: the profile names more than %d models", r->action,
                           BEDROCK_MODELS_MAX);
        if (arn.n > 0)
            p->models[p->models_n++] = arn;
    }
    return OK;
}

static enum status take_profile(struct reading *r, struct bedrock_profile *p, struct err *err)
{
    struct str type = STR("");
    const struct {
        struct str key;
        struct str *value;
    } texts[] = {
        {STR("inferenceProfileName"), &p->name},
        {STR("description"), &p->description},
        {STR("inferenceProfileArn"), &p->arn},
        {STR("inferenceProfileId"), &p->id},
        {STR("status"), &p->status},
        {STR("type"), &type},
    };
    enum { TEXTS = sizeof texts / sizeof texts[0] };
    for (size_t i = 0; i < TEXTS; i++)
        *texts[i].value = STR("");
    for (struct str key; json_next_key(&r->at, &key);) {
        size_t i = 0;
        while (i < TEXTS && !str_eq(texts[i].key, key))
            i++;
        if (i < TEXTS) {
            TRY(take_text(r, &p->arena, texts[i].value, err));
        } else if (str_eq(key, STR("models"))) {
            p->models_n = 0;
            TRY(take_models(r, p, err));
        } else {
            json_skip(&r->at);
        }
    }
    p->type = str_eq(type, STR("APPLICATION"))      ? BEDROCK_PROFILE_APPLICATION
              : str_eq(type, STR("SYSTEM_DEFINED")) ? BEDROCK_PROFILE_SYSTEM
                                                    : BEDROCK_PROFILE_OTHER;
    if (p->models_n == 0)
        return err_set(err, ERR_PARSE, "%s: the answer names no model", r->action);
    return OK;
}

enum status bedrock_get_profile(struct aws_client *c, struct str identifier,
                                struct bedrock_profile *out, struct err *err)
{
    static const char action[] = "bedrock:GetInferenceProfile";
    char region[ENDPOINT_REGION_MAX], room[BEDROCK_IDENTIFIER_MAX * 3 + 32];
    struct bedrock_profile p;
    struct reading r;
    struct buf path;
    if (identifier.n == 0 || identifier.n > BEDROCK_IDENTIFIER_MAX)
        return err_set(err, ERR_LIMIT, "%s: an identifier has 1 to %d characters", action,
                       BEDROCK_IDENTIFIER_MAX);
    buf_on(&path, room, sizeof room);
    buf_str(&path, STR("/inference-profiles/"));
    uri_encode(&path, identifier, false); /* the slash of an ARN, too: it is one segment */
    const struct aws_call call = {.service = "bedrock",
                                  .region = region_of(identifier, region),
                                  .method = "GET",
                                  .path = buf_view(&path),
                                  .encoded_path = true,
                                  .action = action,
                                  .subject = identifier};
    bedrock_profile_init(&p);
    begin(&r, action);
    enum status status = ask(c, &call, &r, err);
    if (status == OK)
        status = take_profile(&r, &p, err);
    end(&r);
    if (status != OK) {
        bedrock_profile_fini(&p);
        return status;
    }
    bedrock_profile_fini(out);
    *out = p;
    return OK;
}

static enum status take_tag(struct reading *r, struct bedrock_tags *t, struct err *err)
{
    struct bedrock_tag tag = {STR(""), STR("")};
    if (!json_enter_object(&r->at))
        return OK;
    for (struct str key; json_next_key(&r->at, &key);) {
        if (str_eq(key, STR("key")))
            TRY(take_text(r, &t->arena, &tag.key, err));
        else if (str_eq(key, STR("value")))
            TRY(take_text(r, &t->arena, &tag.value, err));
        else
            json_skip(&r->at);
    }
    if (tag.key.n > 0)
        t->v[t->n++] = tag;
    return OK;
}

static size_t count_items(struct json_cursor c)
{
    size_t n = 0;
    if (json_enter_array(&c))
        for (; json_next_item(&c); n++)
            json_skip(&c);
    return n;
}

static enum status take_tags(struct reading *r, struct bedrock_tags *t, struct err *err)
{
    for (struct str key; json_next_key(&r->at, &key);) {
        if (!str_eq(key, STR("tags"))) {
            json_skip(&r->at);
            continue;
        }
        t->n = 0;
        t->v = arena_alloc(&t->arena, (count_items(r->at) + 1) * sizeof *t->v);
        if (!t->v)
            return err_nomem(err);
        if (!json_enter_array(&r->at))
            continue;
        while (json_next_item(&r->at))
            TRY(take_tag(r, t, err));
    }
    return OK;
}

enum status bedrock_get_tags(struct aws_client *c, struct str arn, struct bedrock_tags *out,
                             struct err *err)
{
    static const struct sigv4_pair type = {{"Content-Type", 12}, {"application/json", 16}};
    char region[ENDPOINT_REGION_MAX];
    struct bedrock_tags t;
    struct reading r;
    struct buf body;
    buf_init(&body, BEDROCK_IDENTIFIER_MAX * 8);
    struct jsonw w = jsonw_start(&body, 0);
    jsonw_object(&w);
    jsonw_key(&w, STR("resourceARN"));
    jsonw_str(&w, arn);
    jsonw_end(&w);
    const struct aws_call call = {.service = "bedrock",
                                  .region = region_of(arn, region),
                                  .method = "POST",
                                  .path = STR("/listTagsForResource"),
                                  .headers = &type,
                                  .headers_n = 1,
                                  .body = buf_view(&body),
                                  .action = "bedrock:ListTagsForResource",
                                  .subject = arn};
    bedrock_tags_init(&t);
    begin(&r, call.action);
    enum status status = buf_status(&body);
    if (status != OK)
        err_set(err, status, "%s: the ARN is too long", call.action);
    if (status == OK)
        status = ask(c, &call, &r, err);
    if (status == OK)
        status = take_tags(&r, &t, err);
    end(&r);
    buf_fini(&body);
    if (status != OK) {
        bedrock_tags_fini(&t);
        return status;
    }
    bedrock_tags_fini(out);
    *out = t;
    return OK;
}
