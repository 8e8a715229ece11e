/*
 * Labels and series. What an invocation *is* (whose, where, which model, how it ended) is a tuple
 * of labels; each distinct tuple is a series and has a small number. An organization has millions
 * of invocations but only thousands of series, so everything that depends on the labels alone
 * (price row, person, group of a question) is worked out once per series.
 *
 * A label is a symbol; the empty text means "not known". Threads may intern and read at once.
 */
#ifndef ASSAY_MODEL_SERIES_H
#define ASSAY_MODEL_SERIES_H

#include "base/symbols.h"

/* id, name as stored. Appending is safe; reordering changes the store's schema. */
#define LABEL_MAP(X)                                                                               \
    X(LABEL_ACCOUNT, "account")                   /* 12 digits, of the record */                   \
    X(LABEL_REGION, "region")                     /* source Region: where the call was made */     \
    X(LABEL_INFERENCE_REGION, "inference_region") /* where it ran */                               \
    X(LABEL_PRINCIPAL, "principal")               /* identity.arn as logged */                     \
    X(LABEL_MODEL_ID, "model_id")                 /* modelId as logged */                          \
    X(LABEL_MODEL, "model")                       /* base model id, "" when not resolved */        \
    X(LABEL_SCOPE, "scope")                       /* "in-region", "geo", "global", "" */           \
    X(LABEL_GEO, "geo") /* "us", "eu", "apac" … as in the profile id */                          \
    X(LABEL_OPERATION, "operation")                                                                \
    X(LABEL_ERROR, "error")           /* errorCode, "" when it succeeded */                        \
    X(LABEL_TIER, "tier")             /* service tier, "" when not known */                        \
    X(LABEL_OUTCOME, "outcome")       /* OUTCOME_MAP of model/cost.h */                            \
    X(LABEL_REASON, "reason")         /* why it is not plainly priced, "" otherwise */             \
    X(LABEL_HARNESS, "harness")       /* program that made the call, "" when not recognised */     \
    X(LABEL_VERSION, "version")       /* of the harness, three numbers */                          \
    X(LABEL_ENTRYPOINT, "entrypoint") /* cli, sdk-cli … */                                       \
    X(LABEL_CALL_KIND, "call_kind")   /* CALL_KIND_MAP of model/exchange.h */

enum label {
#define LABEL_ENUM(id, name) id,
    LABEL_MAP(LABEL_ENUM)
#undef LABEL_ENUM
        LABELS
};

/* "account", "region" …; never NULL. */
const char *label_name(enum label label);

struct labels {
    uint32_t v[LABELS]; /* symbol ids */
};

struct series;

/* The series keep `symbols` and do not own it. */
enum status series_new(struct symbols *symbols, struct series **out, struct err *err) MUST_USE;
void series_free(struct series *s);
enum status series_intern(struct series *s, const struct labels *labels, uint32_t *id) MUST_USE;
/* Lives as long as s. */
const struct labels *series_labels(const struct series *s, uint32_t id);
struct str series_text(const struct series *s, uint32_t id, enum label label);
uint32_t series_count(const struct series *s);
struct symbols *series_symbols(const struct series *s);

#endif
