#include "tests/world/faults.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* The linker gives us the calls of every object in the program, and us the real ones. One
 * thread. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t n);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);

static struct {
	unsigned left;
	int n_pauses;
	bool is_on, is_lasting, has_failed;
} faults;

void faults_begin(unsigned n, bool is_lasting)
{
	faults.left = n;
	faults.is_on = n > 0;
	faults.is_lasting = is_lasting;
	faults.has_failed = false;
}

bool faults_end(void)
{
	faults.is_on = false;
	return faults.has_failed;
}

void faults_pause(void)
{
	faults.n_pauses++;
}

void faults_resume(void)
{
	faults.n_pauses--;
}

bool faults_must_fail(void)
{
	if (!faults.is_on || faults.n_pauses > 0)
		return false;
	if (faults.left > 1) {
		faults.left--;
		return false;
	}
	if (faults.has_failed && !faults.is_lasting)
		return false;
	faults.has_failed = true;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return faults_must_fail() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return faults_must_fail() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return faults_must_fail() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
	return faults_must_fail() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t n)
{
	return faults_must_fail() ? NULL : __real_strndup(text, n);
}
