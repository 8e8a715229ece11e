/* The machine that a program runs on: see machine.h. */
#include "aws/machine.h"

#include "base/clock.h"

#include <stdlib.h>

const char *machine_variable(const struct aws_machine *m, const char *name)
{
    const char *value = m->variable ? m->variable(m->ctx, name) : getenv(name);
    return value && *value ? value : NULL;
}

bool machine_switch(const struct aws_machine *m, const char *name)
{
    return str_eq_nocase(str_from(machine_variable(m, name)), STR("true"));
}

int64_t machine_now_us(const struct aws_machine *m)
{
    return m->now_us ? m->now_us(m->ctx) : clock_now_us();
}

enum status machine_path(const struct aws_machine *m, const char *path, struct buf *out,
                         struct err *err)
{
    buf_reset(out);
    if (strncmp(path, "~/", 2) == 0) {
        const char *home = m->home ? m->home : machine_variable(m, "HOME");
        if (!home)
            return err_set(err, ERR_NOT_FOUND, "no home directory: HOME is not set");
        buf_str(out, str_from(home));
        path++;
    }
    buf_append(out, path, strlen(path) + 1);
    if (buf_status(out) != OK)
        return err_set(err, buf_status(out), "the path of a file is too long");
    out->n--;
    return OK;
}
