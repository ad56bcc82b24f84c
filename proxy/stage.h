/* Branches that are tried one after the other (RFC 3261 §16.6, serial forking): while those of
 * one stage run, the others wait. If all of a stage miss (the user is not there, or nobody
 * answers, as their aims say), the next one begins, within a budget. What the answers tell of a
 * user's home is learned here. */
#pragma once

#include "proxy/context.h"

struct request;

/* Remembers whom the request is for, if what becomes of it teaches where that user is.
 * ERR_NO_MEMORY; ERR_EXISTS: it is searched for somebody already. */
enum err stage_remember(struct context *context, const struct request *request) MUST_CHECK;
void stage_forget(struct context *context);

/* How many branches run in parallel with this one, itself included: they share the breadth (RFC
 * 5393 §5.3.3). */
unsigned stage_width(const struct branch *branch);

/* True if there is another stage to try if this branch's server is silent: then it is not
 * waited for as long. */
bool stage_has_more(const struct branch *branch);

/* The branch begins: it is searched at its backend. */
void stage_branch_begins(struct branch *branch);

/* The branch is done: what it means for the user's home. */
void stage_branch_ended(struct branch *branch);

/* The branch is done: true if what it brought says no more than that another one may be
 * tried. */
bool stage_has_missed(const struct branch *branch);

/* True if a branch still runs. */
bool stage_is_running(const struct context *context);

/* No branch runs. If all of the stage missed and there is time, the branches of the next one
 * are to be started: returns true and its number. Else what still waits is given up. */
bool stage_next(struct context *context, unsigned *out_stage);

/* Every stage is over, and no final went back yet: if each backend that serves the domain said
 * that the user is not there, it is remembered for a moment. */
void stage_all_ended(const struct context *context);

/* All stages missed, and some of them because nobody answered: the user may live there. */
bool stage_is_incomplete(const struct context *context);
