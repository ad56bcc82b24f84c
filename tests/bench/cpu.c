#include "tests/bench/cpu.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 4, PATH_ROOM = 96 };

static int64_t first_number(const char *path)
{
	FILE *file = fopen(path, "re");
	long long number = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%lld", &number) != 1)
		number = -1;
	fclose(file);
	return number;
}

static int64_t thread_ns(pid_t pid, pid_t tid)
{
	char path[PATH_ROOM];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", pid, tid);
	return first_number(path);
}

static pid_t parent_of(pid_t pid)
{
	char path[PATH_ROOM], line[512] = "", *after_name;
	FILE *file;
	int parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fgets(line, sizeof(line), file) && (after_name = strrchr(line, ')')) &&
	    sscanf(after_name, ") %*c %d", &parent) != 1)
		parent = 0;
	fclose(file);
	return parent;
}

/* True if pid is ancestor or one of its descendants. */
static bool descends_from(pid_t pid, pid_t ancestor)
{
	for (int depth = 0; pid > 1 && depth < DEPTH_MAX; depth++) {
		if (pid == ancestor)
			return true;
		pid = parent_of(pid);
	}
	return false;
}

static int64_t process_ns(pid_t pid)
{
	char path[PATH_ROOM];
	struct dirent *entry;
	int64_t sum = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	if (!tasks)
		return -1;
	while ((entry = readdir(tasks))) {
		int64_t ns = entry->d_name[0] == '.' ? 0 : thread_ns(pid, atoi(entry->d_name));

		sum += ns > 0 ? ns : 0;
	}
	closedir(tasks);
	return sum;
}

int64_t cpu_ns(pid_t pid)
{
	int64_t sum = process_ns(pid);
	struct dirent *entry;
	DIR *proc = opendir("/proc");

	if (!proc || sum < 0) {
		if (proc)
			closedir(proc);
		return -1;
	}
	while ((entry = readdir(proc))) {
		pid_t other = atoi(entry->d_name);

		if (other > 1 && other != pid && descends_from(other, pid)) {
			int64_t ns = process_ns(other);

			sum += ns > 0 ? ns : 0;
		}
	}
	closedir(proc);
	return sum;
}

int64_t memory_kib(pid_t pid)
{
	char path[PATH_ROOM], line[256];
	long long kib = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "VmRSS: %lld", &kib) == 1)
			break;
	fclose(file);
	return kib;
}
