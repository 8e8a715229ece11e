/*
 * assay simulate: writes logs of an organization that does not exist, and the truth about them.
 *
 *     struct sim_options opt = {.users = 20, .days = 30, .seed = 1, .dir = "demo", …};
 *     struct sim_report report;
 *     sim_run(&opt, &report, &err);
 *
 * The same options give the same records on every machine (the gzip bytes depend on the ISA-L
 * version too). Token counts do not depend on `bodies`: only what can be seen of them does.
 * Time passes in one heap of actors, so memory holds the conversations that are open at one time
 * and one unfinished file per account and Region, however long the simulation is.
 */
#ifndef ASSAY_SIM_SIM_H
#define ASSAY_SIM_SIM_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum sim_bodies {
    SIM_INLINE,
    SIM_S3, /* bodies above 25 KB lie beside the records, smaller ones inside */
    SIM_NONE,
};

struct sim_options {
    const char *dir;
    int64_t users, days, seed;
    int64_t start_day;  /* days since 1970 */
    int64_t records;    /* stop after about so many; 0: no limit */
    int64_t body_scale; /* per cent of the realistic size of generated texts */
    enum sim_bodies bodies;
    bool force;         /* write into a directory that is not empty */
    bool (*stop)(void); /* asked now and then; true: ERR_INTERRUPTED. May be NULL. */
};

struct sim_report {
    int64_t records, invocations, duplicates, files, json_bytes, gzip_bytes;
};

enum status sim_run(const struct sim_options *options, struct sim_report *report,
                    struct err *err) MUST_USE;

#endif
