// SPDX-License-Identifier: ISC
// Reader of configuration files; the syntax is described in cfg.h.
//
// A scanner makes tokens, the parser is one function per rule:
//
//     file    = { setting ( newline | ';' ) }
//     setting = key '=' value
//     value   = string | integer | '[' [ value { ',' value } [ ',' ] ] ']'
//
// where newlines count for nothing inside brackets and lists do not nest.

#include "lib/cfg.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/io.h"

enum token { T_END, T_NEWLINE, T_NAME, T_STR, T_INT, T_PUNCT };

struct scanner {
    const char *name;
    const char *at, *end;
    int line;      // where the current token begins
    int next_line; // where the next one does
    enum token token;
    const char *text; // of T_NAME, T_STR (without quotes), T_INT
    size_t len;
    int64_t number;
    char punct;
    struct err *e;
};

#define CFG_ERR(s, ...) cfg_err(s, (s)->line, __VA_ARGS__)

__attribute__((format(printf, 3, 4))) static int
cfg_err(struct scanner *s, int line, const char *fmt, ...)
{
    char text[400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return err_set(s->e, EINVAL, "%s:%d: %s", s->name, line, text);
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (c >= '0' && c <= '9');
}

static int scan_string(struct scanner *s)
{
    char quote = *s->at++;

    s->token = T_STR;
    s->text = s->at;
    for (; s->at < s->end && *s->at != quote; s->at++) {
        unsigned char c = *s->at;

        if (c == '\n')
            break;
        if (c < 0x20 && c != '\t')
            return CFG_ERR(s,
                           "a string may not hold the control character "
                           "0x%02x",
                           c);
    }
    if (s->at == s->end || *s->at != quote)
        return CFG_ERR(s, "a string is not closed: add the missing %c", quote);
    s->len = s->at++ - s->text;
    return 0;
}

static int scan_int(struct scanner *s)
{
    char digits[32], *stop;

    s->token = T_INT;
    s->text = s->at++;
    while (s->at < s->end && is_name_char(*s->at))
        s->at++;
    s->len = s->at - s->text;
    if (s->len < sizeof(digits)) {
        int base = 10;

        memcpy(digits, s->text, s->len);
        digits[s->len] = 0;
        if (strncmp(digits, "0x", 2) == 0)
            base = 16;
        errno = 0;
        s->number = strtoll(digits, &stop, base);
        if (errno == 0 && *stop == 0 && stop != digits && digits[0] != '+')
            return 0;
    }
    return CFG_ERR(s, "%.*s is not an integer of 64 bits; write text in quotes",
                   s->len > 40 ? 40 : (int)s->len, s->text);
}

static int scan(struct scanner *s)
{
    s->line = s->next_line;
    while (s->at < s->end) {
        char c = *s->at;

        if (c == '#') {
            while (s->at < s->end && *s->at != '\n')
                s->at++;
        } else if (c == ' ' || c == '\t' || c == '\r') {
            s->at++;
        } else {
            break;
        }
    }
    if (s->at == s->end) {
        s->token = T_END;
        return 0;
    }
    switch (*s->at) {
    case '\n':
        s->next_line++;
        // fall through
    case ';':
        s->at++;
        s->token = T_NEWLINE;
        return 0;
    case '"':
    case '\'':
        return scan_string(s);
    case '=':
    case '[':
    case ']':
    case ',':
        s->token = T_PUNCT;
        s->punct = *s->at++;
        return 0;
    }
    if (*s->at == '-' || (*s->at >= '0' && *s->at <= '9'))
        return scan_int(s);
    if (is_name_char(*s->at)) {
        s->token = T_NAME;
        s->text = s->at;
        while (s->at < s->end && is_name_char(*s->at))
            s->at++;
        s->len = s->at - s->text;
        return 0;
    }
    if (*s->at > 0x20 && *s->at < 0x7f)
        return CFG_ERR(s, "unexpected character %c", *s->at);
    return CFG_ERR(s, "unexpected byte 0x%02x", (unsigned char)*s->at);
}

static bool at_punct(const struct scanner *s, char c)
{
    return s->token == T_PUNCT && s->punct == c;
}

static char *token_copy(const struct scanner *s)
{
    return strndup(s->text, s->len);
}

static int list_add(struct cfg_list *l, char *item, int line)
{
    char **items;
    int *lines;

    items = realloc(l->item, (l->n + 2) * sizeof(*items));
    if (items)
        l->item = items;
    lines = realloc(l->line, (l->n + 1) * sizeof(*lines));
    if (lines)
        l->line = lines;
    if (!item || !items || !lines) {
        free(item);
        return -ENOMEM;
    }
    l->item[l->n] = item;
    l->line[l->n++] = line;
    l->item[l->n] = NULL;
    return 0;
}

// Hands a list that is complete to its destination. An empty one gets its
// array too: that tells it from one that was never set.
static int list_give(struct cfg_list *l, struct cfg_list *out)
{
    if (!l->item)
        l->item = calloc(1, sizeof(*l->item));
    if (!l->item)
        return -ENOMEM;
    cfg_list_free(out);
    *out = *l;
    return 0;
}

// Scans past newlines: inside brackets they count for nothing.
static int scan_inside(struct scanner *s)
{
    int r;

    do {
        r = scan(s);
    } while (r == 0 && s->token == T_NEWLINE && s->at[-1] == '\n');
    return r;
}

static int list_unclosed(struct scanner *s, const struct cfg_key *key,
                         int opened)
{
    return cfg_err(s, opened, "the list of %s is not closed: add the missing ]",
                   key->name);
}

static int parse_list(struct scanner *s, const struct cfg_key *key,
                      struct cfg_list *out)
{
    struct cfg_list l = {0};
    int opened = s->line, r;

    for (;;) {
        r = scan_inside(s);
        if (r < 0)
            break;
        if (at_punct(s, ']'))
            return list_give(&l, out);
        if (s->token == T_END) {
            r = list_unclosed(s, key, opened);
            break;
        }
        if (s->token != T_STR && s->token != T_INT) {
            r = CFG_ERR(s,
                        "the list of %s takes strings in quotes and "
                        "integers, separated by commas",
                        key->name);
            break;
        }
        if (l.n == CFG_LIST_MAX || (int64_t)l.n == key->max) {
            r = CFG_ERR(s, "the list of %s has more than %zu elements",
                        key->name, l.n);
            break;
        }
        r = list_add(&l, token_copy(s), s->line);
        if (r < 0)
            break;
        r = scan_inside(s);
        if (r < 0)
            break;
        if (at_punct(s, ']'))
            return list_give(&l, out);
        if (s->token == T_END) {
            r = list_unclosed(s, key, opened);
            break;
        }
        if (!at_punct(s, ',')) {
            r = CFG_ERR(s, "in the list of %s a comma or ] is missing",
                        key->name);
            break;
        }
    }
    cfg_list_free(&l);
    return r;
}

static int parse_value(struct scanner *s, const struct cfg_key *key, void *dest)
{
    void *at = (char *)dest + key->offset;
    char *text;

    switch (key->type) {
    case CFG_STR:
        if (s->token != T_STR)
            return CFG_ERR(s, "%s must be a string in quotes", key->name);
        if (key->max && s->len > (size_t)key->max)
            return CFG_ERR(s, "%s has %zu bytes; at most %lld are allowed",
                           key->name, s->len, (long long)key->max);
        text = token_copy(s);
        if (!text)
            return CFG_ERR(s, "no memory");
        free(*(char **)at);
        *(char **)at = text;
        return 0;
    case CFG_INT:
    case CFG_BOOL:
        if (s->token != T_INT)
            return CFG_ERR(s,
                           key->type == CFG_INT
                               ? "%s must be an integer"
                               : "%s must be 0 (no) or 1 (yes)",
                           key->name);
        if (s->number < key->min || s->number > key->max)
            return CFG_ERR(s, "%s is %lld; it must be from %lld to %lld",
                           key->name, (long long)s->number, (long long)key->min,
                           (long long)key->max);
        if (key->type == CFG_BOOL)
            *(bool *)at = s->number;
        else
            *(int64_t *)at = s->number;
        return 0;
    case CFG_LIST:
        if (!at_punct(s, '['))
            return CFG_ERR(s, "%s must be a list: [ \"...\", ... ]", key->name);
        return parse_list(s, key, at);
    default:
        return CFG_ERR(s, "%s has no type", key->name);
    }
}

static int find_key(struct scanner *s, const struct cfg_key *keys)
{
    int n;

    for (n = 0; keys[n].type != CFG_END; n++)
        if (strlen(keys[n].name) == s->len &&
            memcmp(keys[n].name, s->text, s->len) == 0)
            return n;
    return CFG_ERR(s, "unknown key %.*s; check its spelling",
                   s->len > 64 ? 64 : (int)s->len, s->text);
}

static int parse_setting(struct scanner *s, const struct cfg_key *keys,
                         void *dest, int *set_at)
{
    int k, r;

    if (s->token != T_NAME)
        return CFG_ERR(s, "a setting is written: key = value");
    k = find_key(s, keys);
    if (k < 0)
        return k;
    if (keys[k].type == CFG_REFUSED)
        return CFG_ERR(s, "%s: %s", keys[k].name, keys[k].why);
    if (set_at[k])
        return CFG_ERR(s, "%s was already set on line %d", keys[k].name,
                       set_at[k]);
    set_at[k] = s->line;
    r = scan(s);
    if (r < 0)
        return r;
    if (!at_punct(s, '='))
        return CFG_ERR(s, "after %s an = is missing", keys[k].name);
    r = scan(s);
    if (r < 0)
        return r;
    r = parse_value(s, &keys[k], dest);
    if (r < 0)
        return r;
    r = scan(s);
    if (r < 0)
        return r;
    if (s->token != T_NEWLINE && s->token != T_END)
        return CFG_ERR(s, "after the value of %s a new line must begin",
                       keys[k].name);
    return 0;
}

int cfg_parse(const char *name, const char *text, size_t len,
              const struct cfg_key *keys, void *dest, struct err *e)
{
    struct scanner s = {.name = name,
                        .at = text,
                        .end = text + len,
                        .line = 1,
                        .next_line = 1,
                        .e = e};
    int set_at[CFG_KEYS_MAX] = {0}, r;

    if (len > CFG_FILE_MAX)
        return err_set(e, E2BIG, "%s is larger than the %d bytes allowed", name,
                       CFG_FILE_MAX);
    for (;;) {
        r = scan(&s);
        if (r < 0)
            return r;
        if (s.token == T_NEWLINE)
            continue;
        if (s.token == T_END)
            break;
        r = parse_setting(&s, keys, dest, set_at);
        if (r < 0)
            return r;
    }
    for (int k = 0; keys[k].type != CFG_END; k++)
        if ((keys[k].flags & CFG_REQUIRED) && !set_at[k])
            return err_set(e, EINVAL, "%s: the key %s is missing", name,
                           keys[k].name);
    return 0;
}

int cfg_read(const char *path, const struct cfg_key *keys, void *dest,
             struct err *e)
{
    cleanup_buf struct buf b = BUF_INIT(CFG_FILE_MAX);
    int r = file_read(path, &b, e);

    if (r < 0)
        return r;
    return cfg_parse(path, buf_str(&b), b.len, keys, dest, e);
}

void cfg_list_free(struct cfg_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->item[i]);
    free(l->item);
    free(l->line);
    *l = (struct cfg_list){0};
}

void cfg_free(const struct cfg_key *keys, void *dest)
{
    for (; keys->type != CFG_END; keys++) {
        void *at = (char *)dest + keys->offset;

        if (keys->type == CFG_STR) {
            free(*(char **)at);
            *(char **)at = NULL;
        } else if (keys->type == CFG_LIST) {
            cfg_list_free(at);
        }
    }
}
