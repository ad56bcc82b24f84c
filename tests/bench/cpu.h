/* cpu: the processor time that a program has used, to the nanosecond, with all its threads and
 * child processes (Kamailio has one for each of its jobs). */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Nanoseconds on a processor so far: the sum of /proc/PID/task/TID/schedstat over the process
 * and its descendants. -1 if the process is not there. */
int64_t cpu_ns(pid_t pid);

/* Resident memory of the process alone in KiB; -1 if it is not there. */
int64_t memory_kib(pid_t pid);
