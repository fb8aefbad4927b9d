#ifndef HTTP_H
#define HTTP_H

#include "guest.h"

// Limits on what a client may make the server hold.
enum {
	MAX_HEAD = 8192,          // bytes of a request's head
	MAX_BODY = 1 << 20,       // bytes of a request's body
	MAX_CONNECTIONS = 8192,
	REQUEST_SECONDS = 30,     // for a request to arrive, or for a client to read on
	IDLE_SECONDS = 60,        // between requests
	LINGER_SECONDS = 2,       // for a client to hang up after an error
};

// A piece of a buffer.
struct text {
	const char *s;
	size_t n;
};
bool text_is(struct text t, const char *s);
bool text_is_fold(struct text t, const char *s); // ASCII letters of either case

// A request, pointing into the connection's buffer.
struct request {
	struct text method, path; // path without the query, still percent-encoded
	bool keep_alive, expects_continue;
	size_t head_len, body_len;
};

// parse reads the request at the start of buf. It returns 0 when the head is not
// complete, 200, or the status of the error.
int parse(const char *buf, size_t n, struct request *r);

// A growing buffer; the content is data[start:end].
struct buffer {
	char *data;
	size_t start, end, cap;
};
bool buffer_reserve(struct buffer *b, size_t n); // room for n more bytes
bool buffer_add(struct buffer *b, const void *p, size_t n);
bool buffer_print(struct buffer *b, const char *s);
void buffer_take(struct buffer *b, size_t n); // removes n bytes from the start
void buffer_free(struct buffer *b);
static inline size_t buffer_len(const struct buffer *b) { return b->end - b->start; }

struct connection {
	int fd;
	struct buffer in, out;
	int file; // being sent after out, or -1
	off_t file_pos, file_end;
	bool keep_alive, continued, lingering;
	long long deadline; // seconds of the monotonic clock
};

// respond queues the answer to r, whose body is body; false without memory.
bool respond(struct connection *c, const struct request *r, const char *body);

// respond_error queues an answer that says what was wrong, and ends the connection.
bool respond_error(struct connection *c, int status);

// draining: no more connections come, and each is closed after its next answer.
extern bool draining;

// document_root is where files are served from; NULL serves none.
extern const char *document_root;

// open_document opens the file for a path that is percent-encoded. It returns
// the descriptor and sets *type and *size, or -1.
int open_document(struct text path, const char **type, off_t *size);

long long now(clockid_t clock); // seconds

#endif
