// Names of hosts, by the call resolve.
#include "runtime.h"

enum { MAX_ADDRESSES = 16 };

// entry is an element of a list, and its address.
struct entry {
	struct addrinfo info;
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} addr;
};

static void fill_entry(struct entry *e, const struct wasix_addr_ip *ip, int port, const struct addrinfo *hints)
{
	bool six = ip->tag == WASIX_AF_INET6;
	e->info = (struct addrinfo){
		.ai_family = six ? AF_INET6 : AF_INET,
		.ai_socktype = hints ? hints->ai_socktype : 0,
		.ai_protocol = hints ? hints->ai_protocol : 0,
		.ai_addrlen = six ? sizeof e->addr.in6 : sizeof e->addr.in,
		.ai_addr = &e->addr.any,
	};
	e->addr.any.sa_family = (sa_family_t)e->info.ai_family;
	e->addr.in.sin_port = htons((uint16_t)port); // in6 has it at the same place
	memcpy(six ? (void *)&e->addr.in6.sin6_addr : (void *)&e->addr.in.sin_addr, ip->octets, six ? 16 : 4);
}

static int resolve_error(wasi_errno err)
{
	errno = err;
	return err == ENOENT ? EAI_NONAME : err == EAGAIN ? EAI_AGAIN : EAI_SYSTEM;
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
	struct wasix_addr_ip ips[MAX_ADDRESSES];
	size_t n = 0;
	int port = service ? atoi(service) : 0;
	wasi_errno err = wasix_resolve(host, strlen(host), (uint32_t)port, ips, MAX_ADDRESSES, &n);
	if (err)
		return resolve_error(err);
	struct addrinfo **last = found;
	*found = NULL;
	for (size_t i = 0; i < n; i++) {
		if (hints && hints->ai_family && hints->ai_family != ips[i].tag)
			continue;
		struct entry *e = calloc(1, sizeof *e);
		if (!e) {
			freeaddrinfo(*found);
			return EAI_MEMORY;
		}
		fill_entry(e, &ips[i], port, hints);
		*last = &e->info;
		last = &e->info.ai_next;
	}
	return *found ? 0 : EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *list)
{
	while (list) {
		struct addrinfo *next = list->ai_next;
		free(list);
		list = next;
	}
}
