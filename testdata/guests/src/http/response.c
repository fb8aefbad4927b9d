// Answers.
#include "http.h"

static const char page[] =
	"<!DOCTYPE html>\n"
	"<html lang=\"en\">\n"
	"<meta charset=\"utf-8\">\n"
	"<title>Hello</title>\n"
	"<style>\n"
	"body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 34rem; margin: 16vh auto; padding: 0 1rem; color: #223 }\n"
	"code { background: #eef; padding: .1rem .3rem; border-radius: .2rem }\n"
	"</style>\n"
	"<h1>Hello from WebAssembly</h1>\n"
	"<p>A C program compiled for WASIX opened this socket, called <code>sock_listen</code>\n"
	"and answered you, inside a Go process.</p>\n"
	"</html>\n";

static const char *reason(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 413:
		return "Content Too Large";
	case 431:
		return "Request Header Fields Too Large";
	case 501:
		return "Not Implemented";
	case 505:
		return "HTTP Version Not Supported";
	}
	return "Error";
}

long long now(clockid_t clock)
{
	struct timespec t = {0};
	clock_gettime(clock, &t);
	return t.tv_sec;
}

// date returns the time as the field Date wants it; it is made once a second.
static const char *date(void)
{
	static char text[40];
	static long long made;
	static const char *const names = "ThuFriSatSunMonTueWed", *const months = "JanFebMarAprMayJunJulAugSepOctNovDec";
	long long t = now(CLOCK_REALTIME);
	if (t == made)
		return text;
	made = t;
	// Days since 1 March of the year 0, in eras of 400 years.
	long long day = t / 86400 + 719468, era = day / 146097, doe = day % 146097;
	long long yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	long long mp = (5 * doy + 2) / 153, month = mp < 10 ? mp + 2 : mp - 10, mday = doy - (153 * mp + 2) / 5 + 1;
	const char *n = names + t / 86400 % 7 * 3, *m = months + month * 3;
	format(text, sizeof text, "%c%c%c, %02d %c%c%c %04d %02d:%02d:%02d GMT", n[0], n[1], n[2], (int)mday, m[0], m[1], m[2],
	       (int)(yoe + era * 400 + (month < 2)), (int)(t / 3600 % 24), (int)(t / 60 % 60), (int)(t % 60));
	return text;
}

// head queues the status line and the fields.
static bool head(struct connection *c, int status, const char *type, long long length)
{
	char buf[400];
	size_t n = format(buf, sizeof buf,
			  "HTTP/1.1 %d %s\r\nDate: %s\r\nServer: gowasix-guest\r\nContent-Type: %s\r\nContent-Length: %lld\r\n%s%s\r\n", status,
			  reason(status), date(), type, length, status == 405 ? "Allow: GET, HEAD\r\n" : "",
			  c->keep_alive ? "" : "Connection: close\r\n");
	return buffer_add(&c->out, buf, n);
}

static bool simple(struct connection *c, int status, bool with_body)
{
	char body[64];
	size_t n = format(body, sizeof body, "%d %s\n", status, reason(status));
	return head(c, status, "text/plain; charset=utf-8", (long long)n) && (!with_body || buffer_add(&c->out, body, n));
}

bool respond_error(struct connection *c, int status)
{
	c->keep_alive = false;
	return simple(c, status, true);
}

static bool respond_file(struct connection *c, const struct request *r, bool with_body)
{
	const char *type;
	off_t size;
	int fd = open_document(r->path, &type, &size);
	if (fd < 0)
		return simple(c, 404, with_body);
	if (with_body) {
		c->file = fd;
		c->file_pos = 0;
		c->file_end = size;
	} else {
		close(fd);
	}
	return head(c, 200, type, size);
}

bool respond(struct connection *c, const struct request *r, const char *body)
{
	bool get = text_is(r->method, "GET"), with_body = !text_is(r->method, "HEAD");
	c->keep_alive = r->keep_alive && !draining;
	if (text_is(r->path, "/echo")) {
		if (!text_is(r->method, "POST"))
			return simple(c, 405, with_body);
		return head(c, 200, "application/octet-stream", (long long)r->body_len) && buffer_add(&c->out, body, r->body_len);
	}
	if (!get && with_body)
		return simple(c, text_is(r->method, "POST") || text_is(r->method, "PUT") || text_is(r->method, "DELETE") ? 405 : 501, true);
	if (document_root)
		return respond_file(c, r, with_body);
	if (!text_is(r->path, "/"))
		return simple(c, 404, with_body);
	return head(c, 200, "text/html; charset=utf-8", sizeof page - 1) && (!with_body || buffer_print(&c->out, page));
}
