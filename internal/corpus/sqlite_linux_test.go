package corpus

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// kills is how often SQLite is killed while it writes, on each engine.
const kills = 24

// TestSQLite runs the shell of SQLite from the folder in GOWASIX_SQLITE.
func TestSQLite(t *testing.T) {
	folder := os.Getenv("GOWASIX_SQLITE")
	if folder == "" {
		t.Log("GOWASIX_SQLITE names no folder with sqlite3.wasm")
		return
	}
	for _, engine := range engines(t) {
		t.Run(engine.Name(), func(t *testing.T) {
			before := openThings(t)
			module := compile(t, engine, filepath.Join(folder, "sqlite3.wasm"))
			t.Run("queries", func(t *testing.T) { checkQueries(t, module) })
			t.Run("temp", func(t *testing.T) { checkQueriesInMemory(t, module) })
			t.Run("kills", func(t *testing.T) { checkKills(t, module) })
			t.Run("locks", func(t *testing.T) { checkLocks(t, module) })
			if err := module.Close(); err != nil {
				t.Error(err)
			}
			before.compare(t)
		})
	}
}

const sqliteScript = `create table item(id integer primary key, name text unique, body blob);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000)
insert into item select i, 'item ' || i, zeroblob(i % 700) from n;
select count(*), sum(length(body)) from item;
begin; delete from item where id % 2; select count(*) from item; rollback;
create index by_size on item(length(body), name);
select name from item where length(body) = 699 order by name limit 2;
update item set body = randomblob(9000) where id in (7, 4999);
select count(*) from item where length(body) = 9000;
savepoint s; drop table item; rollback to s; release s;
delete from item where id > 2500; vacuum;
pragma integrity_check;
insert into item(name) values ('item 1');
`

const sqliteOutput = `5000|1717600
2500
item 1399
item 2099
2
ok
`

// SQLite's ways to lock files. WASI's C library has none of POSIX's: all there is
// are directories that are made as locks. Who finds one takes it for another's, also
// when a killed process left it: so what that has begun is never rolled back.
const (
	noLocks  = "unix-none"
	dirLocks = "unix-dotfile"
)

// sqlite runs the shell on /db/test.db with a script for its input, and returns
// what it prints; the shell ends with 1 where a statement failed.
func sqlite(t *testing.T, module wasix.Module, mount vfs.Mount, script string, status int) string {
	t.Helper()
	g := start(t, module, func(cmd *wasix.Cmd) {
		cmd.Mounts, cmd.Stdin = []vfs.Mount{mount}, strings.NewReader(script)
		cmd.Stderr = newOutput()
	}, "sqlite3", "-vfs", noLocks, "/db/test.db")
	got, out := g.wait()
	if got != status {
		t.Errorf("exit status %d, want %d, output\n%s", got, status, out)
	}
	return out
}

// checkQueries runs the script, reads the file in a second process, and has the
// host's own SQLite check it, where there is one.
func checkQueries(t *testing.T, module wasix.Module) {
	dir := t.TempDir()
	checkScript(t, module, mounted(t, dir, "/db", false))
	native, err := exec.LookPath("sqlite3")
	if err != nil {
		t.Log("there is no sqlite3 here")
		return
	}
	out, err := exec.CommandContext(t.Context(), native, filepath.Join(dir, "test.db"), "pragma integrity_check; select count(*) from item").Output()
	if err != nil || string(out) != "ok\n2500\n" {
		t.Errorf("the host's SQLite says %q, %v", out, err)
	}
}

// checkQueriesInMemory is checkQueries on a file system in memory.
func checkQueriesInMemory(t *testing.T, module wasix.Module) {
	checkScript(t, module, vfs.Mount{Guest: "/db", FS: vfs.Temp(64 << 20)})
}

func checkScript(t *testing.T, module wasix.Module, mount vfs.Mount) {
	t.Helper()
	if out := sqlite(t, module, mount, sqliteScript, 1); out != sqliteOutput {
		t.Errorf("output\n%s", out)
	}
	if out := sqlite(t, module, mount, "select count(*), max(id) from item; pragma integrity_check;", 0); out != "2500|2500\nok\n" {
		t.Errorf("in a second process\n%s", out)
	}
}

const sqliteAccounts = `create table account(id integer primary key, money integer, note blob);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 400)
insert into account select i, 100, randomblob(2000) from n;
create table committed(n integer);
`

// transfers is an endless script: transactions of which each moves money between
// all accounts and is told of when it is through.
type transfers struct {
	next int
	text strings.Reader
}

func (s *transfers) Read(p []byte) (int, error) {
	if s.text.Len() == 0 {
		s.text.Reset(fmt.Sprintf(`begin;
update account set money = money + case when id %% 2 then %[1]d else -%[1]d end, note = randomblob(1000 + id * 5);
insert into committed values (%[1]d);
commit;
select 'committed %[1]d';
`, s.next))
		s.next++
	}
	return s.text.Read(p)
}

// checkKills kills the shell in the middle of transactions. The file stays whole,
// what was committed is in it, and nothing by halves.
func checkKills(t *testing.T, module wasix.Module) {
	dir := t.TempDir()
	mount := mounted(t, dir, "/db", false)
	sqlite(t, module, mount, sqliteAccounts, 0)
	told, halves := 0, 0
	for range kills {
		told = killed(t, module, mount, told)
		if _, err := os.Stat(filepath.Join(dir, "test.db-journal")); err == nil {
			halves++
		} else if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		out := sqlite(t, module, mount, "pragma integrity_check; select sum(money), count(*) from account; select max(n) from committed;", 0)
		lines := strings.Split(out, "\n")
		if len(lines) != 4 || lines[0] != "ok" || lines[1] != "40000|400" {
			t.Fatalf("after a kill\n%s", out)
		}
		last, err := strconv.Atoi(lines[2])
		if err != nil || last < told || last > told+1 {
			t.Fatalf("transaction %d was told of, %s is the last, %v", told, lines[2], err)
		}
		told = last
	}
	t.Logf("%d of %d kills came in the middle of a transaction", halves, kills)
	if halves == 0 {
		t.Error("no kill came in the middle of a transaction")
	}
}

// killed runs transactions from that after last on, kills the shell at any time
// after the second, and returns the last that the shell told of.
func killed(t *testing.T, module wasix.Module, mount vfs.Mount, last int) int {
	t.Helper()
	g := start(t, module, func(cmd *wasix.Cmd) {
		cmd.Mounts, cmd.Stdin = []vfs.Mount{mount}, &transfers{next: last + 1}
		cmd.Stderr = newOutput()
	}, "sqlite3", "-vfs", noLocks, "-cmd", "pragma cache_size = 20", "/db/test.db")
	g.expect(fmt.Sprintf(`committed %d\n`, last+2))
	time.Sleep(rand.N(20 * time.Millisecond))
	if err := g.process.Signal(abi.SignalKill); err != nil {
		t.Error(err)
	}
	if status, out := g.wait(); status != 128+int(abi.SignalKill) {
		t.Fatalf("exit status %d, output\n%s", status, out)
	}
	all := strings.Split(g.out.String(), "committed ")
	n, err := strconv.Atoi(strings.TrimSpace(all[len(all)-1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// What writes to one file at once, and how often each of them.
const (
	writers = 3
	rounds  = 60
)

// checkLocks has several processes write to one file at once, each in transactions
// that read what the others wrote: not one is lost, and the file stays whole.
func checkLocks(t *testing.T, module wasix.Module) {
	mount := mounted(t, t.TempDir(), "/db", false)
	sqlite(t, module, mount, "create table counter(n integer); insert into counter values (0); create table log(who integer, n integer unique);", 0)
	all := make([]*guest, writers)
	for i := range all {
		all[i] = start(t, module, func(cmd *wasix.Cmd) {
			cmd.Mounts, cmd.Stdin = []vfs.Mount{mount}, strings.NewReader(increments(i))
		}, "sqlite3", "-bail", "-vfs", dirLocks, "/db/test.db")
	}
	for i, g := range all {
		if status, out := g.wait(); status != 0 {
			t.Errorf("writer %d: exit status %d, output\n%s", i, status, out)
		}
	}
	out := sqlite(t, module, mount, "pragma integrity_check; select n from counter; select count(*), max(n) from log; select count(*) from log group by who;", 0)
	total := writers * rounds
	want := fmt.Sprintf("ok\n%d\n%d|%d\n%s", total, total, total, strings.Repeat(fmt.Sprintln(rounds), writers))
	if out != want {
		t.Errorf("got\n%swant\n%s", out, want)
	}
}

// increments is the script of one writer. A process that does not get the lock
// tries again, for as long as the test may take.
func increments(who int) string {
	transaction := fmt.Sprintf("begin exclusive; update counter set n = n + 1; insert into log select %d, n from counter; commit;\n", who)
	return fmt.Sprintf(".timeout %d\n", limit.Milliseconds()) + strings.Repeat(transaction, rounds)
}
