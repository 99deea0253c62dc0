// SPDX-License-Identifier: ISC
// Volumes in manifests; see volumes.h.

#include "node-agent/bundle/volumes.h"

#include <string.h>

static int is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9');
}

int volume_name_check(const char *name, struct err *e)
{
    size_t n = 0;

    while (name[n] && (is_word(name[n]) || (n && strchr("-_.", name[n]))))
        n++;
    if (n == 0 || name[n] || n > VOLUME_NAME_MAX)
        return err_set(e, EINVAL,
                       "a volume's name is 1 to %d letters, digits and -_. and "
                       "begins with a letter or digit",
                       VOLUME_NAME_MAX);
    return 0;
}

static int mount_check(const char *mount, struct err *e)
{
    const char *at = mount;

    if (*at != '/' || strlen(mount) > VOLUME_MOUNT_MAX)
        return err_set(e, EINVAL,
                       "a volume is mounted at an absolute path of at most %d "
                       "bytes",
                       VOLUME_MOUNT_MAX);
    while (*at == '/') {
        size_t len = strcspn(++at, "/");

        if (len == 0 || (len == 1 && *at == '.') ||
            (len == 2 && !strncmp(at, "..", 2)))
            return err_set(e, EINVAL,
                           "where a volume is mounted must be a path without "
                           "\".\", \"..\" and double slashes, and not \"/\"");
        for (size_t i = 0; i < len; i++)
            if ((unsigned char)at[i] <= ' ' || at[i] == 0x7f || at[i] == ':' ||
                at[i] == ',' || at[i] == '\\')
                return err_set(e, EINVAL,
                               "where a volume is mounted must have no blanks, "
                               "commas, colons, backslashes and control "
                               "characters");
        at += len;
    }
    return 0;
}

int volume_use_check(const struct volume_use *use, struct err *e)
{
    int r = volume_name_check(use->name, e);

    if (r == 0)
        r = mount_check(use->mount, e);
    if (r == 0 && (use->read_only > 1 || use->shared > 1))
        r = err_set(e, EINVAL, "a volume's flags are out of range");
    return r;
}

// The part up to the next colon, into a field of so many bytes.
static int part_take(const char **at, char *out, size_t size)
{
    size_t len = strcspn(*at, ":");

    if (len >= size)
        return -1;
    memcpy(out, *at, len);
    out[len] = '\0';
    *at += len + ((*at)[len] == ':');
    return 0;
}

int volume_use_parse(const char *text, struct volume_use *out, struct err *e)
{
    const char *at = text;
    char word[16];

    *out = (struct volume_use){0};
    if (part_take(&at, out->name, sizeof(out->name)) < 0)
        return volume_name_check(text, e);
    if (!*at || part_take(&at, out->mount, sizeof(out->mount)) < 0)
        return err_set(e, EINVAL,
                       "a volume is written NAME:MOUNT[:ro][:shared], such as "
                       "data:/data");
    while (*at) {
        if (part_take(&at, word, sizeof(word)) < 0)
            strcpy(word, "?");
        if (!strcmp(word, "ro") && !out->read_only)
            out->read_only = 1;
        else if (!strcmp(word, "shared") && !out->shared)
            out->shared = 1;
        else
            return err_set(e, EINVAL,
                           "what follows a volume's mount is \"ro\" or "
                           "\"shared\"");
    }
    return volume_use_check(out, e);
}
