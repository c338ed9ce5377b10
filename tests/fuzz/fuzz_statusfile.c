/* SPDX-License-Identifier: ISC */
/*
 * fuzz_statusfile.c - the monitor's status file, as upnpctl reads it.
 *
 * Holds: its texts are printable and terminated; a file that was read and is
 * written again is read equal.
 */
#include "fuzz.h"
#include "fuzz_dir.h"
#include "ipc/statusfile.h"

static void check_text(const char *z, size_t cap)
{
	size_t n = strnlen(z, cap);

	CHECK(n < cap);
	CHECK(fuzz_printable((struct str){ z, n }));
}

#define CHECK_TEXT(t) check_text((t), sizeof(t))

static void check_status(const struct statusfile *s)
{
	CHECK(s->pid > 0);
	CHECK(s->state >= STATUS_SERVING && s->state <= STATUS_WAITING);
	CHECK_TEXT(s->file);
	CHECK_TEXT(s->reload_fault);
	CHECK_TEXT(s->fault);
	CHECK_TEXT(s->backend);
	CHECK_TEXT(s->backend_why);
	CHECK_TEXT(s->firewall_fault);
}

static void check_same(const struct statusfile *a, const struct statusfile *b)
{
	CHECK(a->pid == b->pid && a->state == b->state);
	CHECK(a->since_s == b->since_s);
	CHECK(a->since_mono_s == b->since_mono_s);
	CHECK(a->reloads == b->reloads);
	CHECK(a->engine_deaths == b->engine_deaths);
	CHECK(a->repairs == b->repairs && a->repaired_s == b->repaired_s);
	CHECK(!strcmp(a->file, b->file) && !strcmp(a->fault, b->fault));
	CHECK(!strcmp(a->reload_fault, b->reload_fault));
	CHECK(!strcmp(a->backend, b->backend));
	CHECK(!strcmp(a->backend_why, b->backend_why));
	CHECK(!strcmp(a->firewall_fault, b->firewall_fault));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct statusfile first, again;
	const char *path = fuzz_file("status", data, n);
	int err;

	err = statusfile_read(path, &first);
	CHECK(err == 0 || err == -EBADMSG);
	if (err)
		return 0;
	check_status(&first);
	CHECK(statusfile_write(path, &first) == 0);
	CHECK(statusfile_read(path, &again) == 0);
	check_same(&first, &again);
	return 0;
}
