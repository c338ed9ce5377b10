/* SPDX-License-Identifier: ISC */
/* sort.c - a merge sort. */
#include "base/sort.h"

#include <errno.h>
#include <string.h>
#include "base/mem.h"

struct sorter {
	size_t size;
	int (*compare)(const void *, const void *);
	char *spare;
};

/* The first @a of @v into the rest of @n, both in order. There is always room
 * for what comes next: it is as large as what was moved away. */
static void merge(const struct sorter *s, char *v, size_t a, size_t n)
{
	const char *first = s->spare, *first_end = first + a * s->size;
	const char *rest = v + a * s->size, *end = v + n * s->size;
	const char **next;

	memcpy(s->spare, v, a * s->size);
	while (first < first_end) {
		next = rest < end && s->compare(rest, first) < 0 ? &rest :
								   &first;
		memmove(v, *next, s->size);
		*next += s->size;
		v += s->size;
	}
}

/* As deep as @n has bits. */
static void sort_part(const struct sorter *s, char *v, size_t n)
{
	size_t half = n / 2;

	if (!half)
		return;
	sort_part(s, v, half);
	sort_part(s, v + half * s->size, n - half);
	merge(s, v, half, n);
}

int sort(void *v, size_t n, size_t size,
	 int (*compare)(const void *, const void *))
{
	struct sorter s = { size, compare, NULL };

	if (n < 2)
		return 0;
	s.spare = mem_new(n / 2, size);
	if (!s.spare)
		return -ENOMEM;
	sort_part(&s, v, n);
	mem_free(s.spare, n / 2, size);
	return 0;
}
