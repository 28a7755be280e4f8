// SPDX-License-Identifier: Apache-2.0
/* progress - one live line on a terminal, a line per phase elsewhere; always stderr */
#include "lib/progress.h"

#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"

#define SHOW_AFTER_NS	(SK_NS_PER_S / 2)
#define UPDATE_EVERY_NS (SK_NS_PER_S / 10)
#define ERASE_LINE	"\r\033[K"

static size_t terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < 20)
		return 80;
	return size.ws_col;
}

/* Bytes of @text that fit @width characters: a live line must not wrap, or it cannot be erased. */
static size_t fit(const char *text, size_t width)
{
	size_t i = 0;

	for (; text[i]; i++) {
		bool is_start = ((unsigned char)text[i] & 0xc0) != 0x80;

		if (is_start && width-- == 0)
			break;
	}
	return i;
}

/* One write for a whole line, so that lines of other processes do not come between. */
static void write_line(const struct sk_progress *progress, const char *detail)
{
	sk_auto(sk_str_finish) struct sk_str text = SK_STR_INIT, line = SK_STR_INIT;

	sk_str_add_escaped(&text, progress->phase);
	if (*detail) {
		sk_str_add_char(&text, ' ');
		sk_str_add_escaped(&text, detail);
	}
	if (!text.ptr)
		return;
	if (progress->is_terminal) {
		sk_str_add(&line, ERASE_LINE);
		sk_str_add_bytes(&line, text.ptr, fit(text.ptr, terminal_width() - 1));
	} else {
		sk_str_add(&line, text.ptr);
		sk_str_add_char(&line, '\n');
	}
	if (!line.failed)
		(void)sk_fs_write_all(STDERR_FILENO, line.ptr, line.len);
}

void sk_progress_init(struct sk_progress *progress, bool quiet)
{
	const char *term = getenv("TERM");

	*progress = (struct sk_progress){
		.is_quiet = quiet,
		.is_terminal = isatty(STDERR_FILENO) && !sk_str_equal(term, "dumb"),
	};
}

void sk_progress_phase(struct sk_progress *progress, const char *fmt, ...)
{
	va_list ap;

	if (progress->is_quiet)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(progress->phase, sizeof(progress->phase), fmt, ap);
	va_end(ap);
	progress->phase_start_ns = sk_clock_mono();
	/* A terminal that shows a line already gets the new phase at once. */
	if (!progress->is_terminal || progress->is_shown)
		write_line(progress, "");
}

void sk_progress_update(struct sk_progress *progress, const char *fmt, ...)
{
	uint64_t now = sk_clock_mono();
	char detail[256];
	va_list ap;

	if (progress->is_quiet || !progress->is_terminal ||
	    now - progress->last_update_ns < UPDATE_EVERY_NS)
		return;
	if (!progress->is_shown && now - progress->phase_start_ns < SHOW_AFTER_NS)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	progress->last_update_ns = now;
	progress->is_shown = true;
	write_line(progress, detail);
}

void sk_progress_say(struct sk_progress *progress, const char *fmt, ...)
{
	sk_auto(sk_str_finish) struct sk_str line = SK_STR_INIT;
	char text[384];
	va_list ap;

	if (progress->is_quiet)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (progress->is_shown)
		sk_str_add(&line, ERASE_LINE);
	sk_str_add_escaped(&line, text);
	sk_str_add_char(&line, '\n');
	if (!line.failed)
		(void)sk_fs_write_all(STDERR_FILENO, line.ptr, line.len);
	progress->is_shown = false;
}

void sk_progress_done(struct sk_progress *progress)
{
	if (progress->is_shown)
		(void)sk_fs_write_all(STDERR_FILENO, ERASE_LINE, strlen(ERASE_LINE));
	progress->is_shown = false;
}
