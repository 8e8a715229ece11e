/* Keys of objects in the AWS layout: see key.h. */
#include "source/key.h"

bool key_element(struct str *rest, struct str *element)
{
    if (!rest->p)
        return false;
    *element = str_cut(rest, '/');
    return true;
}

bool key_all_digits(struct str s)
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
    while (key_element(&left, &element)) {
        struct str ahead = left, number, kind;
        if (str_eq(element, STR("AWSLogs")) && key_element(&ahead, &number) &&
            key_all_digits(number) && key_element(&ahead, &kind) &&
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

/* Moves *rest behind year, month, day and hour, or behind what is no number instead. */
static int take_time(struct str *rest, int64_t part[4])
{
    struct str element;
    int n = 0;
    while (n < 4 && key_element(rest, &element) && key_all_digits(element) && element.n <= 4 &&
           str_to_i64(element, &part[n]))
        n++;
    return n;
}

int key_time(struct str path, int64_t part[4])
{
    struct str account, region, rest;
    return find_layout(path, &account, &rest) && key_element(&rest, &region)
               ? take_time(&rest, part)
               : 0;
}

struct key_facts key_facts(struct str path)
{
    struct key_facts facts = {.hour_us = TIME_NONE};
    struct str rest, element, parent = STR_NONE, name = STR_NONE;
    if (!find_layout(path, &facts.account, &rest)) {
        while (key_element(&path, &element)) {
            parent = name;
            name = element;
        }
        facts.is_body = str_eq(parent, STR("data")) && is_body_name(name);
        return facts;
    }
    key_element(&rest, &facts.region);
    int64_t part[4];
    int n = take_time(&rest, part);
    struct civil c = {.year = 1970, .month = 1, .day = 1};
    if (n == 4 && part[1] >= 1 && part[1] <= 12 && part[2] >= 1 && part[2] <= 31 && part[3] <= 23) {
        c = (struct civil){part[0], (int)part[1], (int)part[2], (int)part[3], 0, 0, 0};
        facts.hour_us = us_from_civil(&c);
    }
    struct str first = STR_NONE;
    key_element(&rest, &first);
    facts.is_body = str_eq(first, STR("data")) && rest.p != NULL;
    return facts;
}

bool key_is_record(struct str key)
{
    struct str name = key;
    for (struct str rest = key, element; key_element(&rest, &element);)
        name = element;
    return str_find(name, STR("amazon-bedrock-logs-permission-check")) < 0 &&
           !key_facts(key).is_body;
}

ptrdiff_t key_layout(struct str path)
{
    const struct str mark = STR("AWSLogs/");
    for (size_t at = path.n; at-- > 0;)
        if (str_has_prefix(str_skip(path, at), mark) && (at == 0 || path.p[at - 1] == '/'))
            return (ptrdiff_t)at;
    return -1;
}

/* The last AWSLogs of the path begins the layout, as in find_layout; empty elements count for
 * nothing. */
enum key_stage key_stage(struct str path)
{
    enum key_stage stage = STAGE_NONE;
    for (struct str element; key_element(&path, &element);) {
        if (element.n == 0)
            continue;
        if (str_eq(element, STR("AWSLogs")))
            stage = STAGE_ACCOUNTS;
        else if (stage == STAGE_ACCOUNTS)
            stage = key_all_digits(element) ? STAGE_KINDS : STAGE_NONE;
        else if (stage == STAGE_KINDS)
            stage = str_eq(element, STR("BedrockModelInvocationLogs")) ? STAGE_REGIONS : STAGE_NONE;
        else
            stage = stage == STAGE_NONE || stage == STAGE_HOURS ? STAGE_NONE : stage + 1;
    }
    return stage;
}
