# Functions, parameters, local variables, recursion.
f() { echo "$# $1 $2"; }; f a "b c"; f
set -- x y; f z; echo "$1 $#"
g() { local v=inner; h; echo "g $v"; }; h() { echo "h sees $v"; v=changed; }; v=outer; g; echo "$v"
fact() { if [ $1 -le 1 ]; then r=1; else fact $(($1 - 1)); r=$(($1 * r)); fi; }; fact 10; echo $r
fib() { [ $1 -lt 2 ] && { r=$1; return; }; fib $(($1 - 1)); set -- $1 $r; fib $(($1 - 2)); r=$(($r + $2)); }; fib 12; echo $r
down() { [ $1 -eq 0 ] && return 3; down $(($1 - 1)); }; down 50; echo "$?"
args() { for a; do echo "<$a>"; done; }; args "" "a b" 'c"d'
shift; echo "$#"
f() (x=sub; echo $x; exit 5); x=mine; f; echo "$? $x"
f() { shift 2; echo "$@"; }; f 1 2 3 4
f() { echo again; }; unset -f f; f 2>/dev/null || echo gone
f() { unset x; echo "${x-unset}"; }; f; echo "${x-unset}"
VAR=temporary f; f() { eval "$1"; }; f 'echo evaluated; y=set'; echo $y
f() { cat; } <<END
redirected where it is defined
END
f
command echo by command; echo() { command echo "mine: $*"; }; echo hidden; unset -f echo; echo back
nested() { inner() { echo "inner $1"; }; }; nested; inner works
