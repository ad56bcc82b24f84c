/* What the files of the script share. */
#pragma once

#include <stdarg.h>

#include "tests/world/agent.h"
#include "tests/world/script.h"

enum { STAGE_MAX_AGENTS = 12, STAGE_LINE = 16384, STAGE_MAX_WISHES = 16 };

struct stage {
	const struct play *play;
	struct world world;
	struct agent *agents[STAGE_MAX_AGENTS];
	unsigned n_agents;
	uint64_t counter;
	char fault[70000]; /* of the last statement */
};

/* Writes the fault; returns false. */
bool stage_fault(struct stage *stage, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

bool stage_line(struct stage *stage, char *line);
/* A line that begins with an agent's name. */
bool stage_agent_line(struct stage *stage, char *line);

/* Reads " | Name: value | ..."; cuts line at the first bar. False: too many. */
bool stage_read_wishes(char *line, struct wish *out, size_t *out_n);

/* True if the text of a received message is as the line after "<" says. */
bool stage_check(struct stage *stage, const struct agent *agent, const char *text, char *line);
