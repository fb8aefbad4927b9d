package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/gowasix/gowasix/wasix/network/virtual"
)

// runFlags is the command line of "gowasix run".
type runFlags struct {
	engine         string
	net            optional
	virtual        *virtual.Network // of --net=virtual, once it is made
	publish        list
	listen         list
	names          nameFlags
	netLimit       string
	dirs           list
	programs       list
	tmpfs          list
	env            list
	forwardHostEnv bool
	argv0          string
	cwd            string
	timeout        time.Duration
	memoryLimit    string
	treeMemory     string
	processLimit   string
	threadLimit    string
	cache          string
	casts          bool
	trace          optional
	stats          bool
	debug          string

	program string
	args    []string
}

// parseRunFlags reads the command line; the guest's own arguments follow the
// program's name untouched. Returns flag.ErrHelp and usage errors.
func parseRunFlags(args []string) (*runFlags, error) {
	f := &runFlags{}
	set := f.flagSet()
	switch err := set.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil, err
	case err != nil:
		return nil, usageError(describe(err) + "; gowasix run --help lists the flags")
	case set.NArg() == 0:
		return nil, usageError("which program? give the path of a .wasm file")
	}
	f.program, f.args = set.Arg(0), set.Args()[1:]
	if f.net.given && f.net.value == "" && looksLikeRules(f.program) {
		return nil, usageError("write --net=" + f.program + " with an equals sign")
	}
	if f.trace.given && f.trace.value == "" && looksLikeFamilies(f.program) {
		return nil, usageError("write --trace=" + f.program + " with an equals sign")
	}
	return f, nil
}

func (f *runFlags) flagSet() *flag.FlagSet {
	set := flag.NewFlagSet("gowasix run", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.StringVar(&f.engine, "engine", engineNames()[0], "")
	set.Var(&f.net, "net", "")
	set.Var(&f.publish, "p", "")
	set.Var(&f.listen, "listen", "")
	set.StringVar(&f.netLimit, "net-limit", "", "")
	set.Var(&f.names.hosts, "add-host", "")
	set.StringVar(&f.names.file, "hosts", "", "")
	set.Var(&f.names.servers, "dns", "")
	set.Var(&f.names.search, "dns-search", "")
	set.DurationVar(&f.names.timeout, "dns-timeout", 0, "")
	set.Var(&f.dirs, "dir", "")
	set.Var(&f.tmpfs, "tmpfs", "")
	set.Var(&f.programs, "program", "")
	set.Var(volume{&f.dirs}, "volume", "")
	set.Var(mapdir{&f.dirs}, "mapdir", "")
	set.Var(&f.env, "env", "")
	set.BoolVar(&f.forwardHostEnv, "forward-host-env", false, "")
	set.StringVar(&f.argv0, "argv0", "", "")
	set.StringVar(&f.cwd, "cwd", "/", "")
	set.DurationVar(&f.timeout, "timeout", 0, "")
	set.StringVar(&f.memoryLimit, "memory-limit", "", "")
	set.BoolVar(&f.casts, "casts", false, "")
	set.StringVar(&f.treeMemory, "tree-memory-limit", "", "")
	set.StringVar(&f.processLimit, "process-limit", "", "")
	set.StringVar(&f.threadLimit, "thread-limit", "", "")
	set.StringVar(&f.cache, "cache", "", "")
	set.Var(&f.trace, "trace", "")
	set.BoolVar(&f.stats, "stats", false, "")
	set.StringVar(&f.debug, "debug", "", "")
	return set
}

// describe turns an error of package flag into a sentence with the flag as users
// write it.
func describe(err error) string {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		return "there is no flag --" + name
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
		return "--" + name + " needs a value"
	}
	if _, rest, ok := strings.Cut(text, "timeout:"); ok && strings.Contains(rest, "parse error") {
		_, name, _ := strings.Cut(text[:len(text)-len(rest)-1], "flag -")
		return "--" + name + ": write a duration with its unit, such as 30s or 5m"
	}
	return strings.Replace(text, "flag -", "flag --", 1)
}

func looksLikeRules(s string) bool {
	kind, rest, _ := strings.Cut(s, ":")
	return s == virtualNet || (kind == "ip" || kind == "ipv4" || kind == "ipv6" || kind == "dns") &&
		(strings.HasPrefix(rest, "allow=") || strings.HasPrefix(rest, "deny="))
}

// environ returns the guest's environment.
func (f *runFlags) environ() ([]string, error) {
	var env []string
	if f.forwardHostEnv {
		env = append(env, os.Environ()...)
	}
	for _, e := range f.env {
		if name, _, ok := strings.Cut(e, "="); !ok || name == "" {
			return nil, fmt.Errorf("--env %s: write NAME=VALUE", e)
		}
		env = append(env, e)
	}
	return env, nil
}

// list is a flag that may be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, ",") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

// volume and mapdir are Wasmer's spellings of --dir.
type volume struct{ *list }

func (v volume) Set(s string) error {
	if !strings.Contains(s, ":") {
		return errors.New("write HOST:GUEST")
	}
	return v.list.Set(s)
}

type mapdir struct{ *list }

func (m mapdir) Set(s string) error {
	guest, host, ok := strings.Cut(s, ":")
	if !ok {
		return errors.New("write GUEST:HOST")
	}
	return m.list.Set(host + ":" + guest)
}

// optional is a flag whose value may be left out.
type optional struct {
	given bool
	value string
}

func (o *optional) String() string   { return o.value }
func (o *optional) IsBoolFlag() bool { return true }
func (o *optional) Set(s string) error {
	if s == "false" {
		*o = optional{}
		return nil
	}
	o.given = true
	if s != "true" {
		o.value = s
	}
	return nil
}
