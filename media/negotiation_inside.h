/* What the two files of negotiation share: negotiation.c is offers and answers,
 * negotiation_told.c what legs and ends are told. */
#pragma once

#include "media/negotiation.h"

/* The key of ours that goes with the answerer's. NULL: it chose none of those that it was
 * told. */
const struct sdes *negotiation_chosen(const struct media_line *line, enum relay_leg answerer);
