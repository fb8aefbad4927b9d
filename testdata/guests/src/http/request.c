// Reading requests: RFC 9112, and nothing it leaves to taste.
#include "http.h"

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

bool text_is(struct text t, const char *s) { return t.n == strlen(s) && !memcmp(t.s, s, t.n); }

bool text_is_fold(struct text t, const char *s)
{
	if (t.n != strlen(s))
		return false;
	for (size_t i = 0; i < t.n; i++)
		if (lower(t.s[i]) != lower(s[i]))
			return false;
	return true;
}

static bool is_token(struct text t)
{
	for (size_t i = 0; i < t.n; i++)
		if (t.s[i] <= ' ' || t.s[i] >= 127 || strchr("\"(),/:;<=>?@[\\]{}", t.s[i]))
			return false;
	return t.n > 0;
}

// cut splits t at the first c; false if there is none.
static bool cut(struct text *t, char c, struct text *before)
{
	const char *p = memchr(t->s, c, t->n);
	if (!p)
		return false;
	*before = (struct text){t->s, (size_t)(p - t->s)};
	t->n -= before->n + 1;
	t->s = p + 1;
	return true;
}

static struct text trim(struct text t)
{
	while (t.n && (*t.s == ' ' || *t.s == '\t'))
		t.s++, t.n--;
	while (t.n && (t.s[t.n - 1] == ' ' || t.s[t.n - 1] == '\t'))
		t.n--;
	return t;
}

// cut_line takes a line that ends with CRLF; anything else is an error.
static bool cut_line(struct text *t, struct text *line)
{
	if (!cut(t, '\n', line) || !line->n || line->s[line->n - 1] != '\r')
		return false;
	line->n--;
	for (size_t i = 0; i < line->n; i++)
		if (((uint8_t)line->s[i] < ' ' && line->s[i] != '\t') || line->s[i] == 127)
			return false;
	return true;
}

// head_end returns the length of the head with its empty line, 0 if it is not there.
static size_t head_end(const char *buf, size_t n)
{
	for (const char *p = buf; (p = memchr(p, '\n', n - (size_t)(p - buf))) != NULL; p++) {
		size_t left = n - (size_t)(p - buf);
		if (left >= 2 && p[1] == '\n')
			return (size_t)(p - buf) + 2;
		if (left >= 3 && p[1] == '\r' && p[2] == '\n')
			return (size_t)(p - buf) + 3;
	}
	return 0;
}

// request_line reads the method, the path and the version.
static int request_line(struct text line, struct request *r, bool *old)
{
	struct text target, host;
	if (!cut(&line, ' ', &r->method) || !cut(&line, ' ', &target) || !is_token(r->method) || !target.n)
		return 400;
	*old = text_is(line, "HTTP/1.0");
	if (!*old && !text_is(line, "HTTP/1.1"))
		return line.n == 8 && !memcmp(line.s, "HTTP/", 5) ? 505 : 400;
	if (target.n > 7 && text_is_fold((struct text){target.s, 7}, "http://")) {
		target.s += 7, target.n -= 7;
		struct text all = target;
		target = cut(&all, '/', &host) ? (struct text){all.s - 1, all.n + 1} : (struct text){"/", 1};
	}
	if (target.s[0] != '/')
		return 400;
	r->path = target;
	cut(&target, '?', &r->path);
	return 200;
}

static int content_length(struct text v, struct request *r, bool *seen)
{
	size_t n = 0;
	for (size_t i = 0; i < v.n; i++) {
		if (v.s[i] < '0' || v.s[i] > '9')
			return 400;
		n = n > MAX_BODY ? n : n * 10 + (size_t)(v.s[i] - '0');
	}
	if (!v.n || (*seen && n != r->body_len))
		return 400;
	*seen = true;
	r->body_len = n;
	return 200;
}

// connection_options reads the list of the field Connection.
static void connection_options(struct text list, struct request *r)
{
	struct text option;
	while (list.n) {
		if (!cut(&list, ',', &option)) {
			option = list;
			list.n = 0;
		}
		option = trim(option);
		if (text_is_fold(option, "close"))
			r->keep_alive = false;
		if (text_is_fold(option, "keep-alive"))
			r->keep_alive = true;
	}
}

static int fields(struct text head, struct request *r, bool old)
{
	struct text line, name, value;
	bool length = false;
	int hosts = 0, status = 200;
	while (cut_line(&head, &line)) {
		if (!line.n)
			return !old && hosts != 1 ? 400 : r->body_len > MAX_BODY ? 413 : 200;
		value = line;
		if (!cut(&value, ':', &name) || !is_token(name))
			return 400;
		value = trim(value);
		if (text_is_fold(name, "Host"))
			hosts++;
		else if (text_is_fold(name, "Content-Length"))
			status = content_length(value, r, &length);
		else if (text_is_fold(name, "Transfer-Encoding"))
			return 501;
		else if (text_is_fold(name, "Connection"))
			connection_options(value, r);
		else if (text_is_fold(name, "Expect"))
			r->expects_continue = !old && text_is_fold(value, "100-continue");
		if (status != 200)
			return status;
	}
	return 400;
}

int parse(const char *buf, size_t n, struct request *r)
{
	bool old = false;
	*r = (struct request){0};
	r->head_len = head_end(buf, n < MAX_HEAD ? n : MAX_HEAD);
	if (!r->head_len)
		return n >= MAX_HEAD ? 431 : 0;
	struct text head = {buf, r->head_len}, line;
	if (!cut_line(&head, &line))
		return 400;
	int status = request_line(line, r, &old);
	r->keep_alive = !old;
	return status == 200 ? fields(head, r, old) : status;
}
