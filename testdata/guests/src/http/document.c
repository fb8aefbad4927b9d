// Files below a directory.
#include "http.h"

const char *document_root;

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

// decode resolves percent-encoding into buf; false for what is no name.
static bool decode(struct text path, char *buf, size_t cap)
{
	size_t n = 0;
	for (size_t i = 0; i < path.n; i++) {
		int c = (uint8_t)path.s[i];
		if (c == '%') {
			if (path.n - i < 3 || hex(path.s[i + 1]) < 0 || hex(path.s[i + 2]) < 0)
				return false;
			c = hex(path.s[i + 1]) << 4 | hex(path.s[i + 2]);
			i += 2;
		}
		if (!c || n + 1 == cap)
			return false;
		buf[n++] = (char)c;
	}
	buf[n] = 0;
	return true;
}

// climbs tells whether a part of the path is "..". The host would not let it out
// of the directory either.
static bool climbs(const char *path)
{
	for (const char *p = path; *p; p++)
		if (p[0] == '/' && p[1] == '.' && p[2] == '.' && (p[3] == '/' || !p[3]))
			return true;
	return false;
}

static const char *type_of(const char *path)
{
	static const char *const types[][2] = {
		{"html", "text/html; charset=utf-8"},
		{"css", "text/css; charset=utf-8"},
		{"js", "text/javascript; charset=utf-8"},
		{"json", "application/json"},
		{"txt", "text/plain; charset=utf-8"},
		{"svg", "image/svg+xml"},
		{"png", "image/png"},
		{"jpg", "image/jpeg"},
		{"wasm", "application/wasm"},
	};
	const char *suffix = "";
	for (const char *p = path; *p; p++)
		if (*p == '.' || *p == '/')
			suffix = p + 1;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (!strcmp(suffix, types[i][0]))
			return types[i][1];
	return "application/octet-stream";
}

int open_document(struct text path, const char **type, off_t *size)
{
	char decoded[1024], name[2048];
	struct stat st;
	if (!decode(path, decoded, sizeof decoded) || climbs(decoded))
		return -1;
	size_t n = strlen(decoded);
	size_t len = format(name, sizeof name, "%s%s%s", document_root, decoded, decoded[n - 1] == '/' ? "index.html" : "");
	if (len + 1 == sizeof name)
		return -1;
	int fd = open(name, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return -1;
	}
	*type = type_of(name);
	*size = st.st_size;
	return fd;
}
