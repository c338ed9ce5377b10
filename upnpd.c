/* SPDX-License-Identifier: ISC */
/*
 * upnpd.c - main: reads the options and the configuration, locks the pid file,
 * becomes a daemon and then runs the monitor. Called as upnpctl, it runs
 * upnpctl instead.
 * Runs in: monitor
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/wr.h"
#include "base/limits.h"
#include "base/log.h"
#include "sys/relro.h"
#include "sys/rlimits.h"
#include "base/str.h"
#include "conf/conf.h"
#include "conf/parts.h"
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
	      "  -h       (or --help) print this and exit\n"
	      "  -V       (or --version) print the version and exit\n", to);
	return to == stdout ? 0 : EXIT_USAGE;
}

static int report_option(const char *arg)
{
	fputs("upnpd: there is no option ", stderr);
	fputs(arg, stderr);
	fputs("\n", stderr);
	return usage(stderr);
}

/* Return: the exit status */
static int print_version(void)
{
	const char *without = parts_without();

	fputs("upnpd " UPNPD_VERSION, stdout);
	if (*without) {
		fputs(" without ", stdout);
		fputs(without, stdout);
	}
	fputs("\n", stdout);
	return 0;
}

/* Return: -1 to continue, else the exit status. */
static int read_options(int argc, char **argv, struct options *o)
{
	static const struct option long_options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL },
	};
	char unknown[] = "-?";
	int letter;

	/* '+': stop at the first operand; ':': print our own messages */
	while ((letter = getopt_long(argc, argv, "+:f:FSndhV", long_options,
				     NULL)) != -1) {
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
			return print_version();
		case 'h':
			return usage(stdout);
		case ':':
			fputs("upnpd: -f needs the name of a file\n", stderr);
			return usage(stderr);
		default:
			unknown[1] = (char)optopt;
			return report_option(optopt ? unknown :
					     argv[optind - 1]);
		}
	}
	return optind < argc ? report_option(argv[optind]) : -1;
}

/* A user who can open a file can lock it, even for reading only, and keep it
 * open until upnpd has ended. So only root may open the pid file, and one that
 * others may have opened is replaced. Return: the descriptor, or -errno */
static int pid_file_open(const char *path)
{
	const int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
	int fd = open(path, flags, 0600);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) ||
	    (st.st_uid == geteuid() && !(st.st_mode & 077)))
		return fd;
	close(fd);
	if (unlink(path))
		return -errno;
	fd = open(path, flags | O_EXCL, 0600);
	return fd < 0 ? -errno : fd;
}

/* Lock the pid file for as long as the process lives, so that a second start
 * fails. Empty it: a killed upnpd left its number, which may be that of another
 * process now. Return: the descriptor, or -errno (-EAGAIN: another process
 * holds the lock) */
static int pid_file_lock(const char *path)
{
	int e, fd = pid_file_open(path);
	struct stat st;

	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && ftruncate(fd, 0) == 0 &&
	    fstat(fd, &st) == 0) {
		if (st.st_nlink)
			return fd;
		/* another upnpd has just ended, and removed this file */
		close(fd);
		return pid_file_lock(path);
	}
	e = errno;
	close(fd);
	return -e;
}

static int write_pid(int fd)
{
	char text[24];
	struct wr w = wr_init(text, sizeof(text));

	wr_fmt(&w, "%ld\n", (long)getpid());
	errno = ENOSPC;		/* of a write that is cut short */
	return write(fd, text, w.len) == (ssize_t)w.len ? 0 : -errno;
}

static int report_pid_file(const char *path, int err)
{
	log_err("pid-file %s cannot be written: %s; %s", path, strerror(-err),
		err == -EACCES && geteuid() ? "start upnpd as root" :
		"set pid-file and control-socket to a directory that exists "
		"and can be written, such as /tmp");
	return EXIT_FAULT;
}

/* ---- the start ----------------------------------------------------- */

/* The shell gets its prompt back, and the pid file its content, when the LAN is
 * served: a search that is sent then is answered. */
struct start {
	const char *pid_file;
	int pid_fd;		/* locked */
	int parent_fd;		/* to the process that waits; -1: none */
	sigset_t mask;		/* of the process that was started */
};

/* From now on the process can be found, so somebody may send it a signal. Block
 * those that the monitor handles until it does. */
static void block_signals(struct start *s)
{
	sigset_t wait;

	sigemptyset(&wait);
	sigaddset(&wait, SIGHUP);
	sigaddset(&wait, SIGINT);
	sigaddset(&wait, SIGTERM);
	sigprocmask(SIG_BLOCK, &wait, &s->mask);
}

/* @why: the start has failed; NULL: it has not. The process that waits may have
 * been interrupted, which is no error: the daemon runs without it. */
static void tell_parent(struct start *s, const char *why)
{
	char text[512];
	struct wr w = wr_init_cut(text, sizeof(text));

	if (s->parent_fd < 0)
		return;
	if (why)
		wr_z(&w, why);
	wr_ch(&w, why ? '\n' : '\0');
	if (send(s->parent_fd, text, w.len, MSG_NOSIGNAL) < 0)
		log_debug("the starting process: %s", strerror(errno));
	close(s->parent_fd);
	s->parent_fd = -1;
}

/* struct monitor_ready.fn */
static int on_ready(void *arg)
{
	struct start *s = arg;
	int err = write_pid(s->pid_fd);

	if (err)
		report_pid_file(s->pid_file, err);
	else
		tell_parent(s, NULL);
	return err;
}

/* Wait for the daemon. Return: the exit status */
static int wait_for_start(int fd, pid_t daemon_pid)
{
	char text[512];
	ssize_t n;
	int status;

	do
		n = read(fd, text, sizeof(text));
	while (n < 0 && errno == EINTR);
	if (n > 0 && !text[0])
		return 0;
	if (n > 0) {
		fputs("upnpd: ", stderr);
		fwrite(text, 1, (size_t)n, stderr);
	}
	if (waitpid(daemon_pid, &status, 0) == daemon_pid && WIFEXITED(status))
		return WEXITSTATUS(status);
	fputs("upnpd: a signal ended the daemon before it was ready\n",
	      stderr);
	return EXIT_FAULT;
}

/* Continue in a process of its own, without a terminal. The process that was
 * started waits for on_ready(). Return: 0 or -errno (logged) */
static int become_daemon(struct start *s)
{
	int pair[2], null = open("/dev/null", O_RDWR | O_CLOEXEC), err;
	pid_t pid;

	if (null < 0) {
		err = -errno;
		log_err("/dev/null: %s; create it, or run upnpd with -F",
			strerror(-err));
		return err;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) ||
	    chdir("/") || (pid = fork()) < 0) {
		err = -errno;
		log_err("upnpd cannot start in the background: %s; run it "
			"with -F", strerror(-err));
		close(null);
		return err;
	}
	if (pid > 0) {
		close(pair[1]);
		/* "killall -HUP upnpd" means the daemon */
		signal(SIGHUP, SIG_IGN);
		sigprocmask(SIG_SETMASK, &s->mask, NULL);
		_exit(wait_for_start(pair[0], pid));
	}
	close(pair[0]);
	s->parent_fd = pair[1];
	setsid();
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	close(null);
	return 0;
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

static int check_limits(const struct conf *conf)
{
	const uint64_t bytes = MONITOR_BYTES +
		(uint64_t)MONITOR_BYTES_MAPPING *
		(conf->max_mappings + conf->max_pinholes);
	const struct rlimits_need needs[] = {
		{ RLIMIT_NOFILE, "NOFILE", ENGINE_FILES_MAX },
		{ RLIMIT_FSIZE, "FSIZE", ENGINE_FILE_BYTES },
		{ RLIMIT_DATA, "DATA", bytes },
		{ RLIMIT_AS, "AS", bytes },
	};

	return rlimits_check(needs, sizeof(needs) / sizeof(*needs));
}

static int run(const struct options *o, struct conf *conf)
{
	static char path[PATH_MAX];
	const char *file = absolute(o->file, path, sizeof(path));
	char pid_file[CONF_STR_MAX];
	struct start s = { .pid_file = pid_file, .parent_fd = -1 };
	const struct monitor_ready ready = { on_ready, &s };
	int status, err;

	if (!file) {
		log_err("%s: use the absolute path", o->file);
		return EXIT_USAGE;
	}
	/* at a limit of files write() must fail, without a signal that ends
	 * us: the log may be a file */
	signal(SIGXFSZ, SIG_IGN);
	if (check_limits(conf))
		return EXIT_FAULT;
	block_signals(&s);
	/* a reload replaces *conf, but the pid file stays */
	memcpy(pid_file, conf->pid_file, sizeof(pid_file));
	s.pid_fd = pid_file_lock(pid_file);
	if (s.pid_fd == -EWOULDBLOCK) {
		log_err("another upnpd is running: it has locked %s",
			pid_file);
		return EXIT_FAULT;
	}
	if (s.pid_fd < 0)
		return report_pid_file(pid_file, s.pid_fd);
	err = o->foreground ? 0 : become_daemon(&s);
	if (err) {
		unlink(pid_file);
		return EXIT_FAULT;
	}
	if (!o->foreground || o->syslog)
		log_open(LOG_TO_SYSLOG, "upnpd", -1, (int)conf->log_level);
	status = monitor_run(file, conf, o->debug, engine_run, &ready);
	if (status)
		tell_parent(&s, log_last_error());
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

/* Open the standard descriptors if they are closed, so that no file of ours
 * can become standard output. */
static void reserve_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	const char *name = argv[0], *slash = name ? strrchr(name, '/') : NULL;

	relro_seal();
	reserve_standard_fds();
	if (name && !strcmp(slash ? slash + 1 : name, "upnpctl"))
		return upnpctl_main(argc, argv);
	return upnpd_main(argc, argv);
}
