/* SPDX-License-Identifier: ISC */
/* test_loop.c - the rules of loop.h: which descriptors, timers and signals a
 * round calls, in which order, and what a callback may change. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/loop.h"

static struct loop *loop;
static uint64_t fake_ms;

static uint64_t fake_clock(void)
{
	return fake_ms;
}

static int set_up(void **state)
{
	fake_ms = 1000;
	loop = loop_new(16, fake_clock);
	return loop ? 0 : -1;
}

static int tear_down(void **state)
{
	loop_free(loop);
	return 0;
}

/* ---- descriptors --------------------------------------------------- */

/* A watched end of a socket pair, and what its callback does. */
struct end {
	struct loop_fd w;
	int peer;
	int calls;
	short revents;
	struct end *del;	/* delete this one */
	struct end *add;	/* add this one */
	bool release;		/* free() itself */
};

static void on_end(struct loop_fd *w, short revents)
{
	struct end *e = LOOP_OWNER(w, struct end, w);

	e->calls++;
	e->revents = revents;
	if (e->del)
		loop_fd_del(loop, &e->del->w);
	if (e->add)
		assert_int_equal(loop_fd_add(loop, &e->add->w, POLLIN), 0);
	if (e->release) {
		loop_fd_del(loop, w);
		memset(e, 0xa5, sizeof(*e));
		free(e);
	}
}

static void end_open(struct end *e)
{
	int fd[2];

	memset(e, 0, sizeof(*e));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	loop_fd_init(&e->w, fd[0], on_end);
	e->peer = fd[1];
}

static void end_close(struct end *e)
{
	loop_fd_del(loop, &e->w);
	close(e->w.fd);
	if (e->peer >= 0)
		close(e->peer);
}

static void write_byte(struct end *e)
{
	assert_int_equal(write(e->peer, "x", 1), 1);
}

static void ends_open(struct end *e, size_t n, bool ready)
{
	size_t i;

	for (i = 0; i < n; i++) {
		end_open(&e[i]);
		assert_int_equal(loop_fd_add(loop, &e[i].w, POLLIN), 0);
		if (ready)
			write_byte(&e[i]);
	}
}

static void ends_close(struct end *e, size_t n)
{
	while (n > 0)
		end_close(&e[--n]);
}

static void step(void)
{
	assert_int_equal(loop_step(loop, 0), 0);
}

static void test_fd_ready_is_called(void **state)
{
	struct end e;

	ends_open(&e, 1, false);
	step();
	assert_int_equal(e.calls, 0);
	write_byte(&e);
	step();
	assert_int_equal(e.calls, 1);
	assert_int_equal(e.revents, POLLIN);
	loop_fd_mod(loop, &e.w, POLLOUT);
	step();
	assert_int_equal(e.revents, POLLOUT);
	loop_fd_mod(loop, &e.w, 0);
	step();
	assert_int_equal(e.calls, 2);
	ends_close(&e, 1);
}

static void test_fd_hup_is_always_delivered(void **state)
{
	struct end e;

	ends_open(&e, 1, false);
	loop_fd_mod(loop, &e.w, 0);
	close(e.peer);
	e.peer = -1;
	step();
	assert_int_equal(e.calls, 1);
	assert_true(e.revents & POLLHUP);
	ends_close(&e, 1);
}

static void test_fd_never_added(void **state)
{
	struct loop_fd zeroed = { 0 };
	struct end e[2];

	ends_open(e, 2, true);
	/* Slot 0 belongs to e[0]: a zeroed watcher must not count as it. */
	loop_fd_mod(loop, &zeroed, 0);
	loop_fd_del(loop, &zeroed);
	step();
	assert_int_equal(e[0].calls, 1);
	loop_fd_del(loop, &e[0].w);
	loop_fd_del(loop, &e[0].w);
	loop_fd_mod(loop, &e[0].w, POLLOUT);
	step();
	assert_int_equal(e[0].calls, 1);
	assert_int_equal(e[1].calls, 2);
	ends_close(e, 2);
}

static void test_fd_added_twice(void **state)
{
	struct end e;

	ends_open(&e, 1, true);
	assert_int_equal(loop_fd_add(loop, &e.w, POLLOUT), 0);
	step();
	assert_int_equal(e.calls, 1);
	assert_int_equal(e.revents, POLLOUT);
	ends_close(&e, 1);
}

static void test_fd_limit_is_enforced(void **state)
{
	struct end e[17];

	ends_open(e, 16, false);
	end_open(&e[16]);
	assert_int_equal(loop_fd_add(loop, &e[16].w, POLLIN), -ENOSPC);
	write_byte(&e[16]);
	step();
	assert_int_equal(e[16].calls, 0);
	loop_fd_del(loop, &e[3].w);
	assert_int_equal(loop_fd_add(loop, &e[16].w, POLLIN), 0);
	write_byte(&e[15]);
	step();
	assert_int_equal(e[16].calls, 1);
	assert_int_equal(e[15].calls, 1);
	ends_close(e, 17);
}

/* Any callback deletes any watcher, earlier, later or itself. The deleted one
 * is not called again, and every other one is called exactly once a round. */
static void test_fd_delete_in_a_round(void **state)
{
	struct end e[5];
	int by, whom, i;

	for (by = 0; by < 5; by++) {
		for (whom = 0; whom < 5; whom++) {
			ends_open(e, 5, true);
			e[by].del = &e[whom];
			step();
			for (i = 0; i < 5; i++)
				assert_int_equal(e[i].calls,
						 i != whom || whom <= by);
			e[by].del = NULL;
			step();
			for (i = 0; i < 5; i++)
				assert_int_equal(e[i].calls,
						 i == whom ? whom <= by : 2);
			ends_close(e, 5);
		}
	}
}

static void test_fd_free_itself(void **state)
{
	struct end *e = malloc(sizeof(*e));
	int fd, peer;

	assert_non_null(e);
	ends_open(e, 1, true);
	fd = e->w.fd;
	peer = e->peer;
	e->release = true;
	step();
	step();
	close(fd);
	close(peer);
}

/* A descriptor is deleted, closed, and its number reused by a new watcher at
 * once: the new watcher does not get the old one's events. */
static void test_fd_number_reused_in_a_round(void **state)
{
	struct end e[2], fresh;

	ends_open(e, 2, true);
	end_open(&fresh);
	assert_int_equal(dup2(fresh.w.fd, e[1].w.fd), e[1].w.fd);
	write_byte(&e[0]);
	end_open(&e[1]);	/* a quiet one replaces the ready one */
	e[0].del = &e[1];
	e[0].add = &fresh;
	step();
	assert_int_equal(fresh.calls, 0);
	write_byte(&fresh);
	step();
	assert_int_equal(fresh.calls, 1);
	ends_close(e, 2);
	end_close(&fresh);
}

/* At fds_max a callback that closes one connection can take the next. */
static void test_fd_replace_when_full(void **state)
{
	struct end e[17];
	int i;

	ends_open(e, 16, true);
	end_open(&e[16]);
	write_byte(&e[16]);
	e[2].del = &e[9];
	e[2].add = &e[16];
	step();
	assert_int_equal(e[9].calls, 0);
	assert_int_equal(e[16].calls, 0);
	e[2].del = e[2].add = NULL;
	step();
	for (i = 0; i < 17; i++)
		assert_int_equal(e[i].calls,
				 i == 9 ? 0 : i == 16 ? 1 : 2);
	ends_close(e, 17);
}

static struct end *mute;

static void stop_reading(struct loop_fd *w, short revents)
{
	loop_fd_mod(loop, &mute->w, 0);
}

/* Events that are no longer requested are not delivered, even if poll() saw
 * them. */
static void test_fd_mod_in_a_round(void **state)
{
	struct end e[2];

	ends_open(e, 2, true);
	e[0].w.cb = stop_reading;
	mute = &e[1];
	step();
	assert_int_equal(e[1].calls, 0);
	ends_close(e, 2);
}

static void test_many_fds(void **state)
{
	enum { MANY = 600 };
	struct end *e = calloc(MANY, sizeof(*e));
	struct loop *small = loop;
	size_t i;
	int fd[2];

	assert_non_null(e);
	loop = loop_new(MANY, fake_clock);
	assert_non_null(loop);
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(write(fd[1], "x", 1), 1);
	for (i = 0; i < MANY; i++) {
		loop_fd_init(&e[i].w, fd[0], on_end);
		assert_int_equal(loop_fd_add(loop, &e[i].w, POLLIN), 0);
	}
	for (i = 0; i + 1 < MANY; i += 7)
		e[i].del = &e[i + 1];
	step();
	step();
	for (i = 0; i < MANY; i++)
		assert_int_equal(e[i].calls, i % 7 == 1 ? 0 : 2);
	for (i = 0; i < MANY; i++)
		loop_fd_del(loop, &e[i].w);
	step();
	loop_free(loop);
	loop = small;
	free(e);
	close(fd[0]);
	close(fd[1]);
}

/* ---- timers -------------------------------------------------------- */

static char ran[64];
static size_t ran_n;

struct tick {
	struct loop_timer t;
	char name;
	struct tick *del;
	struct tick *set;
	uint64_t set_ms;
};

static void on_tick(struct loop_timer *t)
{
	struct tick *k = LOOP_OWNER(t, struct tick, t);

	assert_false(t->active);
	assert_true(ran_n + 1 < sizeof(ran));
	ran[ran_n++] = k->name;
	ran[ran_n] = '\0';
	if (k->del)
		loop_timer_del(loop, &k->del->t);
	if (k->set)
		loop_timer_set(loop, &k->set->t, k->set_ms);
}

static void ticks_init(struct tick *k, size_t n)
{
	size_t i;

	memset(k, 0, n * sizeof(*k));
	for (i = 0; i < n; i++) {
		k[i].t.cb = on_tick;
		k[i].name = (char)('a' + i);
	}
	ran_n = 0;
	ran[0] = '\0';
}

static void test_timers_run_in_order(void **state)
{
	struct tick k[5];

	ticks_init(k, 5);
	loop_timer_set(loop, &k[0].t, 20);
	loop_timer_set(loop, &k[1].t, 10);
	loop_timer_set(loop, &k[2].t, 10);
	loop_timer_set(loop, &k[3].t, 0);
	loop_timer_set(loop, &k[4].t, 10);
	assert_string_equal(ran, "");	/* never inside loop_timer_set() */
	step();
	assert_string_equal(ran, "d");
	fake_ms += 9;
	step();
	assert_string_equal(ran, "d");
	fake_ms += 1;
	step();
	assert_string_equal(ran, "dbce");
	fake_ms += 1000;
	step();
	step();
	assert_string_equal(ran, "dbcea");
	assert_true(loop_now_ms(loop) == fake_ms);
}

/* Same millisecond, reached by different delays: still the order of setting. */
static void test_timers_due_together_run_in_set_order(void **state)
{
	struct tick k[3];

	ticks_init(k, 3);
	loop_timer_set(loop, &k[0].t, 10);
	fake_ms += 4;
	step();
	loop_timer_set(loop, &k[1].t, 6);
	loop_timer_set(loop, &k[2].t, 5);
	fake_ms += 6;
	step();
	assert_string_equal(ran, "cab");
}

static void test_timer_set_again_moves(void **state)
{
	struct tick k[2];

	ticks_init(k, 2);
	loop_timer_set(loop, &k[0].t, 10);
	loop_timer_set(loop, &k[1].t, 10);
	loop_timer_set(loop, &k[0].t, 10);	/* now behind b */
	fake_ms += 10;
	step();
	assert_string_equal(ran, "ba");
	loop_timer_set(loop, &k[0].t, 5);
	loop_timer_set(loop, &k[0].t, 50);
	fake_ms += 49;
	step();
	assert_string_equal(ran, "ba");
	fake_ms += 1;
	step();
	assert_string_equal(ran, "baa");
}

static void test_deleted_timer_does_not_run(void **state)
{
	struct tick k[3];

	ticks_init(k, 3);
	loop_timer_del(loop, &k[0].t);	/* never set */
	loop_timer_set(loop, &k[0].t, 1);
	loop_timer_set(loop, &k[1].t, 1);
	loop_timer_set(loop, &k[2].t, 1);
	loop_timer_del(loop, &k[1].t);
	loop_timer_del(loop, &k[1].t);
	assert_false(k[1].t.active);
	fake_ms += 1;
	step();
	assert_string_equal(ran, "ac");
}

/* Any timer deletes any other of the same millisecond. */
static void test_timer_delete_in_a_round(void **state)
{
	struct tick k[4];
	int by, whom, i;

	for (by = 0; by < 4; by++) {
		for (whom = 0; whom < 4; whom++) {
			ticks_init(k, 4);
			for (i = 0; i < 4; i++)
				loop_timer_set(loop, &k[i].t, 3);
			k[by].del = &k[whom];
			fake_ms += 3;
			step();
			step();
			assert_int_equal(ran_n, whom > by ? 3 : 4);
			assert_true(whom <= by ||
				    !strchr(ran, k[whom].name));
		}
	}
}

/* A timer without delay that sets itself again does not keep others waiting. */
static void test_timer_does_not_starve(void **state)
{
	struct tick k[1];
	struct end e;

	ticks_init(k, 1);
	k[0].set = &k[0];
	loop_timer_set(loop, &k[0].t, 0);
	ends_open(&e, 1, true);
	step();
	step();
	assert_string_equal(ran, "aa");
	assert_int_equal(e.calls, 2);
	ends_close(&e, 1);
}

static void test_timer_sets_a_timer_of_its_round(void **state)
{
	struct tick k[2];

	ticks_init(k, 2);
	k[0].set = &k[1];
	k[0].set_ms = 5;
	loop_timer_set(loop, &k[0].t, 1);
	loop_timer_set(loop, &k[1].t, 1);
	fake_ms += 1;
	step();
	assert_string_equal(ran, "a");
	fake_ms += 5;
	step();
	assert_string_equal(ran, "ab");
}

static void test_timer_far_away(void **state)
{
	struct tick k[2];

	ticks_init(k, 2);
	loop_timer_set(loop, &k[0].t, UINT64_MAX);
	loop_timer_set(loop, &k[1].t, 604800000);
	step();
	fake_ms += 604799999;
	step();
	assert_string_equal(ran, "");
	fake_ms += 1;
	step();
	assert_string_equal(ran, "b");
	loop_timer_del(loop, &k[0].t);
}

/* ---- signals ------------------------------------------------------- */

static int usr1, usr2;

static void on_usr(struct loop_signal *s)
{
	if (s->signo == SIGUSR1)
		usr1++;
	else
		usr2++;
}

static bool blocked(int signo)
{
	sigset_t now;

	sigprocmask(SIG_SETMASK, NULL, &now);
	return sigismember(&now, signo) == 1;
}

static void test_signal_runs_only_in_the_loop(void **state)
{
	struct loop_signal s1 = { SIGUSR1, on_usr }, s2 = { SIGUSR2, on_usr };

	usr1 = usr2 = 0;
	assert_int_equal(loop_signal_add(loop, &s1), 0);
	assert_int_equal(loop_signal_add(loop, &s2), 0);
	assert_int_equal(loop_signal_add(loop, &s1), -EEXIST);
	raise(SIGUSR1);
	raise(SIGUSR1);
	assert_int_equal(usr1, 0);	/* only in the loop */
	step();
	assert_int_equal(usr1, 1);
	assert_int_equal(usr2, 0);
	step();
	assert_int_equal(usr1, 1);
	raise(SIGUSR2);
	step();
	assert_int_equal(usr2, 1);
}

static void test_signal_refused(void **state)
{
	struct loop_signal s = { SIGKILL, on_usr };

	assert_int_equal(loop_signal_add(loop, &s), -EINVAL);
	s.signo = 0;
	assert_int_equal(loop_signal_add(loop, &s), -EINVAL);
	s.signo = -1;
	assert_int_equal(loop_signal_add(loop, &s), -EINVAL);
	s.signo = 1000;
	assert_int_equal(loop_signal_add(loop, &s), -EINVAL);
	step();
}

/* ppoll() lets a signal in only if no descriptor is ready. */
static void test_signal_in_a_busy_loop(void **state)
{
	struct loop_signal s = { SIGUSR1, on_usr };
	struct end e;

	usr1 = 0;
	assert_int_equal(loop_signal_add(loop, &s), 0);
	ends_open(&e, 1, true);
	raise(SIGUSR1);
	step();
	assert_int_equal(usr1, 1);
	step();
	assert_true(e.calls > 0);
	ends_close(&e, 1);
}

static void test_signals_restored(void **state)
{
	struct loop_signal s1 = { SIGUSR1, on_usr }, s2 = { SIGUSR2, on_usr };
	struct loop *l = loop_new(1, NULL);
	struct sigaction sa;

	signal(SIGUSR1, SIG_IGN);
	assert_int_equal(loop_signal_add(l, &s1), 0);
	assert_int_equal(loop_signal_add(l, &s2), 0);
	assert_true(blocked(SIGUSR1));
	assert_true(blocked(SIGUSR2));
	loop_free(l);
	assert_false(blocked(SIGUSR1));
	assert_false(blocked(SIGUSR2));
	sigaction(SIGUSR1, NULL, &sa);
	assert_true(sa.sa_handler == SIG_IGN);
	sigaction(SIGUSR2, NULL, &sa);
	assert_true(sa.sa_handler == SIG_DFL);
	signal(SIGUSR1, SIG_DFL);
}

/* A signal that was inherited as blocked is delivered all the same. */
static void test_signal_inherited_blocked(void **state)
{
	struct loop_signal s = { SIGUSR1, on_usr };
	struct loop *l;
	sigset_t set;

	usr1 = 0;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	l = loop_new(1, NULL);
	assert_int_equal(loop_signal_add(l, &s), 0);
	raise(SIGUSR1);
	assert_int_equal(loop_step(l, 0), 0);
	assert_int_equal(usr1, 1);
	loop_free(l);
	assert_true(blocked(SIGUSR1));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* ---- rounds -------------------------------------------------------- */

static void on_stop(struct loop_timer *t)
{
	loop_stop(loop);
}

/* With the real clock: it waits for the timer, and no longer. */
static void test_run_and_stop(void **state)
{
	struct loop_timer t = { .cb = on_stop };
	struct loop *fake = loop;
	uint64_t start;

	loop = loop_new(0, NULL);
	assert_non_null(loop);
	start = loop_now_ms(loop);
	loop_timer_set(loop, &t, 30);
	assert_int_equal(loop_run(loop), 0);
	assert_true(loop_now_ms(loop) >= start + 30);
	loop_stop(loop);
	assert_int_equal(loop_run(loop), 0);
	loop_timer_set(loop, &t, 0);
	assert_int_equal(loop_run(loop), 0);
	loop_free(loop);
	loop = fake;
}

static void on_usr_stop(struct loop_signal *s)
{
	loop_stop(loop);
}

/* A signal ends a wait without limit. */
static void test_signal_wakes(void **state)
{
	struct loop_signal s = { SIGUSR1, on_usr_stop };
	pid_t pid, parent = getpid();
	int status;

	assert_int_equal(loop_signal_add(loop, &s), 0);
	pid = fork();
	if (pid == 0) {
		usleep(20000);
		kill(parent, SIGUSR1);
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void test_step_waits_no_longer_than_requested(void **state)
{
	struct loop *l = loop_new(0, NULL);
	struct loop_timer t = { .cb = on_stop };
	uint64_t start = loop_now_ms(l);

	loop_timer_set(l, &t, 3600000);
	assert_int_equal(loop_step(l, 10), 0);
	assert_true(loop_now_ms(l) >= start + 9);
	assert_true(loop_now_ms(l) < start + 3000000);
	assert_true(t.active);
	loop_free(l);
}

static void test_free_null_does_nothing(void **state)
{
	loop_free(NULL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_fd_ready_is_called),
		T(test_fd_hup_is_always_delivered),
		T(test_fd_never_added),
		T(test_fd_added_twice),
		T(test_fd_limit_is_enforced),
		T(test_fd_delete_in_a_round),
		T(test_fd_free_itself),
		T(test_fd_number_reused_in_a_round),
		T(test_fd_replace_when_full),
		T(test_fd_mod_in_a_round),
		T(test_many_fds),
		T(test_timers_run_in_order),
		T(test_timers_due_together_run_in_set_order),
		T(test_timer_set_again_moves),
		T(test_deleted_timer_does_not_run),
		T(test_timer_delete_in_a_round),
		T(test_timer_does_not_starve),
		T(test_timer_sets_a_timer_of_its_round),
		T(test_timer_far_away),
		T(test_signal_runs_only_in_the_loop),
		T(test_signal_refused),
		T(test_signal_in_a_busy_loop),
		T(test_signals_restored),
		T(test_signal_inherited_blocked),
		T(test_run_and_stop),
		T(test_signal_wakes),
		T(test_step_waits_no_longer_than_requested),
		T(test_free_null_does_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
