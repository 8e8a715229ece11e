/*
 * Faults made to order: the linker sends the program's calls of malloc, read, write and their like
 * through here (-Wl,--wrap). What libraries call themselves is not reached.
 */
#ifndef ASSAY_TESTS_FAULTS_H
#define ASSAY_TESTS_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

/* Everything as usual; counters at 0. */
void faults_none(void);

/* The n-th allocation from now on fails (the first is 0), or that and all after it. */
void faults_fail_allocation(int64_t n, bool all_after);
/* Allocations since. */
int64_t faults_allocations(void);

/* Reads and writes handle at most `most` bytes; every other one is interrupted (EINTR). */
void faults_short_calls(int most);
/* From the n-th write (read, open) on, each ends with this errno. */
void faults_fail_writes(int64_t n, int native);
void faults_fail_reads(int64_t n, int native);
void faults_fail_opens(int64_t n, int native);
/* Calls of read, write and open since. */
int64_t faults_reads(void);
int64_t faults_writes(void);
int64_t faults_opens(void);

#endif
