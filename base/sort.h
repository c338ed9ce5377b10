/* SPDX-License-Identifier: ISC */
/*
 * sort.h - a merge sort. qsort() is larger, and what compares as equal comes in
 * any order out of musl's.
 */
#ifndef BASE_SORT_H
#define BASE_SORT_H

#include <stddef.h>

/**
 * sort - bring @n objects of @size bytes into order; what compares as equal
 * stays in the order in which it was.
 * @compare: as qsort()'s: below, at or above 0
 *
 * Return: 0; -ENOMEM: memory for half of them is needed meanwhile
 */
int sort(void *v, size_t n, size_t size,
	 int (*compare)(const void *, const void *));

#endif
