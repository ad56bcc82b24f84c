/* For programs without --wrap: nothing ever fails. */
#include "tests/world/faults.h"

void faults_begin(unsigned n, bool is_lasting)
{
}

bool faults_end(void)
{
	return false;
}

void faults_pause(void)
{
}

void faults_resume(void)
{
}
