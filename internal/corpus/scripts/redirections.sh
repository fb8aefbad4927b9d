# Redirections, and descriptors moved about.
echo out >out; cat out
echo more >>out; cat <out
echo new >out; cat out
{ echo to out; echo to err >&2; } >out 2>err; cat out; cat err
{ echo both; echo of them >&2; } >out 2>&1; cat out
{ echo stdout; echo stderr >&2; } 2>&1 >out | cat; cat out
exec 3>three; echo a >&3; echo b >&3; exec 3>&-; cat three
exec 3<three; read x <&3; read y <&3; echo "$y $x"; exec 3<&-
exec 3<>three; read x <&3; echo c >&3; exec 3>&-; cat three
{ echo swapped >&2; echo to stdout; } 3>&1 1>&2 2>&3 3>&- | cat
exec 3>&1; echo saved >&3; exec >out; echo hidden; exec 1>&3 3>&-; echo visible; cat out
echo x >out; { read a; read b; } <out; echo "$a/$b"
: >empty; [ -s empty ] || echo empty
cat <missing; echo "missing: $?"
echo y >missing/file; echo "no directory: $?"
echo >| out forced; cat out
set -C; echo no >out || echo "noclobber: $?"; echo yes >|out; set +C; cat out
if true; then echo in if; fi >out; cat out
for i in 1 2 3; do echo $i; done >out; cat out
while read l; do echo "l $l"; done <out
f() { echo f out; echo f err >&2; }; f >out 2>&1; lines <out
(echo sub) >out; cat out
echo a >out; (echo b; echo c) >>out; lines <out
{ cat <&3; } 3<out
ls() { echo function; }; ls >out; cat out
echo to null >/dev/null; cat /dev/null
>touched; [ -f touched ] && echo touched
{ echo through 3 >&3; } 3>&1
{ cat out; cat; } <<END
standard input
END
(echo in a subshell >&3; args in a program >&3) 3>out; cat out
{ echo a; echo b >&3; } 3>&1 | { read x; echo "$x 1"; cat; }
exec 3>&1; { echo to 3 >&3; echo piped; } | { cat >/dev/null; }; exec 3>&-
