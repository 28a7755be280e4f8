/* SPDX-License-Identifier: Apache-2.0 */
/* inject - run a program and hit one of its system calls: kill it there, or let the call fail
 *
 *	struct inject hit = {.nth = 17, .error = EIO};
 *
 *	inject_run(words, out_fd, &hit);
 *	if (!hit.was_reached) ... it makes fewer calls
 *
 * Calls are counted over the program and all processes that it starts, up to the first
 * program that one of those executes: for a container runtime, up to the container's command.
 */
#ifndef SK_IT_INJECT_H
#define SK_IT_INJECT_H

#include <stdbool.h>

/**
 * struct inject - One run
 * @nth:	Which call, from 1
 * @error:	errno that it returns instead of being made; 0: SIGKILL before it is made
 * @was_reached: There was such a call
 * @is_main:	The program itself made it, not a process that it started
 * @is_startup:	The C library made it before main(): where it fails, the library may end the program
 *		without a word
 * @is_hung:	The program had to be killed after 20 s
 * @status:	Exit status of the program, or 128 + signal
 * @call:	Number of the call
 */
struct inject {
	unsigned int nth;
	int error;
	bool was_reached, is_main, is_startup, is_hung;
	int status;
	long call;
};

/** inject_run() - stdin is /dev/null, stdout and stderr go to @out_fd (borrowed) */
void inject_run(char *const *words, int out_fd, struct inject *inject);

/** inject_can_fail() - Whether errors can be injected on this kind of machine; killing is always possible */
bool inject_can_fail(void);

/** inject_step() - Distance of the points to be tried: SKIFF_POINTS is "all" or a number, else 8 */
unsigned int inject_step(void);

#endif
