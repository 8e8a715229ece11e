/*
 * The organization that is simulated: accounts, Regions, teams, who calls (people by way of IAM
 * Identity Center, OIDC roles, IAM users and API keys; services by way of roles) and which model
 * ids they use. Made once from the seed, then only read.
 */
#ifndef ASSAY_SIM_ORG_H
#define ASSAY_SIM_ORG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "sim/rand.h"

enum {
    ORG_ACCOUNTS = 13, /* the last one that is in use is in GovCloud */
    ORG_OPEN_REGIONS = 5,
    ORG_REGIONS, /* and GovCloud's */
    ORG_TEAMS = 24,
    /* Desks without a team: */
    DESK_SANDBOX = ORG_TEAMS,
    DESK_GOV,
    ORG_DESKS,
};

struct region {
    const char *name;
    const char *geo;  /* prefix of its geographic profiles */
    int utc_offset_h; /* where its people live */
};
extern const struct region REGIONS[ORG_REGIONS];

/* How a reader can come from the logged model id to the base model. */
enum resolution {
    BY_ID,      /* the id says it */
    BY_PROFILE, /* application inference profile that stands in profiles.yaml */
    BY_BODY,    /* application inference profile that does not: only a body names the model */
    BY_NOTHING, /* no base model at all: not in any price list, or not sold by the token */
};

/* A model id as it is logged. */
struct model {
    struct str id;
    struct str base;      /* "" for BY_NOTHING */
    struct str body_name; /* as bodies name it: without vendor and version */
    const char *scope;    /* "in-region", "geo", "global", "" */
    struct str profile;   /* name of the application profile, "" */
    enum resolution how;
    uint8_t home_region; /* of a profile */
};

enum caller_kind {
    CALLER_SSO,
    CALLER_OIDC,
    CALLER_IAM_USER,
    CALLER_API_KEY,
    CALLER_CI,
    CALLER_SERVICE,
    CALLER_GATEWAY,   /* several people behind one role */
    CALLER_AGENTCORE, /* an agent of the platform; its session name holds the session's id */
};

enum harness {
    CLAUDE_CODE,
    CLINE,
    ROO,
    OPENCODE,
    AIDER,
    CONTINUE,
    GOOSE,
    ZED,
    AGENTCORE,
    CHAT_FIRST = CLINE,
    CHAT_PEOPLE = ZED, /* the last one that people use */
};

enum service_kind {
    SERVICE_CHAT,      /* ConverseStream, Claude through an application profile */
    SERVICE_CLASSIFY,  /* Converse, Nova */
    SERVICE_OSS,       /* Converse, gpt-oss */
    SERVICE_DOCUMENT,  /* InvokeModel, Claude Haiku with long documents */
    SERVICE_EMBED,     /* InvokeModel, Titan embeddings, at night */
    SERVICE_RESPONSES, /* Responses: counts only */
    SERVICE_ODD,       /* unknown models and provisioned throughput */
    SERVICE_KINDS
};

/* Where a team works, and with what. */
struct desk {
    uint8_t account, region;
    uint32_t opus, sonnet, haiku_old, haiku_new; /* models */
};

struct caller {
    struct str arn;
    struct str person; /* as the directory names them; "" for machines */
    struct str match;  /* their row in the directory, "" for those it forgot */
    uint16_t team;
    uint8_t account;
    uint8_t region;
    uint8_t kind;
    uint8_t what; /* enum harness or enum service_kind */
    uint16_t desk;
    uint32_t model;      /* of a service */
    uint32_t second;     /* the same person in the sandbox or in GovCloud; 0: none */
    bool no_bodies;      /* its account logs counts only */
    struct str metadata; /* requestMetadata as JSON, "" for none */
};

struct org {
    struct arena arena;
    char account[ORG_ACCOUNTS][13];
    uint32_t accounts_n, teams_n, regions_n;
    struct desk desk[ORG_DESKS]; /* by team, then the others */
    struct model *models;
    uint32_t models_n, models_cap;
    /* People first, then services, then agents and those behind a gateway, then second identities.
     */
    struct caller *callers;
    uint32_t callers_n, people_n, services_n, agents_n;
};

enum status org_init(struct org *o, uint64_t seed, uint32_t users, struct err *err) MUST_USE;
void org_fini(struct org *o);

/* The text of profiles.yaml. */
void org_profiles(const struct org *o, struct buf *out);
/* Writes directory.csv and profiles.yaml into dir. */
enum status org_write_files(const struct org *o, const char *dir, struct err *err) MUST_USE;

/* "search", or "search-2" beyond the list. */
const char *org_team(uint32_t team);

#endif
