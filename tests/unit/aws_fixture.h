/* A machine whose variables, files and clock the test chooses. */
#ifndef ASSAY_TESTS_AWS_FIXTURE_H
#define ASSAY_TESTS_AWS_FIXTURE_H

#include "aws/config_file.h"
#include "base/clock.h"
#include "unit.h"

struct world {
    const char *names[16], *values[16];
    int64_t now_us;
};

static inline const char *world_variable(void *ctx, const char *name)
{
    const struct world *w = ctx;
    for (size_t i = 0; i < 16 && w->names[i]; i++)
        if (strcmp(w->names[i], name) == 0)
            return w->values[i];
    return NULL;
}

static inline int64_t world_now_us(void *ctx)
{
    const struct world *w = ctx;
    return w->now_us;
}

/* Sets a variable; NULL unsets it. */
static inline void world_set(struct world *w, const char *name, const char *value)
{
    size_t i = 0;
    while (w->names[i] && strcmp(w->names[i], name) != 0)
        i++;
    assert_true(i < 15);
    w->names[i] = name;
    w->values[i] = value;
}

static inline struct aws_machine world_machine(struct world *w)
{
    return (struct aws_machine){world_variable, world_now_us, w, "/nowhere/at/all"};
}

static inline struct aws_config *parse_config(const char *config, const char *credentials)
{
    struct aws_config *c = NULL;
    struct err err = {0};
    if (config_parse(str_from(config), "config", str_from(credentials), "credentials", &c, &err) !=
        OK)
        fail_msg("%s", err.text);
    return c;
}

#endif
