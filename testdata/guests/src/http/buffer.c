#include "http.h"

bool buffer_reserve(struct buffer *b, size_t n)
{
	if (b->cap - b->end >= n)
		return true;
	size_t len = buffer_len(b), cap = 1024;
	while (cap < len + n)
		cap *= 2;
	if (cap > b->cap) {
		char *data = malloc(cap);
		if (!data)
			return false;
		if (len)
			memcpy(data, b->data + b->start, len);
		free(b->data);
		b->data = data;
		b->cap = cap;
	} else {
		memmove(b->data, b->data + b->start, len);
	}
	b->start = 0;
	b->end = len;
	return true;
}

bool buffer_add(struct buffer *b, const void *p, size_t n)
{
	if (!buffer_reserve(b, n))
		return false;
	memcpy(b->data + b->end, p, n);
	b->end += n;
	return true;
}

bool buffer_print(struct buffer *b, const char *s) { return buffer_add(b, s, strlen(s)); }

void buffer_take(struct buffer *b, size_t n)
{
	b->start += n;
	if (b->start == b->end)
		b->start = b->end = 0;
}

void buffer_free(struct buffer *b)
{
	free(b->data);
	*b = (struct buffer){0};
}
