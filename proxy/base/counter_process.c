#include "proxy/base/counter.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static double seconds_of(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Seconds from the start of the machine to that of the process: field 22 of proc(5) stat. The
 * program's name before it may hold anything, but its closing bracket is the last one. */
static bool read_start(double *out)
{
	char text[1024];
	unsigned long long ticks;
	FILE *file = fopen("/proc/self/stat", "re");

	if (!file)
		return false;
	size_t len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	const char *at = strrchr(text, ')');
	if (!at ||
	    sscanf(at + 1,
		   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
		   "%*d %*d %llu",
		   &ticks) != 1)
		return false;
	*out = (double)ticks / (double)sysconf(_SC_CLK_TCK);
	return true;
}

static bool read_resident_pages(unsigned long *out)
{
	FILE *file = fopen("/proc/self/statm", "re");

	if (!file)
		return false;
	bool ok = fscanf(file, "%*u %lu", out) == 1;
	fclose(file);
	return ok;
}

static bool count_fds(unsigned *out)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned n = 0;

	if (!directory)
		return false;
	for (const struct dirent *entry; (entry = readdir(directory));)
		n += entry->d_name[0] != '.';
	closedir(directory);
	*out = n - 1; /* without the directory's own */
	return true;
}

static void print_one(struct buf *buf, enum counter counter, bool is_openmetrics, double value)
{
	counter_print_head(buf, counter, is_openmetrics);
	counter_print_sample(buf, counter, NULL, value);
}

void counter_print_process(struct buf *buf, bool is_openmetrics)
{
	struct rlimit limit;
	unsigned long n_pages;
	unsigned n_fds;
	double start;

	print_one(buf, COUNTER_PROCESS_CPU, is_openmetrics,
		  seconds_of(CLOCK_PROCESS_CPUTIME_ID));
	if (read_resident_pages(&n_pages))
		print_one(buf, COUNTER_PROCESS_MEMORY, is_openmetrics,
			  (double)n_pages * (double)sysconf(_SC_PAGESIZE));
	if (count_fds(&n_fds))
		print_one(buf, COUNTER_PROCESS_OPEN_FDS, is_openmetrics, n_fds);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		print_one(buf, COUNTER_PROCESS_MAX_FDS, is_openmetrics, (double)limit.rlim_cur);
	if (read_start(&start)) /* the unit hides /proc/stat, so the boot time is worked out */
		print_one(buf, COUNTER_PROCESS_START_TIME, is_openmetrics,
			  seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_BOOTTIME) + start);
}
