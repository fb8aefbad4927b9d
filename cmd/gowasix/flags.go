package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// runFlags is the command line of "gowasix run".
type runFlags struct {
	engine         string
	net            optional
	publish        list
	listen         list
	dirs           list
	env            list
	forwardHostEnv bool
	argv0          string
	cwd            string
	timeout        time.Duration
	memoryLimit    string
	cache          string

	program string
	args    []string
}

// parseRunFlags reads the command line; the guest's own arguments follow the
// program's name untouched.
func parseRunFlags(args []string, stderr io.Writer) (*runFlags, error) {
	f := &runFlags{}
	set := flag.NewFlagSet("gowasix run", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&f.engine, "engine", defaultEngine(), "`engine` to run on: wasmer or wazero")
	set.Var(&f.net, "net", "grant network access, all of it or what `RULES` in Wasmer's rule language allow")
	set.Var(&f.publish, "p", "publish what the guest binds: `[HOST:]HOSTPORT:GUESTPORT[/udp]`; may be repeated")
	set.Var(&f.listen, "listen", "listen on `ADDR` and hand the socket to the guest as descriptor 3 and up; may be repeated")
	set.Var(&f.dirs, "dir", "mount the directory `HOST[:GUEST[:ro]]`; may be repeated")
	set.Var(volume{&f.dirs}, "volume", "same as -dir, `HOST:GUEST`, as Wasmer has it")
	set.Var(mapdir{&f.dirs}, "mapdir", "mount a directory given as `GUEST:HOST`, as Wasmer has it")
	set.Var(&f.env, "env", "set an environment variable, `NAME=VALUE`; may be repeated")
	set.BoolVar(&f.forwardHostEnv, "forward-host-env", false, "give the guest the host's environment")
	set.StringVar(&f.argv0, "argv0", "", "the `name` the guest sees as its own, in place of the file's")
	set.StringVar(&f.cwd, "cwd", "/", "the guest's current `directory`")
	set.DurationVar(&f.timeout, "timeout", 0, "end the guest after this `duration`, such as 30s")
	set.StringVar(&f.memoryLimit, "memory-limit", "", "most memory the guest may have, in `bytes` or with a suffix K, M or G")
	set.StringVar(&f.cache, "cache", "", "`folder` for compiled code, or \"off\"; the user's cache folder when empty")
	set.Usage = func() {
		fmt.Fprint(stderr, "usage: gowasix run [flags] prog.wasm [args...]\n\n")
		set.PrintDefaults()
	}
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil, err
		}
		return nil, errUsage
	}
	if set.NArg() == 0 {
		fmt.Fprintln(stderr, "gowasix: which program? give the path of a .wasm file")
		return nil, errUsage
	}
	f.program, f.args = set.Arg(0), set.Args()[1:]
	return f, nil
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
