/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz - what a fuzz target is
 *
 * tests/fuzz/fuzz_NAME.c defines the one function below. Twice it becomes a program:
 *
 *	make fuzz		with libFuzzer and sanitizers, beginning with corpus/NAME and the
 *				words of dict/NAME.dict
 *	make check, make asan	with replay.c, which calls it once for each file of corpus/NAME
 *
 * A target calls a parser on bytes from outside and asserts what must hold of its results.
 * It keeps nothing from one call to the next, prints nothing, and bounds its own work.
 */
#ifndef SK_FUZZ_H
#define SK_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "lib/cleanup.h"

/** LLVMFuzzerTestOneInput() - Try one input; returns 0, aborts when something does not hold */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** fuzz_text() - The input as a heap string with a NUL behind it; aborts without memory */
char *fuzz_text(const uint8_t *data, size_t size);
/** fuzz_must() - Abort with the text of the condition unless it holds */
#define fuzz_must(condition)                                                             \
	((condition) ? (void)0 : fuzz_fail(#condition, __FILE__, __LINE__))
/** fuzz_fail() - Say what does not hold, and abort */
void fuzz_fail(const char *condition, const char *file, int line)
	__attribute__((noreturn));

#endif
