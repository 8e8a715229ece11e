/*
 * Which log groups an operand names, and what they are called. The account is part of the name:
 * whoever reads groups of the same name in many accounts into one store must not begin in one where
 * another ended.
 */
#include "aws/quota.h"
#include "aws/sts.h"
#include "source/cloudwatch_internal.h"
#include "source/key.h"

#include <stdio.h>
#include <stdlib.h>

enum { GROUP_NAME_MAX = 512 }; /* API reference, LogGroupName */

static bool is_group(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && (c == '\0' || !strchr("._-/#*", c)))
            return false;
    }
    return s.n > 0 && s.n <= GROUP_NAME_MAX;
}

static bool put(char *out, size_t room, struct str s)
{
    if (s.n >= room)
        return false;
    memcpy(out, s.p ? s.p : "", s.n);
    out[s.n] = '\0';
    return true;
}

/* arn:PARTITION:logs:REGION:ACCOUNT:log-group:GROUP[:*] */
static bool parse_arn(struct str s, struct cloudwatch_operand *o)
{
    str_cut(&s, ':');
    struct str partition = str_cut(&s, ':'), service = str_cut(&s, ':');
    struct str region = str_cut(&s, ':'), account = str_cut(&s, ':'), kind = str_cut(&s, ':');
    if (str_has_suffix(s, STR(":*")))
        s.n -= 2;
    o->group = s;
    return str_eq(service, STR("logs")) && str_eq(kind, STR("log-group")) && partition.n > 0 &&
           region.n > 0 && account.n > 0 && put(o->partition, sizeof o->partition, partition) &&
           put(o->region, sizeof o->region, region) && put(o->account, sizeof o->account, account);
}

static bool parse_short(struct str s, struct cloudwatch_operand *o)
{
    struct str first = str_cut(&s, ':');
    if (!s.p) {
        o->group = first;
        return true;
    }
    struct str second = str_cut(&s, ':');
    o->group = s.p ? s : second;
    return put(o->region, sizeof o->region, first) && first.n > 0 &&
           (!s.p || (put(o->account, sizeof o->account, second) && second.n > 0));
}

bool cloudwatch_parse(const char *operand, struct cloudwatch_operand *out)
{
    enum { ACCOUNT_DIGITS = 12 };
    struct str s = str_from(operand);
    struct cloudwatch_operand o = {.group = STR("")};
    if (!str_has_prefix(s, STR("cloudwatch:")))
        return false;
    s = str_skip(s, sizeof "cloudwatch:" - 1);
    if (!(str_has_prefix(s, STR("arn:")) ? parse_arn(s, &o) : parse_short(s, &o)))
        return false;
    struct str account = str_from(o.account);
    if (!is_group(o.group) || (o.region[0] && !endpoint_is_region(str_from(o.region))) ||
        (account.n > 0 && (account.n != ACCOUNT_DIGITS || !key_all_digits(account))))
        return false;
    *out = o;
    return true;
}

static const char *partition_of(const struct cloudwatch *s)
{
    struct str region = str_from(s->region);
    return s->wants.partition[0]                    ? s->wants.partition
           : str_has_prefix(region, STR("cn-"))     ? "aws-cn"
           : str_has_prefix(region, STR("us-gov-")) ? "aws-us-gov"
                                                    : "aws";
}

/* The account of the keys. Asked once, because only names depend on it, and a network without STS
 * must not wait for it. */
static void ask_own_account(struct cloudwatch *s)
{
    struct aws_client *c = NULL;
    struct sts_identity me;
    const struct aws_client_options o = {
        .credentials = s->o.credentials, .region = s->region, .cancel = &s->stopped, .attempts = 1};
    if (s->own_asked || aws_client_new(&o, &c, NULL) != OK)
        return;
    s->own_asked = true;
    if (sts_identity(c, &me, NULL) == OK)
        memcpy(s->own, me.account, sizeof s->own);
    aws_client_free(c);
}

static void free_group(struct group *g)
{
    free(g->asked);
    free(g->name);
    free(g);
}

static bool name_group(struct cloudwatch *s, struct group *g, struct str name, bool foreign)
{
    struct buf asked, shown;
    buf_init(&asked, 2048);
    buf_init(&shown, 2048);
    if (foreign)
        buf_printf(&asked, "arn:%s:logs:%s:%s:log-group:", partition_of(s), s->region, g->account);
    buf_str(&asked, name);
    buf_char(&asked, '\0');
    buf_printf(&shown, "cloudwatch:%s:", s->region);
    if (g->account[0])
        buf_printf(&shown, "%s:", g->account);
    buf_str(&shown, name);
    buf_char(&shown, '\0');
    g->asked = asked.p;
    g->name = shown.p;
    return buf_status(&asked) == OK && buf_status(&shown) == OK;
}

static enum status add_group(struct cloudwatch *s, struct str name, const char *account,
                             bool foreign, struct err *err)
{
    struct group *g = calloc(1, sizeof *g);
    if (!g)
        return err_nomem(err);
    snprintf(g->account, sizeof g->account, "%s", account);
    buf_init(&g->token, 16 << 10);
    if (!name_group(s, g, name, foreign)) {
        free_group(g);
        return err_nomem(err);
    }
    struct group **end = &s->groups;
    for (; *end; end = &(*end)->next) {
        if (strcmp((*end)->name, g->name) == 0) {
            free_group(g);
            return OK;
        }
    }
    if (s->watch->position)
        g->known_ms = s->watch->position(s->watch->ctx, g->name) / 1000000;
    g->told_ms = g->reached_ms = g->known_ms;
    *end = g;
    return OK;
}

static enum status list_pattern(struct cloudwatch *s, struct err *err)
{
    struct str pattern = s->wants.group;
    struct str prefix = str_of(pattern.p, (size_t)str_find_char(pattern, '*'));
    struct buf token;
    buf_init(&token, 16 << 10);
    enum status status = OK;
    do {
        struct logs_groups page;
        quota_wait(s->o.quota, s->region, &s->stopped);
        status = logs_groups(s->logs, s->region, prefix, buf_view(&token), &page, err);
        for (size_t i = 0; status == OK && i < page.n; i++)
            if (str_glob(pattern, page.groups[i].name))
                status = add_group(s, page.groups[i].name, s->own, false, err);
        if (status != OK)
            break;
        if (page.token.n > 0 && str_eq(page.token, buf_view(&token))) {
            status = err_set(err, ERR_PARSE,
                             "logs:DescribeLogGroups: the service gave a token again, so there is "
                             "no end to its pages");
            break;
        }
        buf_reset(&token);
        buf_str(&token, page.token);
    } while (token.n > 0 && buf_status(&token) == OK);
    buf_fini(&token);
    if (status == OK && !s->groups)
        return err_set(err, ERR_NOT_FOUND, "no log group has such a name");
    return status;
}

static enum status list_groups(struct cloudwatch *s, struct err *err)
{
    const char *told = s->wants.account;
    ask_own_account(s);
    if (atomic_load(&s->stopped))
        return OK;
    bool foreign = told[0] && strcmp(told, s->own) != 0;
    if (str_find_char(s->wants.group, '*') < 0)
        return add_group(s, s->wants.group, told[0] ? told : s->own, foreign, err);
    if (foreign)
        return err_set(err, ERR_USAGE, "groups of another account cannot be listed: name each");
    return list_pattern(s, err);
}

enum status cloudwatch_list(struct cloudwatch *s, struct err *err)
{
    struct err why = {0};
    int64_t now = clock_monotonic_us();
    bool pattern = str_find_char(s->wants.group, '*') >= 0;
    if (s->listed && !(s->o.follow && pattern && now >= s->list_us) &&
        !(s->o.follow && s->list_pause_ms > 0 && now >= s->list_us))
        return OK;
    enum status status = list_groups(s, &why);
    s->listed = true;
    if (status == ERR_NOMEM)
        return err_nomem(err);
    if (status == OK) {
        s->list_pause_ms = 0;
        if (pattern)
            cloudwatch_well(s, s->list_trouble, true);
        s->list_us = now + (int64_t)GROUPS_EVERY_MS * 1000;
        return OK;
    }
    s->list_pause_ms = s->list_pause_ms ? s->list_pause_ms * 2 : POLL_MS;
    if (s->list_pause_ms > PAUSE_MAX_MS)
        s->list_pause_ms = PAUSE_MAX_MS;
    s->list_us = now + s->list_pause_ms * 1000;
    if (!atomic_load(&s->stopped))
        cloudwatch_trouble(s, s->operand, s->list_trouble, why.text);
    return OK;
}
