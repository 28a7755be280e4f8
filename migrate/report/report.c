// SPDX-License-Identifier: Apache-2.0
/* report - one self-contained HTML page for a migration, figures as SVG, no scripts */
#include "migrate/report/report.h"

#include "lib/fs.h"
#include "migrate/report/html.h"
#include "migrate/report/page.h"

void sk_page_open(struct sk_str *out, const char *title)
{
	sk_str_add(out,
		   "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
		   "<meta name=\"viewport\" content=\"width=device-width,"
		   "initial-scale=1\">\n"
		   "<meta http-equiv=\"Content-Security-Policy\" content=\""
		   "default-src 'none'; style-src 'unsafe-inline'\">\n");
	sk_html_element(out, "title", NULL, "%s", title);
	sk_str_add(out, "<style>");
	sk_str_add(out, sk_page_style());
	sk_str_add(out, "</style></head><body><main>\n");
}

void sk_page_close(struct sk_str *out)
{
	sk_str_add(out, "</main></body></html>\n");
}

int sk_report_write(int dirfd, const char *name, const struct sk_report_input *input,
		    struct sk_err *err)
{
	sk_auto(sk_str_finish) struct sk_str out = SK_STR_INIT;
	sk_autofree char *title =
		sk_strf("%s, %s: skiff migration report",
			sk_json_str(sk_json_get(input->run, "guest"), "guest"),
			sk_mode_name(input->verdict->asked));

	if (!title)
		return sk_err_oom(err);
	sk_page_open(&out, title);
	sk_page_header(&out, input);
	sk_page_timeline(&out, input);
	sk_page_downtime(&out, input);
	sk_page_passes(&out, input);
	sk_page_objective(&out, input);
	sk_page_predicted(&out, input);
	sk_page_tail(&out, input);
	sk_page_measuring(&out, input);
	sk_page_events(&out, input);
	sk_page_provenance(&out, input);
	sk_page_close(&out);
	if (out.failed)
		return sk_err_oom(err);
	return sk_fs_replace(dirfd, name, out.ptr, out.len, 0644, err);
}
