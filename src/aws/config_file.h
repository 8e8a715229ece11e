/*
 * The AWS configuration files, ~/.aws/config and ~/.aws/credentials, read as the AWS CLI reads them
 * (botocore 1.44, configloader.py, which is Python's configparser):
 *
 *     [default]                       a profile; in the credentials file every section is one
 *     region = eu-central-1           `key = value` or `key: value`, keys without regard to case
 *     [profile dev]                   quotes hold a name with blanks together
 *     sso_session = corp              ; and # begin a comment, on a line of their own
 *     services = local                # or behind a blank
 *     [sso-session corp]
 *     [services local]
 *     s3 =                            indented lines behind a key without a value: keys below it
 *       endpoint_url = http://127.0.0.1:9000
 *
 * The credentials file wins over the config file, key by key. Two differences to the CLI: of a key
 * or section that comes twice the CLI refuses the file, here the later counts, as in the other
 * SDKs; and the CLI takes a comment behind a value for a part of it. There a credential_process
 * keeps its whole line here too, because ` ;` and ` #` may stand in a command. Quotes around a
 * value are a part of it.
 *
 * The texts hold secrets: they lie in memory of one piece that is wiped in the end.
 */
#ifndef ASSAY_AWS_CONFIG_FILE_H
#define ASSAY_AWS_CONFIG_FILE_H

#include "aws/machine.h"
#include "base/err.h"
#include "base/str.h"

/* Of each file, in bytes. */
#define CONFIG_FILE_MAX ((size_t)1 << 20)

struct aws_config;

enum config_section { CONFIG_PROFILE, CONFIG_SSO_SESSION, CONFIG_SERVICES };
/* Bits: where a key may stand. */
enum config_where { CONFIG_IN_CONFIG = 1, CONFIG_IN_CREDENTIALS = 2, CONFIG_ANYWHERE = 3 };

/* Reads AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE, or the files in the home directory; a
 * file that does not exist is empty, and so is one at the usual place that may not be opened (a
 * service without access to homes). ERR_PARSE names file and line, never what stands there. */
enum status config_read(const struct aws_machine *m, struct aws_config **out,
                        struct err *err) MUST_USE;
/* From texts, which are copied; names are for messages. */
enum status config_parse(struct str config, const char *config_name, struct str credentials,
                         const char *credentials_name, struct aws_config **out,
                         struct err *err) MUST_USE;
/* Wipes and frees; c may be NULL. */
void config_free(struct aws_config *c);

/* Wipes the texts but for what is no secret, for who goes on with the rest for long: secret keys,
 * tokens and commands are not there any more, nor are comments. */
enum status config_forget_secrets(struct aws_config *c, struct err *err) MUST_USE;

bool config_has(const struct aws_config *c, enum config_section kind, const char *name);
/* The value of a key, "" when it is empty, NULL when it is not there. Borrowed from c. */
const char *config_get(const struct aws_config *c, enum config_section kind, const char *name,
                       const char *key);
/* As above, in one of the files only. */
const char *config_get_in(const struct aws_config *c, enum config_where where,
                          enum config_section kind, const char *name, const char *key);
/* The value of a key below a key: ("local", "s3", "endpoint_url"). */
const char *config_get_below(const struct aws_config *c, enum config_section kind, const char *name,
                             const char *parent, const char *key);

#endif
