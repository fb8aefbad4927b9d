package main

const usage = `usage:
  gowasix run [flags] prog.wasm [args...]   run a program; gowasix run --help lists the flags
  gowasix inspect prog.wasm                 tell what a program imports, exports and needs
  gowasix version                           tell which gowasix this is
`

const inspectUsage = "usage: gowasix inspect prog.wasm\n"

// runUsage describes every flag of [parseRunFlags].
const runUsage = `usage: gowasix run [flags] prog.wasm [args...]

The guest gets no files, network or environment but what flags grant. Flags come
before the program; what follows it is the guest's. The exit status is the guest's,
128 + n after signal n, 124 after --timeout, 125 when gowasix itself fails.

The guest gets the signals INT, QUIT, HUP, TERM, USR1, USR2 and WINCH that are sent
to gowasix; without a handler for one it ends as on Linux. A second INT ends a guest
that has not come to handle the first.

Files:
  --dir HOST[:GUEST[:ro]]   mount a directory of the host, or what a zip file holds, at GUEST
                            or the same path (repeatable)
  --volume HOST:GUEST       same as --dir, as Wasmer has it (repeatable)
  --mapdir GUEST:HOST       same the other way round, as Wasmer has it (repeatable)
  --tmpfs GUEST[:SIZE]      mount an empty file system in memory, of 64M at most unless
                            given (K, M, G), which ends with the guest (repeatable)
  --program NAME=FILE.wasm  let the guest execute FILE as /bin/NAME; the .wasm files it finds
                            in its directories it can execute anyway (repeatable)
  --cwd DIR                 the guest's current directory (default /)

Network:
  -p [HOST:]PORT:GUESTPORT[/udp]
                            publish a port that the guest binds, or a range of as many:
                            -p 8000-8009:80-89; HOST is 127.0.0.1 unless given, and for
                            PORT 0 the one chosen is printed (repeatable)
  --net[=RULES]             grant the host's network, all of it or what Wasmer's rules allow:
                            --net=ipv4:allow=127.0.0.1:80/in,dns:allow=*.example.com:443
                            --net='ip:allow=*:*/out,dns:allow=*:*,ip:deny={loopback,private}:*'
                            ip is IPv4 and IPv6; loopback, link-local, private, multicast and
                            metadata are addresses; what is denied stays so; refusals are
                            printed once each, with the rule that grants them
  --net=virtual             give the guest a network of its own, in memory: its programs
                            reach each other there, and -p publishes ports of it, but
                            nothing of the host's network is there
  --listen [NAME=]ADDR:PORT[/udp], --listen [NAME=]unix:PATH
                            open a socket, and hand it to the guest as descriptor 3 and up,
                            with LISTEN_FDS and LISTEN_FDNAMES as systemd does; for PORT 0
                            the one chosen is printed (repeatable). Sockets that gowasix
                            itself is started with in this way come first
  --net-limit LIMITS        bound open sockets, connections that wait to be accepted, new
                            connections per second, and bytes received and sent per second:
                            sockets=100,pending=128,rate=50,in=1M,out=512K
  --add-host NAME:ADDRESS   give a name an address (repeatable)
  --hosts FILE              give names addresses, as /etc/hosts does
  --dns ADDRESS[:PORT]      ask this name server, not the host's (repeatable)
  --dns-search DOMAIN       complete names with this domain (repeatable)
  --dns-timeout DURATION    give up looking up a name, such as 5s

Program:
  --env NAME=VALUE          set an environment variable (repeatable)
  --forward-host-env        give the guest the host's environment
  --argv0 NAME              the guest's own name, in place of the file's
  --timeout DURATION        end the guest after a time, such as 30s or 5m
  --memory-limit BYTES      most memory each process may have, such as 512M (K, M, G)
  --tree-memory-limit BYTES most memory the guest and all its child processes may have together
  --process-limit N         most processes the guest may be at once, itself included (default %d)
  --thread-limit N          most threads all its processes may have together (default %d)

Observation, on standard error:
  --trace[=FAMILIES]        print system calls, signals and ends as strace does, of calls
                            perhaps only some families: --trace=sock,poll. Once there are
                            several, processes and threads are named: [pid 2], [pid 2 tid 3]
  --stats                   when the guest ends, print how often each system call was made,
                            how often it failed and how long it took
  --debug ADDR:PORT         show processes, descriptors and sockets, live, as a web page and
                            as JSON (?format=json); for PORT 0 the one chosen is printed

Engine:
  --engine NAME             wasmer or wazero (default %s)
  --casts                   let calls through function pointers reach functions of another
                            type, as native machines do, for programs that end by the trap
                            "indirect call type mismatch"
  --cache DIR               where compiled code is kept, or "off" (default the user's cache)
`
