/*
 * From labels to dimensions: what a series is called in each dimension, and whether the filters of
 * a question let it pass. Called once per series and thread, so clarity goes before speed.
 */
#include "query/plan_internal.h"

#include "model/cost.h"
#include "model/model_id.h"

static struct str label(const struct series_view *v, enum label id)
{
    struct str text = series_text(v->series, v->id, id);
    return text.p ? text : STR("");
}

static void parse_principal(struct series_view *v)
{
    if (v->parsed)
        return;
    struct str arn = label(v, LABEL_PRINCIPAL);
    v->principal = principal_parse(arn);
    v->entry = directory_find(v->directory, arn, &v->principal);
    v->parsed = true;
}

static struct str not_null(struct str s)
{
    return s.p ? s : STR("");
}

static struct str lower_case(struct series_view *v, struct str text)
{
    char *p = arena_alloc(v->scratch, text.n + 1);
    if (!p)
        return STR_NONE;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        p[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    return str_of(p, text.n);
}

/* An e-mail address is one person however it is spelled; other names are left as they are. */
static struct str person(struct series_view *v)
{
    parse_principal(v);
    struct str name = not_null(v->entry.person);
    return str_find_char(name, '@') >= 0 ? lower_case(v, name) : name;
}

static struct str user(struct series_view *v)
{
    struct str name = person(v);
    if (name.n || !name.p)
        return name;
    const struct principal *who = &v->principal;
    if (who->role.n && who->session.n) {
        char *p = arena_alloc(v->scratch, who->role.n + 1 + who->session.n);
        if (!p)
            return STR_NONE;
        memcpy(p, who->role.p, who->role.n);
        p[who->role.n] = '/';
        memcpy(p + who->role.n + 1, who->session.p, who->session.n);
        return str_of(p, who->role.n + 1 + who->session.n);
    }
    struct str arn = label(v, LABEL_PRINCIPAL);
    return arn.n ? arn : STR("unknown");
}

static struct str profile(const struct series_view *v)
{
    struct str id = label(v, LABEL_MODEL_ID);
    bool application = str_find(id, STR(":application-inference-profile/")) >= 0;
    return application ? id : STR("");
}

struct str series_tag(const struct series_view *v, struct str key)
{
    struct model_id id = model_id_parse(label(v, LABEL_MODEL_ID));
    return v->pricing && id.arn.n ? pricing_tag(v->pricing, id.arn, key) : STR("");
}

static struct str model(const struct series_view *v)
{
    struct str base = label(v, LABEL_MODEL);
    return base.n ? base : label(v, LABEL_MODEL_ID);
}

static struct str identity(struct series_view *v, enum dimension dim)
{
    parse_principal(v);
    switch (dim) {
    case DIM_PERSON:
        return person(v);
    case DIM_TEAM:
        return not_null(v->entry.team);
    case DIM_COST_CENTRE:
        return not_null(v->entry.cost_centre);
    case DIM_PRINCIPAL_KIND:
        return str_from(principal_kind_name(v->principal.kind));
    case DIM_PRINCIPAL_ACCOUNT:
        return not_null(v->principal.account);
    case DIM_ROLE:
        return not_null(v->principal.role);
    default:
        return user(v);
    }
}

struct str series_dimension(struct series_view *v, enum dimension dim)
{
    /* Dimensions that are a label as it stands; the others hold LABELS. */
    static const enum label plain[DIM_SESSION] = {
        [DIM_TIME] = LABELS,
        [DIM_ACCOUNT] = LABEL_ACCOUNT,
        [DIM_REGION] = LABEL_REGION,
        [DIM_INFERENCE_REGION] = LABEL_INFERENCE_REGION,
        [DIM_USER] = LABELS,
        [DIM_PERSON] = LABELS,
        [DIM_TEAM] = LABELS,
        [DIM_COST_CENTRE] = LABELS,
        [DIM_PRINCIPAL] = LABEL_PRINCIPAL,
        [DIM_PRINCIPAL_KIND] = LABELS,
        [DIM_PRINCIPAL_ACCOUNT] = LABELS,
        [DIM_ROLE] = LABELS,
        [DIM_MODEL] = LABELS,
        [DIM_MODEL_ID] = LABEL_MODEL_ID,
        [DIM_PROVIDER] = LABELS,
        [DIM_FAMILY] = LABELS,
        [DIM_SCOPE] = LABEL_SCOPE,
        [DIM_GEO] = LABEL_GEO,
        [DIM_PROFILE] = LABELS,
        [DIM_TAG] = LABELS,
        [DIM_OPERATION] = LABEL_OPERATION,
        [DIM_ERROR] = LABEL_ERROR,
        [DIM_STATUS] = LABELS,
        [DIM_TIER] = LABEL_TIER,
        [DIM_OUTCOME] = LABEL_OUTCOME,
        [DIM_REASON] = LABEL_REASON,
        [DIM_HARNESS] = LABEL_HARNESS,
        [DIM_VERSION] = LABEL_VERSION,
        [DIM_ENTRYPOINT] = LABEL_ENTRYPOINT,
        [DIM_CALL_KIND] = LABEL_CALL_KIND,
    };
    if (dimension_of_session(dim))
        return STR("");
    if (plain[dim] != LABELS)
        return label(v, plain[dim]);
    switch (dim) {
    case DIM_MODEL:
        return model(v);
    case DIM_PROVIDER:
        return not_null(model_provider(model(v)));
    case DIM_FAMILY:
        return not_null(model_family(model(v)));
    case DIM_PROFILE:
        return profile(v);
    case DIM_STATUS:
        return label(v, LABEL_ERROR).n ? STR("error") : STR("ok");
    case DIM_TIME:
    case DIM_TAG: /* series_tag */
        return STR("");
    default:
        return identity(v, dim);
    }
}

struct str series_reason(struct series_view *v)
{
    /* Outcomes that need none. An error without counters costs nothing, plainly. */
    static const enum outcome plain[] = {OUTCOME_PRICED, OUTCOME_NO_USAGE};
    struct str outcome = label(v, LABEL_OUTCOME);
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        if (str_eq(outcome, str_from(outcome_name(plain[i]))))
            return STR("");
    struct str reason = label(v, LABEL_REASON);
    return reason.n ? reason : outcome;
}

bool filter_names(const struct filter *f, struct str text)
{
    struct str rest = f->values;
    do {
        if (str_glob_nocase(str_trim(str_cut(&rest, ',')), text))
            return true;
    } while (rest.p);
    return false;
}

enum status series_passes(struct series_view *v, const struct question *q, bool *pass)
{
    for (int i = 0; i < q->filters_n; i++) {
        const struct filter *f = &q->filters[i];
        if (dimension_of_session(f->dim))
            continue; /* no label tells that: query/inside.h */
        struct str text = f->dim == DIM_TAG ? series_tag(v, f->tag) : series_dimension(v, f->dim);
        if (!text.p)
            return ERR_NOMEM;
        if (filter_names(f, text) != (f->op == FILTER_IS)) {
            *pass = false;
            return OK;
        }
    }
    *pass = true;
    return OK;
}
