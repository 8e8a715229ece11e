/* The map of application inference profiles: tags, limits, what is learned beside a file. */
#include "model/pricing.h"
#include "unit.h"

#include <stdio.h>

#define ARN "arn:aws:bedrock:us-west-2:111122223333:application-inference-profile/a1b2"
#define MODEL_ARN(region) "arn:aws:bedrock:" region "::foundation-model/anthropic.claude-opus-4-8"

static enum status load(struct profiles *p, const char *text, struct err *err)
{
    profiles_init(p);
    return profiles_load(p, str_from(text), "profiles.yaml", err);
}

static void assert_str(struct str s, const char *wanted)
{
    assert_int_equal(s.n, strlen(wanted));
    assert_memory_equal(s.p, wanted, s.n);
}

static void tags_of_a_file(void **state)
{
    (void)state;
    struct profiles p;
    struct err err = {0};
    assert_int_equal(load(&p,
                          "- arn: " ARN "\n  model: anthropic.claude-opus-4-8\n"
                          "  tags: owner-team = search , service_name=a=b,Empty=\n",
                          &err),
                     OK);
    const struct profile *one = profiles_find(&p, STR(ARN));
    assert_non_null(one);
    assert_int_equal(one->tags_n, 3);
    assert_str(profile_tag(one, STR("owner-team")), "search");
    assert_str(profile_tag(one, STR("service_name")), "a=b");
    assert_str(profile_tag(one, STR("owner_team")), "");
    assert_str(profile_tag(one, STR("Owner-Team")), "");
    profiles_fini(&p);
    static const char *const wrong[] = {"team", "=x", "a=1,", "a=1,a=2"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "arn,model,tags\n%s,anthropic.claude-opus-4-8,\"%s\"\n", ARN,
                 wrong[i]);
        assert_int_equal(load(&p, text, &err), ERR_PARSE);
        assert_non_null(strstr(err.text, "tags"));
        profiles_fini(&p);
    }
}

/* Profile facts, 3 and rules 6, 8. */
static void models_give_base_and_scope(void **state)
{
    (void)state;
    const struct str one[] = {STR(MODEL_ARN("us-east-1"))};
    const struct str geo[] = {STR(MODEL_ARN("us-east-1")), STR(MODEL_ARN("us-west-2"))};
    const struct str global[] = {STR(MODEL_ARN("us-east-1")), STR(MODEL_ARN(""))};
    const struct str two[] = {STR(MODEL_ARN("us-east-1")),
                              STR("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro")};
    const struct {
        const struct str *arns;
        size_t n;
        bool good;
        enum model_scope scope;
    } cases[] = {{one, 1, true, SCOPE_IN_REGION},
                 {geo, 2, true, SCOPE_GEO},
                 {global, 2, true, SCOPE_GLOBAL},
                 {two, 2, false, SCOPE_UNKNOWN},
                 {one, 0, false, SCOPE_UNKNOWN}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct profile p = {.base = STR("")};
        assert_int_equal(profile_of_models(cases[i].arns, cases[i].n, &p), cases[i].good);
        if (cases[i].good) {
            assert_str(p.base, "anthropic.claude-opus-4-8");
            assert_int_equal(p.scope, cases[i].scope);
        }
    }
}

static void long_texts_are_cut_where_a_character_ends(void **state)
{
    (void)state;
    struct profiles p;
    char value[600], key[300];
    memset(key, 'k', sizeof key);
    for (size_t i = 0; i < sizeof value; i += 3)
        memcpy(value + i, "\xe2\x82\xac", 3);
    struct tag tags[PROFILE_TAGS + 5];
    for (size_t i = 0; i < PROFILE_TAGS + 5; i++)
        tags[i] = (struct tag){str_of(key, sizeof key - i), str_of(value, sizeof value)};
    const struct profile one = {.arn = STR("ARN:x"),
                                .base = STR("m"),
                                .geo = STR(""),
                                .name = str_of(key, sizeof key),
                                .tags = tags,
                                .tags_n = PROFILE_TAGS + 5};
    profiles_init(&p);
    assert_int_equal(profiles_add(&p, &one, NULL), OK);
    assert_int_equal(profiles_add(&p, &one, NULL), OK);
    assert_int_equal(p.n, 1);
    const struct profile *found = profiles_find(&p, STR("arn:X"));
    assert_non_null(found);
    assert_int_equal(found->name.n, PROFILE_NAME_BYTES);
    assert_int_equal(found->tags_n, PROFILE_TAGS);
    assert_int_equal(found->tags[0].key.n, TAG_KEY_BYTES);
    assert_int_equal(found->tags[0].value.n, 255); /* 85 characters of three bytes */
    profiles_fini(&p);
}

static struct str model_of(const struct pricing *p)
{
    struct price_match m;
    const struct price_key key = {.account = STR(""),
                                  .region = STR("us-west-2"),
                                  .model_id = STR(ARN),
                                  .body_model = STR(""),
                                  .inference_region = STR(""),
                                  .tier = STR(""),
                                  .time_us = INT64_C(1790000000) * US_PER_SECOND};
    pricing_find(p, &key, &m);
    return m.model;
}

/* Rule 31: unpriced without; and a file knows better than what was learned. */
static void what_is_learned_holds_beside_a_file(void **state)
{
    (void)state;
    struct pricing *p;
    const struct tag tag = {STR("team"), STR("learned")}, other = {STR("only"), STR("here")};
    const struct tag tags[] = {tag, other};
    const struct profile learned = {.arn = STR(ARN),
                                    .base = STR("anthropic.claude-opus-4-8"),
                                    .geo = STR(""),
                                    .name = STR("n"),
                                    .scope = SCOPE_GLOBAL,
                                    .tags = tags,
                                    .tags_n = 2};
    assert_int_equal(pricing_new(&p, NULL), OK);
    uint64_t fingerprint = pricing_fingerprint(p);
    uint32_t generation = pricing_generation(p);
    assert_str(model_of(p), "");
    assert_int_equal(pricing_learn(p, &learned, NULL), OK);
    assert_str(model_of(p), "anthropic.claude-opus-4-8");
    assert_str(pricing_tag(p, STR(ARN), STR("team")), "learned");
    assert_true(pricing_generation(p) != generation);
    assert_true(pricing_fingerprint(p) == fingerprint);
    assert_int_equal(
        pricing_profiles(p, STR("arn,model,tags\n" ARN ",anthropic.claude-sonnet-4-6,team=filed\n"),
                         "f", NULL),
        OK);
    assert_str(model_of(p), "anthropic.claude-sonnet-4-6");
    assert_str(pricing_tag(p, STR(ARN), STR("team")), "filed");
    assert_str(pricing_tag(p, STR(ARN), STR("only")), "here");
    assert_str(pricing_tag(p, STR("arn:other"), STR("team")), "");
    pricing_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_of_a_file),
        cmocka_unit_test(models_give_base_and_scope),
        cmocka_unit_test(long_texts_are_cut_where_a_character_ends),
        cmocka_unit_test(what_is_learned_holds_beside_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
