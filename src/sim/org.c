/* Who calls: see org.h. */
#include "sim/org_internal.h"

#include "base/io.h"
#include "sim/words.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_SERVICES = 400 };

const struct region REGIONS[ORG_REGIONS] = {
    {"us-east-1", "us", -4},     {"eu-central-1", "eu", 2}, {"us-west-2", "us", -7},
    {"ap-northeast-1", "jp", 9}, {"eu-west-1", "eu", 1},    {"us-gov-west-1", "us-gov", -7},
};

struct str org_text(struct org *o, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof text)
        return STR_NONE;
    return arena_str(&o->arena, str_of(text, (size_t)n));
}

const char *org_team(uint32_t team)
{
    return words_at(&WORDS_TEAM, team);
}

/* "ada.lindqvist", "ada.lindqvist2" …: distinct for every person. */
static void person_name(uint32_t i, char out[96], bool shown)
{
    const char *first = words_at(&WORDS_FIRST, i);
    /* The two lists are equally long; stepping on after each round pairs everybody once. */
    const char *last = words_at(&WORDS_LAST, i + i / WORDS_FIRST.n);
    uint32_t round = i / (WORDS_FIRST.n * WORDS_LAST.n);
    char number[16] = "";
    if (round)
        snprintf(number, sizeof number, "%u", round + 1);
    if (shown)
        snprintf(out, 96, "%c%s %c%s%s", first[0] - 'a' + 'A', first + 1, last[0] - 'a' + 'A',
                 last + 1, number);
    else
        snprintf(out, 96, "%s.%s%s", first, last, number);
}

static struct str sso_arn(struct org *o, uint8_t account, const char *session)
{
    /* One permission set has another suffix in every account. */
    struct rng r;
    rng_seed(&r, account, UINT64_C(0x0550));
    return org_text(o, "arn:aws%s:sts::%s:assumed-role/AWSReservedSSO_BedrockDeveloper_%016llx/%s",
                    account == o->desk[DESK_GOV].account ? "-us-gov" : "", o->account[account],
                    (unsigned long long)rng_u64(&r), session);
}

static void identify(struct org *o, struct rng *r, struct caller *c, uint32_t i)
{
    char name[96], shown[96], mail[128];
    person_name(i, name, false);
    person_name(i, shown, true);
    snprintf(mail, sizeof mail, "%s@example.com", name);
    const char *account = o->account[c->account];
    c->person = org_text(o, "%s", shown);
    c->match = org_text(o, "%s", mail);
    switch ((enum caller_kind)c->kind) {
    case CALLER_SSO:
        if (rng_one_in(r, 12)) /* identity providers do not agree on case */
            mail[0] = (char)(mail[0] - 'a' + 'A');
        c->arn = sso_arn(o, c->account, mail);
        break;
    case CALLER_OIDC:
        c->arn = org_text(o, "arn:aws:sts::%s:assumed-role/bedrock-oidc/%s", account, mail);
        break;
    case CALLER_IAM_USER:
        c->arn = org_text(o, "arn:aws:iam::%s:user/engineering/%s", account, name);
        c->match = c->arn;
        break;
    case CALLER_API_KEY:
        c->arn = org_text(o, "arn:aws:iam::%s:user/BedrockAPIKey-%04x", account, 0x1000 + i);
        c->match = c->arn;
        break;
    case CALLER_CI:
        c->arn = org_text(o, "arn:aws:sts::%s:assumed-role/ci-%s-%u/GitHubActions", account,
                          org_team(c->team), i);
        c->match = org_text(o, "ci-%s-%u", org_team(c->team), i);
        c->person = STR("");
        break;
    case CALLER_SERVICE:
    case CALLER_GATEWAY:
    case CALLER_AGENTCORE:
        break;
    }
    /* The directory forgets some people; then the e-mail must do. */
    if (c->kind == CALLER_SSO && mail[0] == name[0] && rng_one_in(r, 25)) {
        c->person = c->match;
        c->match = STR("");
    }
}

static struct caller make_person(struct org *o, struct rng *r, uint32_t i)
{
    static const uint8_t kinds[] = {CALLER_SSO, CALLER_SSO,  CALLER_SSO,      CALLER_SSO,
                                    CALLER_SSO, CALLER_OIDC, CALLER_IAM_USER, CALLER_API_KEY,
                                    CALLER_SSO, CALLER_CI};
    static const uint8_t harnesses[] = {CLAUDE_CODE, CLAUDE_CODE, CLINE,       CLAUDE_CODE,
                                        ROO,         CLAUDE_CODE, CLAUDE_CODE, OPENCODE,
                                        CONTINUE,    CLAUDE_CODE};
    struct caller c = {.team = (uint16_t)(i % o->teams_n), .metadata = STR("")};
    c.desk = c.team;
    c.account = o->desk[c.desk].account;
    c.region = o->desk[c.desk].region;
    c.kind = kinds[i < 10 ? i : rng_below(r, 10)];
    c.what = harnesses[i < 10 ? i : rng_below(r, 10)];
    if (c.kind == CALLER_CI)
        c.what = CLAUDE_CODE;
    identify(o, r, &c, i);
    if (c.team % 3 == 1)
        c.metadata = org_text(o, "{\"cost_centre\":\"%u\",\"repo\":\"%s\"}", 4100 + c.team * 10,
                              words_at(&WORDS_REPO, i));
    return c;
}

static struct caller make_service(struct org *o, struct rng *r, uint32_t i)
{
    struct caller c = {.team = (uint16_t)rng_below(r, o->teams_n), .kind = CALLER_SERVICE};
    c.desk = c.team;
    c.account = o->desk[c.desk].account;
    c.region = o->desk[c.desk].region;
    c.what = (uint8_t)(i % SERVICE_KINDS);
    c.person = STR("");
    c.metadata = STR("");
    const char *name = words_at(&WORDS_SERVICE, i);
    uint32_t copy = i / WORDS_SERVICE.n;
    const char *account = o->account[c.account];
    uint64_t id = rng_u64(r);
    c.match = org_text(o, "arn:aws:sts::%s:assumed-role/svc-%s-%u/*", account, name, copy);
    if (i % 3 == 0) /* a task of ECS */
        c.arn = org_text(o, "arn:aws:sts::%s:assumed-role/svc-%s-%u/%016llx%016llx", account, name,
                         copy, (unsigned long long)id, (unsigned long long)rng_u64(r));
    else if (i % 3 == 1) /* Lambda */
        c.arn = org_text(o, "arn:aws:sts::%s:assumed-role/svc-%s-%u/%s", account, name, copy, name);
    else /* EC2 */
        c.arn = org_text(o, "arn:aws:sts::%s:assumed-role/svc-%s-%u/i-0%016llx", account, name,
                         copy, (unsigned long long)id);
    if (i % 4 == 1)
        c.metadata = org_text(o, "{\"app\":\"%s\",\"stage\":\"prod\",\"team\":\"%s\"}", name,
                              org_team(c.team));
    c.model = org_service_model(o, r, &c, name);
    return c;
}

/* Two of those who work behind a gateway, which calls as one role; then agents of the platform,
 * each with one conversation. */
static struct caller make_agent(struct org *o, struct rng *r, uint32_t i)
{
    struct caller c = {.kind = i < 2 ? CALLER_GATEWAY : CALLER_AGENTCORE};
    c.account = o->desk[c.desk].account;
    c.region = o->desk[c.desk].region;
    c.person = c.match = c.metadata = STR("");
    const char *account = o->account[c.account];
    char id[UUID_TEXT];
    rng_uuid(r, id);
    if (c.kind == CALLER_GATEWAY) {
        c.what = CLAUDE_CODE;
        c.arn = org_text(o, "arn:aws:sts::%s:assumed-role/llm-gateway/gateway", account);
        c.match = c.arn;
        c.metadata = org_text(o, "{\"via\":\"llm-gateway\"}");
        return c;
    }
    c.what = AGENTCORE;
    c.arn = org_text(o,
                     "arn:aws:sts::%s:assumed-role/AmazonBedrockAgentCoreHarnessDefaultServiceRole"
                     "-%05x/BedrockAgentCore-%s",
                     account, 0x1a2b3, id);
    return c;
}

/* Some people also work in another account: another ARN, the same person. */
static struct caller make_second(struct org *o, const struct caller *first, uint16_t desk)
{
    struct caller c = *first;
    c.desk = desk;
    c.account = o->desk[c.desk].account;
    c.region = o->desk[c.desk].region;
    c.no_bodies = desk == DESK_SANDBOX;
    c.metadata = STR("");
    c.arn = sso_arn(o, c.account, c.match.n ? c.match.p : c.person.p);
    return c;
}

/* The second and the fourth person always do, so that small organizations have it too. */
static void add_seconds(struct org *o, struct rng *r)
{
    for (uint32_t i = 0; i < o->people_n; i++) {
        struct caller *c = &o->callers[i];
        bool has = rng_one_in(r, 8), gov = rng_one_in(r, 2);
        if (i == 1 || i == 3) {
            has = true;
            gov = i == 3;
        }
        uint16_t desk = gov ? DESK_GOV : DESK_SANDBOX;
        if (!has || c->kind != CALLER_SSO || c->account == o->desk[desk].account)
            continue;
        c->second = o->callers_n;
        o->callers[o->callers_n++] = make_second(o, c, desk);
    }
}

enum status org_init(struct org *o, uint64_t seed, uint32_t users, struct err *err)
{
    *o = (struct org){0};
    arena_init(&o->arena);
    struct rng r;
    rng_seed(&r, seed, UINT64_C(0x0126));
    o->teams_n = users < 8 ? (users < 2 ? 1 : users / 2 + 1) : 4 + users / 16;
    if (o->teams_n > ORG_TEAMS)
        o->teams_n = ORG_TEAMS;
    o->regions_n = users < 50 ? 3 : ORG_REGIONS;
    o->accounts_n = 2 + users / 25 >= ORG_ACCOUNTS ? ORG_ACCOUNTS - 1 : 2 + users / 25;
    for (uint32_t i = 0; i <= o->accounts_n; i++) { /* one of them with a leading zero */
        uint32_t number = rng_below(&r, 100000000);
        snprintf(o->account[i], sizeof o->account[i], "%c%08u%03u",
                 i == 1 ? '0' : '1' + (char)(i % 9), number % 100000000, i % 1000);
    }
    uint32_t services = users < 2 ? 0 : SERVICE_KINDS + users / 10;
    if (services > MOST_SERVICES)
        services = MOST_SERVICES;
    uint32_t agents = users < 2 ? 0 : 4 + users / 25;
    o->callers = calloc((size_t)users * 2 + services + agents, sizeof *o->callers);
    if (!o->callers || !org_desks(o, &r))
        return err_nomem(err);
    for (; o->people_n < users; o->people_n++)
        o->callers[o->callers_n++] = make_person(o, &r, o->people_n);
    for (; o->services_n < services; o->services_n++)
        o->callers[o->callers_n++] = make_service(o, &r, o->services_n);
    for (; o->agents_n < agents; o->agents_n++)
        o->callers[o->callers_n++] = make_agent(o, &r, o->agents_n);
    add_seconds(o, &r);
    for (uint32_t i = 0; i < o->callers_n; i++)
        if (!o->callers[i].arn.p || !o->callers[i].match.p)
            return err_nomem(err);
    return OK;
}

void org_fini(struct org *o)
{
    arena_fini(&o->arena);
    free(o->models);
    free(o->callers);
    *o = (struct org){0};
}

static enum status write_named(const char *dir, const char *name, const struct buf *b,
                               struct err *err)
{
    char path[PATH_MAX];
    if (buf_status(b) != OK)
        return err_nomem(err);
    if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, name) >= sizeof path)
        return err_set(err, ERR_USAGE, "the path %.100s… is too long", dir);
    return io_write_file(path, buf_view(b), err);
}

void org_profiles(const struct org *o, struct buf *out)
{
    for (uint32_t i = 0; i < o->models_n; i++) {
        const struct model *m = &o->models[i];
        if (m->how == BY_PROFILE)
            buf_printf(out, "- arn: %.*s\n  model: %.*s\n  scope: %s\n  name: %.*s\n",
                       STR_ARG(m->id), STR_ARG(m->base), m->scope, STR_ARG(m->profile));
    }
    if (out->n == 0)
        buf_printf(out, "[]\n");
}

enum status org_write_files(const struct org *o, const char *dir, struct err *err)
{
    struct buf b;
    buf_init(&b, 256 << 20);
    buf_printf(&b, "match,person,team,cost_centre\n");
    for (uint32_t i = 0; i < o->people_n + o->services_n + o->agents_n; i++) {
        const struct caller *c = &o->callers[i];
        bool again = i && str_eq(c->match, c[-1].match);
        if (c->match.n && !again)
            buf_printf(&b, "%.*s,%.*s,%s,%u\n", STR_ARG(c->match), STR_ARG(c->person),
                       org_team(c->team), 4100 + c->team * 10);
    }
    enum status status = write_named(dir, "directory.csv", &b, err);
    buf_rewind(&b);
    org_profiles(o, &b);
    if (status == OK)
        status = write_named(dir, "profiles.yaml", &b, err);
    buf_fini(&b);
    return status;
}
