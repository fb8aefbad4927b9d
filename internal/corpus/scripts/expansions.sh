# Case, arithmetic, parameters, quotes, globbing.
for w in apple banana 'a b' '*' '' 12 x.c; do
	case $w in a*e) echo "$w: a to e";; [0-9]*) echo "$w: number";; *.c) echo "$w: C";; \*) echo star;; ?*' '?*) echo "$w: blank";; '') echo empty;; b*|c*) echo "$w: b or c";; esac
done
echo $((1 + 2 * 3)) $(((1 + 2) * 3)) $((7 / 2)) $((-7 % 3)) $((1 << 10)) $((0x1f)) $((017)) $((5 > 3)) $((!5)) $((~0))
x=5; echo $((x += 2)) $((x * x)) $((x == 7 ? 1 : 2)) $((x & 3 | 8)) $((1 && 0 || 1))
echo $((9223372036854775807 + 1)) $((2147483648 * 2))
p=/usr/local/lib/file.tar.gz
echo ${p##*/} ${p#*/} ${p%.*} ${p%%.*} ${#p} ${p%/*}
echo ${u-minus} ${u:-colon} ${u+plus} "${p:+set}" ${u=assigned} $u
(echo ${none?message}) 2>/dev/null; echo "$?"
e=; echo "<${e-minus}><${e:-colon}><${e+plus}><${e:+colon plus}>"
echo 'single $x' "double $x" \$x "\"" "a'b" 'a"b' a\ b
echo "$@" "$*" "$#"; set -- 'a b' c; echo "$@"; args "$@"; args $@; args "$*"
echo x >a1; echo x >a2; echo x >b1; echo x >.hidden
echo a* *1 [ab]1 ? *.none .h* "a*" \a\*
for f in ?1; do echo "file $f"; done
echo ~ | cat >/dev/null; HOME=/home/someone; echo ~ ~/x "~"
y='a   b'; echo $y "$y"; echo ab$((1))cd"$x"ef
echo {a,b} | cat >/dev/null
echo "a\tb" | cat >/dev/null
eval 'z=$x'; echo $z; n=x; eval "echo \$$n"
test -f a1 && test ! -d a1 && [ -d . ] && [ -e b1 -a -n x ] && [ a != b ] && [ -z "" ] && echo tests
[ 10 -gt 9 ] && [ abc = abc ] && ! [ -f none ] && [ -r a1 ] && [ -s a1 ] && echo more tests
unset x; echo "${x:-unset}" ${x:=now} $x
