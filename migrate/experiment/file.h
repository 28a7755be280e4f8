/* SPDX-License-Identifier: Apache-2.0 */
/* file - the tables that read an experiment's file, for its schema */
#ifndef SK_EXPERIMENT_FILE_H
#define SK_EXPERIMENT_FILE_H

#include "lib/yaml.h"

#define SK_FILE_FIELDS 15
#define SK_FILE_LAB    "lab"

/** sk_file_fields - Keys of the file; as many as SK_FILE_FIELDS, and the end */
extern const struct sk_yaml_field sk_file_fields[SK_FILE_FIELDS + 1];
/** sk_file_host_fields - Keys of 'hosts' that is a map */
extern const struct sk_yaml_field sk_file_host_fields[];

#endif
