/*
 * The AWS configuration files: the input is the config file, and behind a line "--" the credentials
 * file. A text is refused with a line's number or can be searched; no way through the profiles that
 * it names is too long or endless.
 */
#include "aws/chain.h"
#include "aws/endpoint.h"
#include "aws/words.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *no_variable(void *ctx, const char *name)
{
    (void)ctx, (void)name;
    return NULL;
}

static void search(const struct aws_config *c, const char *profile)
{
    struct aws_settings s = {.profile = profile, .machine = {.variable = no_variable, .home = "/"}};
    struct endpoint_settings where = {&s.machine, c, profile};
    struct chain chain;
    struct endpoint e;
    struct err err = {0};
    if (chain_find(&s, c, &chain, &err) == OK)
        assert(chain.n >= 1 && chain.n <= CHAIN_MAX);
    else
        assert(err.text[0]);
    if (endpoint_find(&where, "s3", "eu-west-1", &e, &err) == OK)
        assert(e.host[0]);
}

static void split(struct str line)
{
    char *words[8];
    char *room = malloc(line.n + 1);
    if (!room)
        return;
    int n = words_split(line, room, words, 8);
    for (int i = 0; i < n; i++)
        assert(strlen(words[i]) <= line.n);
    free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of((const char *)data, size);
    struct str first = text, second = STR("");
    ptrdiff_t at = str_find(text, STR("\n--\n"));
    if (at >= 0) {
        first = str_of(text.p, (size_t)at + 1);
        second = str_skip(text, (size_t)at + 4);
    }
    split(text);
    struct aws_config *c;
    struct err err = {0};
    if (config_parse(first, "config", second, "credentials", &c, &err) != OK) {
        assert(strstr(err.text, ", line ") || err.status != ERR_PARSE);
        return 0;
    }
    search(c, "default");
    search(c, "a");
    search(c, "b");
    config_free(c);
    return 0;
}
