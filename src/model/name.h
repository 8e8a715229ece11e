/*
 * What a name may look like. Clients and the people who use them write what stands in bodies, so
 * where a name is expected a sentence may stand: what does not have the form of its kind is text,
 * and no text stays. NOT_A_NAME takes its place, and the exchange counts it (`cut`).
 *
 * The forms, and where they come from:
 *
 *     tool        letters, digits, _ and -, up to 128: the API of Converse takes 64 (AWS, Converse
 *                 API reference, ToolSpecification), that of Anthropic 128; names of MCP servers in
 *                 them are made safe by the client (request-bodies facts, 6)
 *     entry       skills, sub-agents, slash commands: [A-Za-z0-9_.:/-]{1,128} (request-bodies
 *                 facts, 5); letters of other alphabets are none of them
 *     version     begins with a digit; facts, 3
 *     entrypoint  an open set: sdk-cli, cli … (facts, 3)
 *     session     any opaque id (facts, 2) of letters, digits and _ . : / @ + = -; see
 *                 ingest/exchange_names.c for one of another form
 *     directory   last part of a working directory, when it is asked for: no blanks
 *     code        names of the service in records: operation, error, tier; models in bodies
 */
#ifndef ASSAY_MODEL_NAME_H
#define ASSAY_MODEL_NAME_H

#include "base/str.h"

/* id, longest in bytes, what it may hold beside ASCII letters and digits */
#define NAME_MAP(X)                                                                                \
    X(NAME_TOOL, 128, "_-")                                                                        \
    X(NAME_ENTRY, 128, "_.:/-")                                                                    \
    X(NAME_VERSION, 32, ".+-")                                                                     \
    X(NAME_ENTRYPOINT, 64, "_-")                                                                   \
    X(NAME_SESSION, 128, "_.:/@+=-")                                                               \
    X(NAME_DIRECTORY, 128, "_.@+~-")                                                               \
    X(NAME_CODE, 128, "_.:/#-")

enum name_form {
#define NAME_ENUM(id, longest, more) id,
    NAME_MAP(NAME_ENUM)
#undef NAME_ENUM
        NAME_FORMS
};

/* What is kept and shown where a name should stand and something else does; no form admits it. */
#define NOT_A_NAME STR("(not a name)")

/* Whether a text, decoded, has the form of a name. An empty one has not. */
bool name_fits(enum name_form form, struct str text);

#endif
