/* SPDX-License-Identifier: ISC */
/*
 * date.c - wall clock time as text.
 *
 * Does not use gmtime(), because glibc's reads the time zone file, which a
 * chroot lacks.
 * Runs in: any
 */
#include "base/date.h"
#include "base/wr.h"

/* 9999-12-31 23:59:59: IMF-fixdate has four digits for the year. */
#define DATE_MAX INT64_C(253402300799)

struct date {
	unsigned year, month, day;	/* month and day from 0 */
	unsigned weekday;		/* 0: Thursday, as 1970-01-01 was */
	unsigned hour, minute, second;
};

static const char *const month_name[12] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
};

static bool is_leap(unsigned year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned month_days(unsigned year, unsigned month)
{
	static const unsigned char days[12] = {
		31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
	};

	return days[month] + (month == 1 && is_leap(year));
}

static struct date split(int64_t unix_s)
{
	int64_t t = unix_s < 0 ? 0 : unix_s > DATE_MAX ? DATE_MAX : unix_s;
	unsigned sec = (unsigned)(t % 86400);
	struct date d = {
		.year = 1970, .day = (unsigned)(t / 86400),
		.hour = sec / 3600, .minute = sec / 60 % 60,
		.second = sec % 60,
	};

	d.weekday = d.day % 7;
	for (; d.day >= 365u + is_leap(d.year); d.year++)
		d.day -= 365u + is_leap(d.year);
	for (; d.day >= month_days(d.year, d.month); d.month++)
		d.day -= month_days(d.year, d.month);
	return d;
}

void date_http(struct wr *w, int64_t unix_s)
{
	static const char *const day_name[7] = {
		"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"
	};
	struct date d = split(unix_s);

	wr_fmt(w, "%s, %02u %s %04u %02u:%02u:%02u GMT", day_name[d.weekday],
	       d.day + 1, month_name[d.month], d.year, d.hour, d.minute,
	       d.second);
}

void date_syslog(struct wr *w, int64_t unix_s)
{
	struct date d = split(unix_s);

	wr_fmt(w, "%s %2u %02u:%02u:%02u", month_name[d.month], d.day + 1,
	       d.hour, d.minute, d.second);
}

void date_iso(struct wr *w, int64_t unix_s)
{
	struct date d = split(unix_s);

	wr_fmt(w, "%04u-%02u-%02uT%02u:%02u:%02uZ", d.year, d.month + 1,
	       d.day + 1, d.hour, d.minute, d.second);
}
