// SPDX-License-Identifier: ISC
// timegm: mktime for UTC.
#include <time.h>

// Days since 1970-01-01 of a month's first day, by years that begin in March.
static long days_of(long year, int month)
{
    if (month < 2)
        year--;
    long era = (year >= 0 ? year : year - 399) / 400;
    long year_of_era = year - era * 400;
    long day_of_year = (153 * ((month + 10) % 12) + 2) / 5;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 -
           year_of_era / 100 + day_of_year - 719468;
}

time_t timegm(struct tm *tm)
{
    long year = 1900l + tm->tm_year + tm->tm_mon / 12;
    int month = tm->tm_mon % 12;
    if (month < 0)
        month += 12, year--;
    long days = days_of(year, month) + tm->tm_mday - 1;
    time_t t =
        ((days * 24 + tm->tm_hour) * 60 + tm->tm_min) * 60 + tm->tm_sec;
    gmtime_r(&t, tm); // so that every field is in its range
    return t;
}
