/* Model ids: see model_id.h. The steps are those of the price facts, section 8.3. */
#include "model/model_id.h"

static const char *const scope_names[] = {
#define SCOPE_NAME(id, name) name,
    SCOPE_MAP(SCOPE_NAME)
#undef SCOPE_NAME
};

static const char *const kind_reasons[] = {
#define KIND_REASON(id, text) text,
    MODEL_KIND_MAP(KIND_REASON)
#undef KIND_REASON
};

/* Vendors of ids in Bedrock's catalogue, 2026-10. Needed to tell a geography from a vendor: ids
 * have dots of their own (xai.grok-4.6, deepseek.v3.2). */
static const char *const vendors[] = {"ai21",      "amazon",     "anthropic", "cohere",  "deepseek",
                                      "google",    "luma",       "meta",      "minimax", "mistral",
                                      "moonshot",  "moonshotai", "nvidia",    "openai",  "qwen",
                                      "stability", "twelvelabs", "writer",    "xai",     "zai"};

/* `ap` and `kr` are accepted by public parsers but not documented by AWS (2026-10). */
static const struct {
    const char *name;
    enum model_scope scope;
    bool undocumented;
} prefixes[] = {
    {"global", SCOPE_GLOBAL, false}, {"us", SCOPE_GEO, false}, {"eu", SCOPE_GEO, false},
    {"apac", SCOPE_GEO, false},      {"jp", SCOPE_GEO, false}, {"au", SCOPE_GEO, false},
    {"ca", SCOPE_GEO, false},        {"in", SCOPE_GEO, false}, {"us-gov", SCOPE_GEO, false},
    {"ap", SCOPE_GEO, true},         {"kr", SCOPE_GEO, true},
};

static const struct {
    const char *type;
    enum model_kind kind;
} arn_types[] = {
    {"foundation-model", MODEL_FOUNDATION},
    {"inference-profile", MODEL_SYSTEM_PROFILE},
    {"application-inference-profile", MODEL_APPLICATION_PROFILE},
    {"provisioned-model", MODEL_PROVISIONED},
    {"custom-model", MODEL_CUSTOM},
    {"custom-model-deployment", MODEL_CUSTOM},
    {"imported-model", MODEL_IMPORTED},
    {"marketplace", MODEL_ENDPOINT},
    {"endpoint", MODEL_ENDPOINT}, /* arn:…:sagemaker:…:endpoint/…, a marketplace deployment */
    {"prompt", MODEL_PROMPT},
    {"prompt-router", MODEL_PROMPT_ROUTER},
    {"default-prompt-router", MODEL_PROMPT_ROUTER},
};

struct str model_scope_name(enum model_scope scope)
{
    size_t i = (size_t)scope;
    return str_from(scope_names[i < sizeof scope_names / sizeof scope_names[0] ? i : 0]);
}

enum model_scope model_scope_from(struct str name)
{
    for (size_t i = 1; i < sizeof scope_names / sizeof scope_names[0]; i++)
        if (str_eq_nocase(name, str_from(scope_names[i])))
            return (enum model_scope)i;
    return SCOPE_UNKNOWN;
}

struct str model_kind_reason(enum model_kind kind)
{
    size_t i = (size_t)kind;
    return str_from(kind_reasons[i < sizeof kind_reasons / sizeof kind_reasons[0] ? i : 0]);
}

bool model_kind_is_opaque(enum model_kind kind)
{
    return kind == MODEL_NONE || kind == MODEL_APPLICATION_PROFILE || kind == MODEL_PROMPT ||
           kind == MODEL_PROMPT_ROUTER;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_vendor(struct str label)
{
    for (size_t i = 0; i < sizeof vendors / sizeof vendors[0]; i++)
        if (str_eq_nocase(label, str_from(vendors[i])))
            return true;
    return false;
}

static bool starts_with_nocase(struct str s, struct str prefix)
{
    return s.n >= prefix.n && str_eq_nocase(str_of(s.p, prefix.n), prefix);
}

static bool ends_with_nocase(struct str s, struct str suffix)
{
    return s.n >= suffix.n && str_eq_nocase(str_skip(s, s.n - suffix.n), suffix);
}

/* What clients write around an id and AWS never does. */
static struct str strip_client_noise(struct str s)
{
    static const char *const heads[] = {"bedrock/", "bedrock_mantle/", "converse/", "invoke/"};
    static const char *const tails[] = {"[1m]", ":1m"};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        if (starts_with_nocase(s, str_from(heads[i])))
            s = str_skip(s, strlen(heads[i]));
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++)
        if (ends_with_nocase(s, str_from(tails[i])))
            s.n -= strlen(tails[i]);
    return s;
}

/* "us-east-1/", "us-gov-west-1/": letters and dashes, then one digit, then the slash. */
static struct str strip_region_segment(struct str s)
{
    ptrdiff_t slash = str_find_char(s, '/');
    if (slash < 6 || !is_digit(s.p[slash - 1]) || s.p[slash - 2] != '-')
        return s;
    for (ptrdiff_t i = 0; i < slash - 2; i++)
        if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && s.p[i] != '-')
            return s;
    return str_skip(s, (size_t)slash + 1);
}

/* "…-v1:0:200k" -> "…-v1:0": the same model with another context size, at the same price. */
static struct str strip_context_size(struct str s)
{
    size_t i = s.n;
    if (i == 0 || (s.p[i - 1] != 'k' && s.p[i - 1] != 'K'))
        return s;
    size_t end = --i;
    while (i > 0 && is_digit(s.p[i - 1]))
        i--;
    return i < end && i > 0 && s.p[i - 1] == ':' ? str_of(s.p, i - 1) : s;
}

static bool could_be_geography(struct str label)
{
    for (size_t i = 0; i < label.n; i++) {
        char c = label.p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && c != '-')
            return false;
    }
    return label.n > 0;
}

/* Only the whole text before the first dot is a prefix, so us-gov is never read as us. */
static struct str strip_geography(struct str s, struct model_id *id)
{
    struct str rest = s;
    struct str label = str_cut(&rest, '.');
    id->scope = SCOPE_IN_REGION;
    if (!rest.p)
        return s;
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (!str_eq_nocase(label, str_from(prefixes[i].name)))
            continue;
        id->scope = prefixes[i].scope;
        id->geo = label;
        id->unknown_prefix = prefixes[i].undocumented;
        return rest;
    }
    struct str after = rest;
    if (is_vendor(label) || !could_be_geography(label) || !is_vendor(str_cut(&after, '.')))
        return s;
    id->scope = SCOPE_GEO;
    id->geo = label;
    id->unknown_prefix = true;
    return rest;
}

static void parse_plain(struct str s, struct model_id *id)
{
    id->base = strip_context_size(strip_geography(strip_region_segment(s), id));
}

/* arn:partition:service:region:account:type/rest; the sixth part keeps its colons. */
static void parse_arn(struct str arn, struct model_id *id)
{
    struct str rest = arn;
    for (int i = 0; i < 3; i++)
        (void)str_cut(&rest, ':');
    id->arn = arn;
    id->arn_region = str_cut(&rest, ':');
    (void)str_cut(&rest, ':');
    struct str type = str_cut(&rest, '/');
    id->kind = MODEL_OTHER_ARN;
    for (size_t i = 0; i < sizeof arn_types / sizeof arn_types[0]; i++)
        if (rest.p && str_eq_nocase(type, str_from(arn_types[i].type)))
            id->kind = arn_types[i].kind;
    if (id->kind == MODEL_FOUNDATION || id->kind == MODEL_SYSTEM_PROFILE)
        parse_plain(rest, id);
}

struct model_id model_id_parse(struct str raw)
{
    struct model_id id = {.base = STR(""), .geo = STR(""), .arn = STR(""), .arn_region = STR("")};
    struct str s = strip_client_noise(str_trim(raw));
    if (s.n == 0)
        return id;
    if (starts_with_nocase(s, STR("arn:"))) {
        parse_arn(s, &id);
    } else {
        parse_plain(s, &id);
        id.kind = id.scope == SCOPE_IN_REGION ? MODEL_FOUNDATION : MODEL_SYSTEM_PROFILE;
    }
    if (!id.arn_region.p)
        id.arn_region = STR("");
    return id;
}

bool model_from_body(struct str name, char *out, size_t cap, size_t *n)
{
    static const char vendor[] = "anthropic.";
    if (!starts_with_nocase(name, STR("claude")) || name.n + sizeof vendor > cap)
        return false;
    memcpy(out, vendor, sizeof vendor - 1);
    size_t used = sizeof vendor - 1;
    for (size_t i = 0; i < name.n;) {
        size_t j = i + 1;
        if (name.p[i] == '-') {
            while (j < name.n && is_digit(name.p[j]))
                j++;
            if (j > i + 1 && j < name.n && name.p[j] == 'k' &&
                (j + 1 == name.n || name.p[j + 1] == '-')) {
                i = j + 1; /* "-48k": a variant that the price does not know */
                continue;
            }
            j = i + 1;
        }
        memcpy(out + used, name.p + i, j - i);
        used += j - i;
        i = j;
    }
    *n = used;
    return true;
}
