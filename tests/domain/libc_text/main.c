// Characters, strings, wide strings, numbers in text, searching and sorting,
// against glibc's: `output` is what this program writes on Linux.
#define _GNU_SOURCE
#pragma GCC diagnostic ignored "-Wstringop-truncation"
#include <ctype.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#define CLASS(f)                                                               \
    do {                                                                       \
        unsigned sum = 0, n = 0;                                               \
        for (int c = 0; c < 128; c++)                                          \
            if (f(c))                                                          \
                sum = sum * 31 + c, n++;                                       \
        printf(#f " %u %u\n", n, sum);                                         \
    } while (0)

#define CLASS_L(f)                                                             \
    do {                                                                       \
        unsigned n = 0;                                                        \
        for (int c = 0; c < 128; c++)                                          \
            n += f(c, where) != 0;                                             \
        printf(#f " %u\n", n);                                                 \
    } while (0)

static locale_t where;

static void classes(void)
{
    CLASS(isalnum);
    CLASS(isalpha);
    CLASS(isascii);
    CLASS(isblank);
    CLASS(iscntrl);
    CLASS(isdigit);
    CLASS(isgraph);
    CLASS(islower);
    CLASS(isprint);
    CLASS(ispunct);
    CLASS(isspace);
    CLASS(isupper);
    CLASS(isxdigit);
    CLASS(tolower);
    CLASS(toupper);
    CLASS(toascii);
    CLASS(iswalnum);
    CLASS(iswalpha);
    CLASS(iswblank);
    CLASS(iswcntrl);
    CLASS(iswdigit);
    CLASS(iswgraph);
    CLASS(iswlower);
    CLASS(iswprint);
    CLASS(iswpunct);
    CLASS(iswspace);
    CLASS(iswupper);
    CLASS(iswxdigit);
    CLASS(towlower);
    CLASS(towupper);
    where = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    CLASS_L(isalnum_l);
    CLASS_L(isalpha_l);
    CLASS_L(isblank_l);
    CLASS_L(iscntrl_l);
    CLASS_L(isdigit_l);
    CLASS_L(isgraph_l);
    CLASS_L(islower_l);
    CLASS_L(isprint_l);
    CLASS_L(ispunct_l);
    CLASS_L(isspace_l);
    CLASS_L(isupper_l);
    CLASS_L(isxdigit_l);
    CLASS_L(tolower_l);
    CLASS_L(toupper_l);
    CLASS_L(iswalnum_l);
    CLASS_L(iswalpha_l);
    CLASS_L(iswblank_l);
    CLASS_L(iswcntrl_l);
    CLASS_L(iswdigit_l);
    CLASS_L(iswgraph_l);
    CLASS_L(iswlower_l);
    CLASS_L(iswprint_l);
    CLASS_L(iswpunct_l);
    CLASS_L(iswspace_l);
    CLASS_L(iswupper_l);
    CLASS_L(iswxdigit_l);
    CLASS_L(towlower_l);
    CLASS_L(towupper_l);
    wctype_t digits = wctype("digit");
    wctrans_t up = wctrans("toupper");
    printf("%d %d %d %d\n", !!iswctype('7', digits), !!iswctype('x', digits),
           (int)towctrans('x', up), (int)towctrans_l('y', up, where));
    printf("%d %d\n", !!iswctype_l('7', wctype_l("digit", where), where),
           wctrans_l("toupper", where) != 0);
    freelocale(duplocale(where));
}

static int sign(int x)
{
    return (x > 0) - (x < 0);
}

static void strings(void)
{
    char a[64] = "one two,three", b[64] = "", *save;
    printf("%s|", strcat(strcpy(b, a), "!"));
    printf("%s|", strncat(strncpy(b, "abc", 7), "xyz", 2));
    memset(b, 0, sizeof b);
    printf("%td %td ", stpcpy(b, "stp") - b, stpncpy(b, "stpncpy", 4) - b);
    printf("%zu %zu %zu %zu|", strlen(a), strnlen(a, 3), strspn(a, "eon"),
           strcspn(a, ","));
    printf("%s %s %s %s|", strchr(a, 't'), strrchr(a, 't'), strpbrk(a, ",w"),
           strstr(a, "two"));
    printf("%d %d %d %d %d|", sign(strcmp("a", "b")),
           sign(strncmp("ab", "ac", 1)), sign(strcasecmp("ABC", "abd")),
           sign(strncasecmp("ABC", "abd", 2)), sign(strcoll("b", "a")));
    printf("%d %d %d|", sign(strcasecmp_l("A", "a", where)),
           sign(strncasecmp_l("AB", "AC", 2, where)),
           sign(strcoll_l("a", "b", where)));
    printf("%zu %zu|", strxfrm(b, "abc", sizeof b),
           strxfrm_l(b, "abcd", sizeof b, where));
    char *copy = strndup("duplicate", 4), *whole = strdup("whole");
    printf("%s %s|", copy, whole);
    free(copy), free(whole);
    printf("%s ", strtok(a, " ,"));
    printf("%s ", strtok(NULL, " ,"));
    char r[] = "x:y";
    printf("%s ", strtok_r(r, ":", &save));
    printf("%s|", strtok_r(NULL, ":", &save));
    char bytes[16] = "0123456789", out[16] = "";
    memmove(bytes + 2, bytes, 6);
    printf("%s %s %s|", bytes, (char *)memchr(bytes, '8', 10),
           (char *)memccpy(out, "stop.here", '.', 9) - 5);
    swab("badc", out, 4), out[4] = 0;
    printf("%.4s %d %d %d|", out, sign(memcmp("abd", "abc", 3)), ffs(0x50),
           sign(bcmp("a", "b", 1)));
    char text[64];
    printf("%d %s %s\n", strerror_r(2, text, sizeof text) != 0, strerror(2),
           strerror_l(13, where));
}

static void wide(void)
{
    wchar_t a[64] = L"one two,three", b[64] = L"", *save, *end;
    char narrow[64];
    printf("%ls|", wcscat(wcscpy(b, a), L"!"));
    printf("%ls|", wcsncat(wcsncpy(b, L"abcdef\0", 7), L"xyz", 2));
    printf("%td %td|", wcpcpy(b, L"stp") - b, wcpncpy(b, L"stpncpy", 4) - b);
    wcscpy(b, L"abc");
    printf("%zu %zu %zu %zu|", wcslen(a), wcsnlen(a, 3), wcsspn(a, L"eon"),
           wcscspn(a, L","));
    printf("%ls %ls %ls %ls|", wcschr(a, 't'), wcsrchr(a, 't'),
           wcspbrk(a, L",w"), wcsstr(a, L"two"));
    printf("%d %d %d %d %d|", sign(wcscmp(L"a", L"b")),
           sign(wcsncmp(L"ab", L"ac", 1)), sign(wcscasecmp(L"ABC", L"abd")),
           sign(wcsncasecmp(L"ABC", L"abd", 2)), sign(wcscoll(L"b", L"a")));
    printf("%d %d %d %zu|", sign(wcscasecmp_l(L"A", L"a", where)),
           sign(wcsncasecmp_l(L"A", L"b", 1, where)),
           sign(wcscoll_l(L"a", L"b", where)), wcsxfrm(b, L"abc", 64));
    wchar_t *copy = wcsdup(L"copy");
    printf("%ls|", copy);
    free(copy);
    printf("%ls|", wcstok(a, L" ,", &save));
    printf("%ld %lu %lld %llu %g %g|", wcstol(L"-12x", &end, 10),
           wcstoul(L"0x1f", NULL, 0), wcstoll(L"77", NULL, 8),
           wcstoull(L"zz", NULL, 36), wcstod(L"1.5e3", NULL),
           (double)wcstof(L".25", NULL));
    printf("%jd %ju %.3Lf|", wcstoimax(L"-9", NULL, 10),
           wcstoumax(L"9", NULL, 10), wcstold(L"2.125", NULL));
    wmemset(b, L'-', 5), b[5] = 0;
    wmemcpy(b + 1, L"ab", 2), wmemmove(b + 2, b, 3);
    printf("%ls %d %d|", b, wmemchr(b, 'a', 5) != NULL,
           sign(wmemcmp(L"ab", L"ac", 2)));
    mbstate_t state = {0};
    const char *from = "multi";
    const wchar_t *wfrom = L"byte";
    printf("%zu %d ", mbsrtowcs(b, &from, 64, &state), from == NULL);
    from = "multi";
    printf("%zu ", mbsnrtowcs(b, &from, 3, 64, &state));
    printf("%zu ", wcsrtombs(narrow, &wfrom, sizeof narrow, &state));
    wfrom = L"byte";
    printf("%zu %d|", wcsnrtombs(narrow, &wfrom, 2, sizeof narrow, &state),
           mbsinit(&state) != 0);
    printf("%zu %zu %d %d %d|", mbstowcs(b, "abc", 64),
           wcstombs(narrow, L"abcd", sizeof narrow), mblen("a", 1),
           mbtowc(b, "x", 1), wctomb(narrow, L'y'));
    printf("%zu %zu %zu %d %d|", mbrlen("a", 1, &state),
           mbrtowc(b, "q", 1, &state), wcrtomb(narrow, L'w', &state),
           (int)btowc('b'), wctob(L'c'));
    int n = 0;
    wchar_t word[16];
    swscanf(L"12 words", L"%d %15ls", &n, word);
    swprintf(b, 64, L"%d-%ls-%5.2f", n, word, 1.5);
    printf("%ls\n", b);
}

static void numbers(void)
{
    char *end, text[80], *options = text, *value;
    printf("%d %ld %lld %g|", atoi("-42x"), atol("77"), atoll("99"),
           atof("2.5e1"));
    printf("%ld %lu %lld %llu|", strtol("0x7fz", &end, 0),
           strtoul("-1", NULL, 10), strtoll("9223372036854775808", NULL, 10),
           strtoull("zz", NULL, 36));
    printf("%s %g %g %.4Lf|", end, strtod("1e-3q", NULL),
           (double)strtof("0x1p4", NULL), strtold("3.25", NULL));
    printf("%jd %ju %jd %jd|", strtoimax("-5", NULL, 10),
           strtoumax("5", NULL, 10), imaxabs(-7), imaxdiv(17, 5).rem);
    printf("%ld %s|", a64l("zzz"), l64a(123456));
    strcpy(text, "ro,size=7,ro");
    char ro[] = "ro", size[] = "size";
    char *const tokens[] = {ro, size, NULL};
    while (*options) {
        int which = getsubopt(&options, tokens, &value);
        printf("%d=%s ", which, value ? value : "-");
    }
    srand48(42);
    printf("|%.6f %ld %ld ", drand48(), lrand48(), mrand48());
    unsigned short seed[3] = {1, 2, 3}, parameters[7] = {1, 2, 3, 4, 5, 6, 7};
    printf("%.6f %ld %ld ", erand48(seed), nrand48(seed), jrand48(seed));
    seed48(seed);
    lcong48(parameters);
    printf("%ld|", lrand48());
    printf("%s %d\n", nl_langinfo(RADIXCHAR),
           nl_langinfo_l(CODESET, where) != NULL);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void visit(const void *node, VISIT when, int level)
{
    if (when == postorder || when == leaf)
        printf("%s%d ", *(const char *const *)node, level);
}

static void searching(void)
{
    static char words[5][8] = {"pear", "apple", "fig", "date", "lime"};
    void *root = NULL;
    for (int i = 0; i < 5; i++)
        tsearch(words[i], &root, by_text);
    printf("%d %d ", tfind("fig", &root, by_text) != NULL,
           tfind("plum", &root, by_text) != NULL);
    tdelete("apple", &root, by_text);
    printf("%d ", tfind("apple", &root, by_text) != NULL);
    twalk(NULL, visit);
    qsort(words, 5, sizeof *words, by_text);
    printf("%s %s %d|", words[0], (char *)bsearch("lime", words, 5, 8, by_text),
           bsearch("x", words, 5, 8, by_text) != NULL);
    hcreate(16);
    ENTRY e = {.key = words[1], .data = words[2]};
    hsearch(e, ENTER);
    ENTRY *found = hsearch((ENTRY){.key = words[1]}, FIND);
    printf("%s %d\n", (char *)found->data,
           hsearch((ENTRY){.key = words[3]}, FIND) != NULL);
    hdestroy();
}

static void dates(void)
{
    char text[200];
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    time_t t = 1000000000;
    struct tm *utc = gmtime(&t), local, parsed = {0};
    printf("%s", asctime(utc));
    printf("%s", asctime_r(gmtime_r(&t, &local), text));
    printf("%s%s", ctime(&t), ctime_r(&t, text));
    localtime_r(&t, &local);
    strftime(text, sizeof text,
             "%a %A %b %B %c %d %D %e %F %H %I %j %m %M %n %p "
             "%R %S %T %u %U %V %w %W %x %X %y %Y %z %Z %%",
             &local);
    printf("%s\n", text);
    printf("%d %jd %g ", localtime(&t)->tm_isdst, (intmax_t)mktime(&local),
           difftime(t, t - 5));
    char *rest = strptime("2024-02-29 12:34:56 rest", "%Y-%m-%d %T", &parsed);
    printf("%d %d %d %d%s %jd\n", parsed.tm_year, parsed.tm_mon, parsed.tm_mday,
           parsed.tm_sec, rest, (intmax_t)timegm(&parsed));
    strftime_l(text, sizeof text, "%H", utc, where);
    printf("%ld %s\n", timezone, tzname[1]);
}

int main(void)
{
    classes();
    strings();
    wide();
    numbers();
    searching();
    dates();
    return 0;
}
