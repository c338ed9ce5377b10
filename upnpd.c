/* SPDX-License-Identifier: ISC */
/*
 * upnpd.c - main: reads the options and the configuration, locks the pid file,
 * becomes a daemon and then runs the monitor. Called as upnpctl, it runs
 * upnpctl instead.
 * Runs in: monitor
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/wr.h"
#include "base/log.h"
#include "sys/relro.h"
#include "base/str.h"
#include "conf/conf.h"
#include "engine/engine.h"
#include "monitor/monitor.h"
#include "upnpctl/upnpctl.h"

enum { EXIT_FAULT = 1, EXIT_USAGE = 2 };

struct options {
	const char *file;
	bool foreground, syslog, check, debug;
};

static int usage(FILE *to)
{
	fputs("usage: upnpd [-f FILE] [-F] [-S] [-n] [-d] [-h] [-V]\n"
	      "  -f FILE  configuration, /etc/upnpd.conf by default\n"
	      "  -F       stay in the foreground, log to stderr\n"
	      "  -S       log to syslog, even with -F\n"
	      "  -n       check the configuration and exit\n"
	      "  -d       log everything (log-level = debug)\n"
	      "  -h       print this and exit\n"
	      "  -V       print the version and exit\n", to);
	return to == stdout ? 0 : EXIT_USAGE;
}

static int report_option(const char *arg)
{
	fputs("upnpd: there is no option ", stderr);
	fputs(arg, stderr);
	fputs("\n", stderr);
	return usage(stderr);
}

/* Return: -1 to continue, else the exit status. */
static int read_options(int argc, char **argv, struct options *o)
{
	char unknown[] = "-?";
	int letter;

	/* '+': stop at the first operand; ':': print our own messages */
	while ((letter = getopt(argc, argv, "+:f:FSndhV")) != -1) {
		switch (letter) {
		case 'f':
			o->file = optarg;
			break;
		case 'F':
			o->foreground = true;
			break;
		case 'S':
			o->syslog = true;
			break;
		case 'n':
			o->check = true;
			break;
		case 'd':
			o->debug = true;
			break;
		case 'V':
			fputs("upnpd " UPNPD_VERSION "\n", stdout);
			return 0;
		case 'h':
			return usage(stdout);
		case ':':
			fputs("upnpd: -f needs the name of a file\n", stderr);
			return usage(stderr);
		default:
			unknown[1] = (char)optopt;
			return report_option(unknown);
		}
	}
	return optind < argc ? report_option(argv[optind]) : -1;
}

/* Lock the pid file for as long as the process lives, so that a second start
 * fails. Return: the descriptor, or -errno (-EAGAIN: another process holds the
 * lock) */
static int pid_file_lock(const char *path)
{
	int e, fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	e = errno;
	close(fd);
	return -e;
}

static int pid_file_write(int fd)
{
	char text[24];
	struct wr w = wr_init(text, sizeof(text));

	wr_fmt(&w, "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) || write(fd, text, w.len) != (ssize_t)w.len)
		return -errno;
	return 0;
}

static int report_pid_file(const char *path, int err)
{
	log_err("pid-file %s cannot be written: %s; set pid-file and "
		"control-socket to a directory that exists and can be "
		"written, such as /tmp", path, strerror(-err));
	return EXIT_FAULT;
}

/* A daemon leaves its working directory, and each SIGHUP reads the file again,
 * so make its path absolute. NULL: too long, or no working directory */
static const char *absolute(const char *file, char *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);

	if (file[0] == '/')
		return file;
	if (!getcwd(buf, cap))
		return NULL;
	w.len = strlen(buf);
	wr_fmt(&w, "/%s", file);
	return w.over || w.len == cap ? NULL : wr_cstr(&w);
}

static int run(const struct options *o, struct conf *conf)
{
	static char path[PATH_MAX];
	const char *file = absolute(o->file, path, sizeof(path));
	char pid_file[CONF_STR_MAX];
	int status, fd, err;

	if (!file) {
		log_err("%s: use the absolute path", o->file);
		return EXIT_USAGE;
	}
	/* a reload replaces *conf, but the pid file stays */
	memcpy(pid_file, conf->pid_file, sizeof(pid_file));
	fd = pid_file_lock(pid_file);
	if (fd == -EWOULDBLOCK) {
		log_err("another upnpd is running: it has locked %s",
			pid_file);
		return EXIT_FAULT;
	}
	if (fd < 0)
		return report_pid_file(pid_file, fd);
	if (!o->foreground && daemon(0, 0)) {
		log_err("/dev/null: %s; create it, or run upnpd with -F",
			strerror(errno));
		unlink(pid_file);
		return EXIT_FAULT;
	}
	err = pid_file_write(fd);
	if (err)
		return report_pid_file(pid_file, err);
	if (!o->foreground || o->syslog)
		log_open(LOG_TO_SYSLOG, "upnpd", -1, (int)conf->log_level);
	status = monitor_run(file, conf, o->debug, engine_run);
	unlink(pid_file);
	return status;
}

/* Is standard error connected to systemd's journal? (systemd.exec(5),
 * JOURNAL_STREAM) */
static bool stderr_is_journal(void)
{
	const char *text = getenv("JOURNAL_STREAM");
	struct str ino = str_z(text), dev;
	uint64_t d, i;
	struct stat st;

	return text && str_cut(&ino, ':', &dev) &&
	       !str_u64(dev, 0, UINT64_MAX, &d) &&
	       !str_u64(ino, 0, UINT64_MAX, &i) &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == d && st.st_ino == i;
}

static int upnpd_main(int argc, char **argv)
{
	struct options o = { .file = "/etc/upnpd.conf" };
	static struct conf conf;	/* the monitor keeps using it */
	struct conf_error why;
	int status = read_options(argc, argv, &o);

	if (status >= 0)
		return status;
	/* The journal reads the level from the start of a line, in the same
	 * form as the engine's log pipe, and knows the name of the program. */
	log_open(stderr_is_journal() ? LOG_TO_PIPE : LOG_TO_STDERR, "upnpd",
		 STDERR_FILENO, LOG_INFO);
	if (conf_read(o.file, &conf, &why)) {
		log_err("%s", why.text);
		return EXIT_USAGE;
	}
	if (o.check) {
		fputs(o.file, stdout);
		fputs(" is good\n", stdout);
		return 0;
	}
	return run(&o, &conf);
}

int main(int argc, char **argv)
{
	const char *name = argv[0], *slash = name ? strrchr(name, '/') : NULL;

	relro_seal();
	if (name && !strcmp(slash ? slash + 1 : name, "upnpctl"))
		return upnpctl_main(argc, argv);
	return upnpd_main(argc, argv);
}
