/* SPDX-License-Identifier: ISC */
/* monexec.c - run a program for each event of "monitor". Runs in: upnpctl */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "sys/proc.h"
#include "upnpctl/cmd.h"
#include "upnpctl/maptext.h"
#include "upnpctl/monexec.h"

int monexec_check(const char *program)
{
	struct stat st;

	if (program[0] != '/')
		return cmd_fail(CMD_USAGE, "exec is \"%s\"; it takes the "
				"absolute path of a program", program);
	if (stat(program, &st) || access(program, X_OK))
		return cmd_fail(CMD_USAGE, "%s: %s", program, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return cmd_fail(CMD_USAGE, "%s is not a program", program);
	return CMD_OK;
}

/* ---- the environment ------------------------------------------------- */

static void set(const char *name, const char *value)
{
	char text[64];
	struct wr w = wr_init_cut(text, sizeof(text));

	wr_fmt(&w, "UPNPD_%s", name);
	setenv(wr_cstr(&w), value, 1);
}

static void set_number(const char *name, uint32_t n)
{
	char text[16];
	struct wr w = wr_init(text, sizeof(text));

	wr_u64(&w, n);
	set(name, wr_cstr(&w));
}

static void set_bool(const char *name, bool yes)
{
	set(name, yes ? "yes" : "no");
}

/* "": no address, or every one */
static void set_addr(const char *name, struct addr a)
{
	set(name, addr_is_set(a) ? addr_text(a).text : "");
}

/* Programs for events are often shell scripts, which may pass the text on. */
static void set_description(const char *desc)
{
	static const char plain[] = " -_.,:/()+@#=";
	char text[MAPTEXT_MAX];
	struct wr w = wr_init_cut(text, sizeof(text));

	maptext_clean(&w, str_z(desc));
	wr_cstr(&w);
	for (char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;
		bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';

		if (!is_letter && c < 0x80 && !(c >= '0' && c <= '9') &&
		    !strchr(plain, c))
			*p = '?';
	}
	set("DESCRIPTION", text);
}

static void set_facts(const struct ctl_mapping *m)
{
	const struct nat_rule *r = &m->rule;
	const bool pinhole = r->kind == NAT_PINHOLE;

	set("KIND", pinhole ? "pinhole" : "mapping");
	set("PROTOCOL", nat_rule_proto(r->proto));
	set_number("EXTERNAL_PORT", pinhole ? r->int_port : r->ext_port);
	set_addr("TO_ADDRESS", r->client);
	set_number("TO_PORT", r->int_port);
	set_addr("REMOTE_HOST", r->remote);
	set_number("REMOTE_PORT", r->remote_port);
	set_number("ID", m->unique_id);
	set_number("TIME_LEFT", m->left_s);
	set("ORIGIN", origin_name(m->origin));
	set_addr("BY", m->requester);
	set_bool("DISABLED", !m->enabled);
	set_bool("SUSPENDED", m->suspended);
	set_bool("OVERRULED", m->overruled);
	set_bool("CONFIGURED", m->configured);
	set_description(m->desc);
}

/* ---- the program ----------------------------------------------------- */

static void __attribute__((noreturn))
become(const char *program, const char *event, struct str time,
       const struct ctl_mapping *m)
{
	char *const argv[] = { strdup(program), NULL };
	char text[64];
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	str_copy(text, sizeof(text), time);
	set("EVENT", event);
	set("TIME", text);
	set_facts(m);
	if (null >= 0)
		dup2(null, STDIN_FILENO);
	proc_close_from(STDERR_FILENO + 1);
	execv(program, argv);
	_exit(127);
}

int monexec_run(const char *program, const char *event, struct str time,
		const struct ctl_mapping *m)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		become(program, event, time, m);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFSIGNALED(status))
		cmd_fail(CMD_OK, "%s ended by signal %d", program,
			 WTERMSIG(status));
	else if (WEXITSTATUS(status))
		cmd_fail(CMD_OK, "%s ended with status %d", program,
			 WEXITSTATUS(status));
	return 0;
}
