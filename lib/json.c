// SPDX-License-Identifier: ISC
// Strict JSON; see json.h.

#include "lib/json.h"

#include <string.h>

#include "lib/hex.h"

// jansson's own limit is 2048 levels of recursion; ours is checked before it
// sees the text. Brackets in strings do not nest.
static bool json_too_deep(const char *text, size_t len)
{
    bool string = false;
    int depth = 0;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (string && c == '\\')
            i++;
        else if (c == '"')
            string = !string;
        else if (!string && (c == '[' || c == '{') && ++depth > JSON_DEPTH_MAX)
            return true;
        else if (!string && (c == ']' || c == '}'))
            depth--;
    }
    return false;
}

json_t *json_parse(const char *name, const char *text, size_t len,
                   struct err *e)
{
    json_error_t why;
    json_t *v;

    if (json_too_deep(text, len)) {
        err_set(e, EINVAL, "%s nests deeper than %d levels", name,
                JSON_DEPTH_MAX);
        return NULL;
    }
    v = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
    if (!v)
        err_set(e, EINVAL, "%s is not valid JSON: line %d: %s", name, why.line,
                why.text);
    return v;
}

int json_get_str(const json_t *o, const char *key, const char **out,
                 struct err *e)
{
    const json_t *v = json_object_get(o, key);

    if (!json_is_string(v))
        return err_set(e, EINVAL, "the member \"%s\" %s", key,
                       v ? "must be a string" : "is missing");
    *out = json_string_value(v);
    return 0;
}

int json_get_int(const json_t *o, const char *key, int64_t min, int64_t max,
                 int64_t *out, struct err *e)
{
    const json_t *v = json_object_get(o, key);
    int64_t n;

    if (!json_is_integer(v))
        return err_set(e, EINVAL, "the member \"%s\" %s", key,
                       v ? "must be an integer" : "is missing");
    n = json_integer_value(v);
    if (n < min || n > max)
        return err_set(e, ERANGE,
                       "the member \"%s\" is %lld; it must be from %lld to "
                       "%lld",
                       key, (long long)n, (long long)min, (long long)max);
    *out = n;
    return 0;
}

// What a name may have that is said again to whoever sent it.
#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

int json_members(json_t *o, const char *const *known, struct err *e)
{
    const char *key;
    json_t *value;

    json_object_foreach(o, key, value)
    {
        const char *const *k = known;

        while (*k && strcmp(*k, key))
            k++;
        if (!*k)
            return err_set(
                e, EINVAL, "there is no member \"%s\"; check its spelling",
                key[strspn(key, PLAIN)] || strlen(key) > 64 ? "..." : key);
    }
    return 0;
}

int json_get_hex(const json_t *o, const char *key, void *out, size_t len,
                 struct err *e)
{
    const char *text = NULL;
    int r = json_get_str(o, key, &text, e);

    if (r < 0)
        return r;
    if (hex_decode(out, len, text) < 0)
        return err_set(e, EINVAL,
                       "the member \"%s\" must be %zu hexadecimal digits", key,
                       2 * len);
    return 0;
}

char *json_text(const json_t *o, bool indent)
{
    return json_dumps(o, JSON_PRESERVE_ORDER | JSON_ENCODE_ANY |
                             (indent ? JSON_INDENT(2) : JSON_COMPACT));
}

json_t *json_problem(int status, const char *title, const char *detail)
{
    return json_pack("{s:s, s:s, s:i, s:s}", "type", "about:blank", "title",
                     title, "status", status, "detail", detail);
}
