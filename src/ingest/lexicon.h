/*
 * The tables in which the threads of a load name what they read: symbols and series. Both only
 * grow, and a run that does not end meets new names for ever (each session of a role is a
 * principal). So a lexicon that has become large is begun anew, and the old one goes when the last
 * batch that names with it is written.
 *
 *     lexicons_new(env, &all, &err);
 *     x = lexicon_take(all);               a reader, which asks lexicon_is_full between records
 *     lexicon_env(x)                       what it reads with
 *     y = lexicon_share(x);                a batch of it
 *     lexicon_drop(x);                     by each who took it or shared it
 *     lexicons_sweep(all);                 the writer, when the store names with none of them
 *     lexicons_free(all);
 *
 * Any thread may call all but the last two.
 */
#ifndef ASSAY_INGEST_LEXICON_H
#define ASSAY_INGEST_LEXICON_H

#include "ingest/intake.h"

struct lexicon;
struct lexicons;

/* `like` is what all read with but for tables and room, of which it gives the limits; borrowed. */
enum status lexicons_new(const struct intake_env *like, struct lexicons **out,
                         struct err *err) MUST_USE;
/* Nobody uses any more what is in them. */
void lexicons_free(struct lexicons *all);
/* The newest that is not full; NULL when memory is short. */
struct lexicon *lexicon_take(struct lexicons *all) MUST_USE;
struct lexicon *lexicon_share(struct lexicon *x);
void lexicon_drop(struct lexicon *x);
bool lexicon_is_full(struct lexicon *x);
const struct intake_env *lexicon_env(const struct lexicon *x);
/* Frees those that nobody has. A new one never lies where an old one lay before this. */
void lexicons_sweep(struct lexicons *all);

#endif
