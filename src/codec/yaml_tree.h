/*
 * Any YAML document as a tree that knows its lines, for files whose mistakes are to be told all at
 * once and by name: assay.yaml. (Tables of rows have codec/table.h.)
 *
 *     struct yaml_node *root;
 *     if (yaml_tree_read(text, "assay.yaml", &arena, &root, &err) == OK)
 *         for (const struct yaml_node *n = root->first; n; n = n->next) …
 *
 * Read is what people write into configurations: mappings, lists, plain and quoted text. A number
 * or a truth is text, too; who reads the tree knows what it should be. Anchors, aliases, tags, keys
 * that are no text, zero bytes, more than one document, and anything too deep or too much are
 * refused, so the memory is at most some hundred bytes per byte of text, whatever it says.
 * A key that stands twice is left to the caller, who can tell both lines.
 *
 * The tree and its texts live in the arena; nothing borrows from the input.
 */
#ifndef ASSAY_CODEC_YAML_TREE_H
#define ASSAY_CODEC_YAML_TREE_H

#include "base/arena.h"
#include "base/err.h"

enum { YAML_DEPTH = 16, YAML_NODES = 1 << 16 };

enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAPPING };

struct yaml_node {
    enum yaml_kind kind;
    bool null;                      /* YAML_TEXT: nothing, ~ or null, not quoted; text is "" */
    struct str text;                /* YAML_TEXT; followed by a zero byte, without one inside */
    struct str key;                 /* in a mapping; p is NULL elsewhere */
    int64_t line;                   /* from 1: of the key in a mapping, of the value elsewhere */
    int n;                          /* children */
    struct yaml_node *first, *next; /* first child; next of the same parent */
};

/* An empty text gives a null. ERR_PARSE and ERR_LIMIT: the message begins with "name:line: " and
 * holds nothing of the text. */
enum status yaml_tree_read(struct str text, const char *name, struct arena *arena,
                           struct yaml_node **root, struct err *err) MUST_USE;

#endif
